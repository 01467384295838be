import { assertEquals, assertThrows } from "@std/assert";
import { ACKNOWLEDGED, Ledger } from "../../tools/chaos/request_tracker.ts";

/** A ledger on a clock that moves by one with each look at it. */
function makeLedger(): Ledger {
  let now = 0;
  return new Ledger(() => now++);
}

Deno.test("Ledger.lost names what was acknowledged and never arrived, and nothing else", () => {
  const ledger = makeLedger();
  const [arrived, lost, failed] = [ledger.begin("a"), ledger.begin("a"), ledger.begin("b")];
  ledger.see(arrived);
  ledger.end(arrived, ACKNOWLEDGED);
  ledger.end(lost, ACKNOWLEDGED);
  ledger.end(failed, "timeout");
  assertEquals(ledger.lost, [lost]);
  assertEquals([ledger.twice, ledger.untold], [[], []]);
});

Deno.test("Ledger.twice names what arrived again, however it was told", () => {
  const ledger = makeLedger();
  const [good, failed] = [ledger.begin("a"), ledger.begin("a")];
  for (const number of [good, good, failed, failed]) ledger.see(number);
  ledger.end(good, ACKNOWLEDGED);
  ledger.end(failed, "failed");
  assertEquals(ledger.twice, [good, failed]);
  assertEquals(ledger.untold, [failed]);
});

Deno.test("Ledger.see() keeps numbers that nobody sent apart", () => {
  const ledger = makeLedger();
  ledger.see("7");
  assertEquals([...ledger.strangers], ["7"]);
  assertThrows(() => ledger.end("7", ACKNOWLEDGED), Error, 'Number was never sent: "7"');
});

Deno.test("Ledger.firstAcknowledged() and failures() count what was sent since a moment", () => {
  const ledger = makeLedger();
  ledger.end(ledger.begin("a"), ACKNOWLEDGED);
  ledger.end(ledger.begin("b"), "timeout");
  ledger.end(ledger.begin("a"), ACKNOWLEDGED);
  ledger.end(ledger.begin("a"), ACKNOWLEDGED);
  ledger.end(ledger.begin("b"), "failed");
  assertEquals(ledger.firstAcknowledged(4), new Map([["a", 5]]));
  assertEquals(ledger.acknowledgedSince(4), 2);
  assertEquals(ledger.failures(4), new Map([["failed", 1]]));
  assertEquals(ledger.failures(), new Map([["timeout", 1], ["failed", 1]]));
});
