import { assertEquals } from "@std/assert";
import { StreamRecord } from "../../tools/chaos/stream_record.ts";

/** What a listener got: numbers, and `gap`. */
function recordOf(...parts: string[]): StreamRecord {
  const record = new StreamRecord("listener");
  for (const [at, part] of parts.entries()) {
    if (part === "gap") record.add({ type: "gap", message: "Gap", timestamp: 0 }, at);
    else {
      record.add(
        { type: "message", topic: "t", payload: part, qos: 1, retain: false, timestamp: 0, epoch: "e", offset: at },
        at,
      );
    }
  }
  return record;
}

const PASSED_ON = ["1", "2", "3", "4", "5", "6"];

Deno.test("StreamRecord.missing() is empty when all came", () => {
  assertEquals(recordOf(...PASSED_ON).missing(PASSED_ON), []);
});

Deno.test("StreamRecord.missing() finds a hole that no gap told of, also at the beginning", () => {
  assertEquals(recordOf("1", "2", "4", "5", "6").missing(PASSED_ON), ["3"]);
  assertEquals(recordOf("3", "4", "5", "6").missing(PASSED_ON), ["1", "2"]);
});

Deno.test("StreamRecord.missing() excuses a hole at a gap, and only there", () => {
  assertEquals(recordOf("1", "2", "gap", "5", "6").missing(PASSED_ON), []);
  assertEquals(recordOf("1", "gap", "3", "6").missing(PASSED_ON), ["4", "5"]);
});

Deno.test("StreamRecord.missing() does not take a message that ran again later for a place in the order", () => {
  const passedOn = ["1", "2", "3", "4", "1", "5"];
  assertEquals(recordOf("1", "2", "gap", "1", "5").missing(passedOn), []);
  assertEquals(recordOf("1", "3", "gap", "1", "5").missing(passedOn), ["2"]);
});

Deno.test("StreamRecord.surplus() finds what came more often than the broker passed it on", () => {
  assertEquals(recordOf("1", "2", "2").surplus(["1", "2"]), ["2"]);
  assertEquals(recordOf("1", "2", "2").surplus(["1", "2", "2"]), []);
});

Deno.test("StreamRecord.endings keeps what streams said last", () => {
  const record = recordOf("1");
  record.add({ type: "end", message: "Gateway is shutting down", timestamp: 0 }, 1);
  assertEquals([...record.endings], ["Gateway is shutting down"]);
  assertEquals(record.events, new Map([["end", 1]]));
});
