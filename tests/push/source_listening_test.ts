import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Scope } from "../../src/keys/rights.ts";
import { SourceListening } from "../../src/push/source_listening.ts";
import { FakeSource } from "../support/alerts.ts";
import { message } from "../support/push_rules.ts";
import { ManualClock } from "../support/manual_clock.ts";

const ALL = new Scope({ fake: { topics: ["#"] } });

function makeListening() {
  const source = new FakeSource();
  const clock = new ManualClock();
  const received: string[] = [];
  const logged: string[] = [];
  const write = (text: string) => void logged.push(text);
  const listening = new SourceListening({
    ...{ source, clock, owner: "phone", random: () => 0, log: { info: write, warn: write } },
    onEvent: ({ text }) => received.push(String(text)),
  });
  return { source, clock, received, logged, listening };
}

Deno.test("select() listens to a new selection before it leaves the one before, and passes each event once", () => {
  const { source, listening, received } = makeListening();
  listening.select(["a"], ALL);
  source.send("a", "1");
  source.isOnline = false;
  listening.select(["a", "b"], ALL);
  source.send("a", "2");
  assertEquals([received, source.connections.size], [["1", "2"], 2]);
  const [, { listener } = { listener: undefined }] = source.connections;
  listener?.onReady();
  // What arrived before.
  listener?.onEvent(message("2", { subject: "a" }), true);
  assertEquals(source.connections.size, 1);
  source.send("a", "3");
  source.send("b", "4");
  assertEquals(received, ["1", "2", "3", "4"]);
  listening.select(["a", "b"], ALL);
  assertEquals(source.selections.length, 2);
  listening.select([], ALL);
  assertEquals(source.connections.size, 0);
});

Deno.test("select() stops at once what earlier rights allowed", () => {
  const { source, listening, received } = makeListening();
  listening.select(["a", "b"], ALL);
  const [before] = source.connections;
  source.isOnline = false;
  listening.select(["a"], new Scope({ fake: { topics: ["a"] } }));
  assertEquals(source.connections.size, 1);
  // A source that goes on by mistake.
  before?.listener.onEvent(message("0", { subject: "a" }), false);
  const [after] = source.connections;
  after?.listener.onReady();
  source.send("a", "1");
  listening.stop();
  source.send("a", "2");
  assertEquals([received, source.connections.size], [["1"], 0]);
});

Deno.test("select() misses no event when the rights change and still grant what was selected", () => {
  const { source, listening, received } = makeListening();
  listening.select(["a"], ALL);
  source.isOnline = false;
  listening.select(["a", "b"], new Scope({ fake: { topics: ["a", "b"] } }));
  source.send("a", "1");
  const [, now] = source.connections;
  now?.listener.onReady();
  source.send("a", "2");
  assertEquals([received, source.connections.size], [["1", "2"], 1]);
  listening.stop();
});

Deno.test("select() stops what earlier rights allowed when the same selection is granted only in part", () => {
  const { source, listening, received } = makeListening();
  source.grantsInPart = true;
  listening.select(["#"], ALL);
  source.isOnline = false;
  listening.select(["#"], new Scope({ fake: { topics: ["a"] } }));
  source.send("b", "1");
  assertEquals([received, source.connections.size], [[], 1]);
  listening.stop();
});

Deno.test("select() stops all earlier selections when one of them is not granted any more", () => {
  const { source, listening, received } = makeListening();
  listening.select(["a", "b"], ALL);
  source.isOnline = false;
  // The first selection still passes events, as the second one is not ready.
  listening.select(["a"], ALL);
  listening.select(["a"], new Scope({ fake: { topics: ["a"] } }));
  source.send("b", "1");
  assertEquals([received, source.connections.size], [[], 1]);
  listening.stop();
  assertEquals(source.connections.size, 0);
});

Deno.test("select() listens at once with other rights while a retry waits", () => {
  const { source, clock, listening, received } = makeListening();
  listening.select(["a"], ALL);
  source.end();
  listening.select(["a"], new Scope({ fake: { topics: ["a"] } }));
  source.send("a", "1");
  assertEquals([received, source.connections.size, clock.timers], [["1"], 1, 0]);
  listening.stop();
});

Deno.test("SourceListening listens again after longer and longer waits, and reports that once", () => {
  const { source, clock, listening, received, logged } = makeListening();
  source.isOnline = false;
  listening.select(["a"], ALL);
  for (const wait of [250, 500, 1000]) {
    source.end();
    // A selection that comes meanwhile waits as well.
    listening.select(["a", String(wait)], ALL);
    assertEquals([source.connections.size, clock.timers], [0, 1]);
    clock.pass(wait);
    assertEquals(source.connections.size, 1);
  }
  assertEquals(source.selections.at(-1), ["a", "1000"]);
  source.isOnline = true;
  source.end();
  clock.pass(2000);
  source.send("a", "1");
  assertEquals(received, ["1"]);
  assertEquals(logged, [
    "Alerts of {key} receive no events of {source}: {reason}",
    "Alerts of {key} receive events of {source} again",
  ]);
  source.end();
  listening.stop();
  assertEquals(clock.timers, 0);
});

Deno.test("SourceListening waits as well when the source refuses", () => {
  const { source, clock, listening } = makeListening();
  listening.select(["a"], new Scope({ fake: { topics: [] } }));
  assertEquals([source.connections.size, clock.timers], [0, 1]);
  listening.stop();
});

Deno.test("SourceListening passes each event of a source that works exactly once, whatever is selected", () => {
  const step = fc.oneof(
    fc.constant("send" as const),
    fc.constant("end" as const),
    fc.constant("ready" as const),
    fc.subarray(["a", "b", "c"], { minLength: 1 }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const { source, clock, listening, received } = makeListening();
    const expected: string[] = [];
    let select: readonly string[] = ["a"];
    listening.select(select, ALL);
    for (const [index, one] of steps.entries()) {
      if (one === "send") {
        // Some listener that is ready has it.
        const hasA = source.connections.size > 0 && select.includes("a") && source.isOnline;
        source.send("a", String(index));
        if (hasA) expected.push(String(index));
        continue;
      }
      if (one === "end") source.end();
      else if (one === "ready") clock.pass(60_000);
      else listening.select(select = one, ALL);
    }
    assertEquals(received.filter((text) => expected.includes(text)), expected);
    assertEquals(new Set(received).size, received.length);
  }));
});
