import { assertEquals } from "@std/assert";
import { StreamRecord } from "../../tools/chaos/stream_record.ts";

/** Returns the record of received numbers and gap events, given as `gap`. */
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

const DELIVERED = ["1", "2", "3", "4", "5", "6"];

Deno.test("StreamRecord.missing() is empty when all were received", () => {
  assertEquals(recordOf(...DELIVERED).missing(DELIVERED), []);
});

Deno.test("StreamRecord.missing() returns numbers missing without a gap event, also at the beginning", () => {
  assertEquals(recordOf("1", "2", "4", "5", "6").missing(DELIVERED), ["3"]);
  assertEquals(recordOf("3", "4", "5", "6").missing(DELIVERED), ["1", "2"]);
});

Deno.test("StreamRecord.missing() allows missing numbers at a gap event, and only there", () => {
  assertEquals(recordOf("1", "2", "gap", "5", "6").missing(DELIVERED), []);
  assertEquals(recordOf("1", "gap", "3", "6").missing(DELIVERED), ["4", "5"]);
});

Deno.test("StreamRecord.missing() ignores the position of a message that was delivered twice", () => {
  const delivered = ["1", "2", "3", "4", "1", "5"];
  assertEquals(recordOf("1", "2", "gap", "1", "5").missing(delivered), []);
  assertEquals(recordOf("1", "3", "gap", "1", "5").missing(delivered), ["2"]);
});

Deno.test("StreamRecord.surplus() returns numbers received more often than the broker delivered them", () => {
  assertEquals(recordOf("1", "2", "2").surplus(["1", "2"]), ["2"]);
  assertEquals(recordOf("1", "2", "2").surplus(["1", "2", "2"]), []);
});

Deno.test("StreamRecord.endMessages has the texts of final events", () => {
  const record = recordOf("1");
  record.add({ type: "end", message: "Gateway is shutting down", timestamp: 0 }, 1);
  assertEquals([...record.endMessages], ["Gateway is shutting down"]);
  assertEquals(record.events, new Map([["end", 1]]));
});
