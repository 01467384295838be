import { assertEquals, assertThrows } from "@std/assert";
import { ACKNOWLEDGED, RequestTracker } from "../../tools/chaos/request_tracker.ts";

/** Returns a tracker whose clock advances by one with each reading. */
function makeTracker(): RequestTracker {
  let now = 0;
  return new RequestTracker(() => now++);
}

Deno.test("RequestTracker.lost has acknowledged requests that were never executed, and no others", () => {
  const tracker = makeTracker();
  const [executed, lost, failed] = [tracker.send("a"), tracker.send("a"), tracker.send("b")];
  tracker.execute(executed);
  tracker.finish(executed, ACKNOWLEDGED);
  tracker.finish(lost, ACKNOWLEDGED);
  tracker.finish(failed, "timeout");
  assertEquals(tracker.lost, [lost]);
  assertEquals([tracker.duplicates, tracker.failedButExecuted], [[], []]);
});

Deno.test("RequestTracker.duplicates has requests that were executed twice, whatever their outcome", () => {
  const tracker = makeTracker();
  const [succeeded, failed] = [tracker.send("a"), tracker.send("a")];
  for (const number of [succeeded, succeeded, failed, failed]) tracker.execute(number);
  tracker.finish(succeeded, ACKNOWLEDGED);
  tracker.finish(failed, "failed");
  assertEquals(tracker.duplicates, [succeeded, failed]);
  assertEquals(tracker.failedButExecuted, [failed]);
});

Deno.test("RequestTracker.execute() records numbers that were never sent as unknown", () => {
  const tracker = makeTracker();
  tracker.execute("7");
  assertEquals([...tracker.unknown], ["7"]);
  assertThrows(() => tracker.finish("7", ACKNOWLEDGED), Error, 'Number was never sent: "7"');
});

Deno.test("RequestTracker.firstAcknowledged() and failures() count requests sent since a time", () => {
  const tracker = makeTracker();
  tracker.finish(tracker.send("a"), ACKNOWLEDGED);
  tracker.finish(tracker.send("b"), "timeout");
  tracker.finish(tracker.send("a"), ACKNOWLEDGED);
  tracker.finish(tracker.send("a"), ACKNOWLEDGED);
  tracker.finish(tracker.send("b"), "failed");
  assertEquals(tracker.firstAcknowledged(4), new Map([["a", 5]]));
  assertEquals(tracker.acknowledgedSince(4), 2);
  assertEquals(tracker.failures(4), new Map([["failed", 1]]));
  assertEquals(tracker.failures(), new Map([["timeout", 1], ["failed", 1]]));
});
