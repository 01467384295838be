import { assert, assertEquals, assertThrows } from "@std/assert";
import { ServiceError } from "../../../src/services/service.ts";
import { TokenRefusedError } from "../../../src/services/home_assistant/stream_errors.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { EPOCH, LOST, makeHub, RESUME_SECONDS } from "./hub_home.ts";

Deno.test("subscribe() passes the current states as retained, then changes, of the selected entities alone", () => {
  const home = makeHub();
  home.states.set("light.a", "off").set("lock.door", "locked");
  const { calls } = home.listen({ patterns: ["light.*"] });
  home.begin();
  home.set("light.a", "on");
  home.set("lock.door", "open");
  home.set("light.b", "on");
  home.remove("light.a");
  home.remove("lock.door");
  assertEquals(calls, ["connected", "light.a=off retained", "light.a=on", "light.b=on", "light.a=removed"]);
});

Deno.test("subscribe() shares one connection, also with a listener that comes later", () => {
  const home = makeHub();
  home.states.set("light.a", "off");
  const first = home.listen();
  home.begin();
  home.set("light.a", "on");
  const second = home.listen();
  home.set("light.a", "off");
  assertEquals(first.calls, ["connected", "light.a=off retained", "light.a=on", "light.a=off"]);
  assertEquals(second.calls, ["connected", "light.a=on retained", "light.a=off"]);
  assertEquals(home.connections, 1);
});

Deno.test("hub closes the connection some time after the last listener left", () => {
  const home = makeHub();
  const listeners = [home.listen(), home.listen()];
  home.begin();
  for (const { remove } of listeners) remove();
  home.clock.pass(RESUME_SECONDS * 1000 - 1);
  assert(home.isOpen);
  home.clock.pass(1);
  assertEquals([home.isOpen, home.hub.isConnected, home.clock.timers, home.history.bytes], [false, false, 0, 0]);
});

Deno.test("hub keeps the connection when a listener comes back in time", () => {
  const home = makeHub();
  home.listen().remove();
  home.begin();
  home.listen();
  home.clock.pass(RESUME_SECONDS * 1000);
  assertEquals([home.isOpen, home.connections], [true, 1]);
});

Deno.test("subscribe() resumes with exactly what was missed", () => {
  const home = makeHub();
  home.states.set("light.a", "1").set("light.b", "1");
  const first = home.listen({ patterns: ["light.*"] });
  home.begin();
  home.set("light.a", "2");
  first.remove();
  home.set("light.b", "2");
  home.set("light.b", "3");
  home.set("lock.door", "open");
  home.remove("light.a");
  const { calls } = home.listen({ patterns: ["light.*"], since: first.position });
  home.set("light.b", "4");
  assertEquals(calls, ["connected", "light.b=2", "light.b=3", "light.a=removed", "light.b=4"]);
});

Deno.test("subscribe() resumes among the first states with the rest of them", () => {
  const home = makeHub();
  home.states.set("light.a", "1").set("light.b", "1").set("light.c", "1");
  const listener = home.listen();
  home.begin();
  home.set("light.b", "2");
  // It received nothing but `connected`.
  const { offset = 0 } = listener.start ?? {};
  assertEquals(home.listen({ since: listener.start }).calls, [
    "connected",
    "light.a=1 retained",
    "light.c=1 retained",
    "light.b=2",
  ]);
  // It received the state of light.a.
  assertEquals(home.listen({ since: { epoch: EPOCH, offset: offset + 1 } }).calls, [
    "connected",
    "light.c=1 retained",
    "light.b=2",
  ]);
});

Deno.test("subscribe() resumes after the first states without the changes from before them", () => {
  const home = makeHub();
  home.states.set("light.a", "1").set("light.b", "1");
  home.listen();
  home.begin();
  home.remove("light.b");
  const { position, remove, calls } = home.listen();
  assertEquals(calls, ["connected", "light.a=1 retained"]);
  remove();
  assertEquals(home.listen({ since: position }).calls, ["connected"]);
  const none = home.listen({ patterns: ["lock.*"] });
  assertEquals(none.position, position);
});

for (
  const [what, since] of Object.entries({
    "of another epoch": { epoch: "other", offset: 2 },
    "from before the connection": { epoch: EPOCH, offset: 0 },
    "that was never assigned": { epoch: EPOCH, offset: 99 },
  })
) {
  Deno.test(`subscribe() reports a gap before all states for a position ${what}`, () => {
    const home = makeHub();
    home.states.set("light.a", "1");
    // Its selection is known.
    home.listen();
    home.begin();
    assertEquals(home.listen({ since }).calls, ["connected", "gap", "light.a=1 retained"]);
  });
}

for (
  const [what, options] of Object.entries({
    "other patterns": { patterns: ["light.*", "lock.*"] },
    "another key, or other rights": { owner: {}, patterns: ["light.*"] },
  })
) {
  Deno.test(`subscribe() reports a gap to a listener with ${what} than before, as it lacks states`, () => {
    const home = makeHub();
    home.states.set("light.a", "1");
    const { position, remove } = home.listen({ patterns: ["light.*"] });
    home.begin();
    remove();
    const since = home.listen({ patterns: ["light.*"] }).position ?? position;
    assertEquals(home.listen({ ...options, since }).calls, ["connected", "gap", "light.a=1 retained"]);
  });
}

Deno.test("subscribe() resumes within the time for it, whether or not another key keeps the connection", () => {
  const home = makeHub();
  home.states.set("light.a", "1");
  home.listen({ owner: {} });
  const first = home.listen({ patterns: ["light.*", "lock.*"] });
  home.begin();
  first.remove();
  home.clock.pass(RESUME_SECONDS * 1000);
  const patterns = ["lock.*", "light.*"];
  const second = home.listen({ patterns, since: first.position });
  assertEquals(second.calls, ["connected"]);
  second.remove();
  home.clock.pass(RESUME_SECONDS * 1000 + 1);
  assertEquals(home.listen({ patterns, since: second.position }).calls, ["connected", "gap", "light.a=1 retained"]);
});

Deno.test("subscribe() reports a gap where changes of selected entities are no longer kept, and only there", () => {
  const home = makeHub({ maxHistoryBytes: 5_000 });
  home.states.set("light.a", "1").set("sensor.power", "1");
  const light = home.listen({ patterns: ["light.*"] });
  const sensor = home.listen({ patterns: ["sensor.*"] });
  home.begin();
  for (const { remove } of [light, sensor]) remove();
  home.set("light.a", "2");
  for (let watts = 0; watts < 100; watts++) home.set("sensor.power", `${watts}`);
  assertEquals(home.listen({ patterns: ["light.*"], since: light.position }).calls, ["connected", "light.a=2"]);
  assertEquals(home.listen({ patterns: ["sensor.*"], since: sensor.position }).calls, [
    "connected",
    "gap",
    "sensor.power=99 retained",
  ]);
});

Deno.test("hub ends its listeners when the connection is lost, and none of them resumes without a gap", () => {
  const home = makeHub();
  home.states.set("light.a", "1");
  const first = home.listen();
  home.begin();
  home.lose();
  assertEquals(first.calls, ["connected", "light.a=1 retained", "ended service_unreachable"]);
  const second = home.listen({ since: first.position });
  home.clock.pass(1000);
  home.begin();
  assertEquals(second.calls, ["connected", "gap", "light.a=1 retained"]);
  assertEquals(home.connections, 2);
  assertEquals(home.logged, ["warn Home Assistant closed the connection", "Home Assistant is connected again"]);
});

Deno.test("hub reconnects for listeners with keep, and passes them all states after a gap", () => {
  const home = makeHub();
  home.states.set("light.a", "1").set("light.b", "1");
  const { calls, view } = home.listen({ keep: true });
  home.begin();
  home.lose();
  home.states.set("light.a", "2");
  home.states.delete("light.b");
  home.clock.pass(500);
  home.begin();
  home.set("light.a", "3");
  assertEquals(calls.slice(3), ["offline", "online", "gap", "light.a=2 retained", "light.a=3"]);
  assertEquals(view, home.states);
});

Deno.test("hub waits longer before each attempt while connections close at once, and logs the loss once", () => {
  const home = makeHub();
  const { calls } = home.listen({ keep: true });
  home.begin();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    const before = home.connections;
    home.lose();
    const lostAt = home.clock.monotonic();
    while (home.connections === before) home.clock.pass(100);
    waits.push(home.clock.monotonic() - lostAt);
  }
  assertEquals(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  assertEquals(calls, ["connected", "offline"]);
  assertEquals(home.logged.length, 1);
});

Deno.test("hub tries again every 2 s at most while Home Assistant is out of reach, however long", () => {
  const home = makeHub();
  const { calls } = home.listen({ keep: true });
  home.begin();
  home.lose();
  for (let attempt = 0; attempt < 30; attempt++) {
    home.clock.pass(2000);
    assert(home.isOpen);
    home.lose(LOST, { isReached: false });
  }
  home.clock.pass(2000);
  home.begin();
  assertEquals(calls, ["connected", "offline", "online", "gap"]);
});

Deno.test("hub begins with short waits again once a connection lasted eight times the wait before it", () => {
  const home = makeHub();
  home.listen({ keep: true });
  for (let attempt = 0; attempt < 5; attempt++) {
    home.begin();
    home.lose();
    home.clock.pass(30_000);
  }
  home.begin();
  home.clock.pass(8 * 8000);
  home.lose();
  assert(!home.isOpen);
  home.clock.pass(500);
  assert(home.isOpen);
});

Deno.test("subscribe() connects at most once a second, however many listeners come", () => {
  const home = makeHub();
  for (let listener = 0; listener < 50; listener++) {
    home.listen();
    home.lose();
    home.clock.pass(100);
  }
  // At once, and after each of five seconds.
  assertEquals(home.connections, 6);
});

Deno.test("subscribe() does not wait for the backoff of others", () => {
  const home = makeHub();
  home.listen({ keep: true });
  home.begin();
  for (let attempt = 0; attempt < 8; attempt++) {
    home.lose();
    home.clock.pass(30_000);
  }
  home.lose();
  const before = home.connections;
  home.clock.pass(5000);
  home.listen();
  assertEquals(home.connections, before + 1);
});

Deno.test("hub stops for good when the token is refused: it ends all listeners, and connects no more", () => {
  const home = makeHub();
  const listeners = [home.listen({ keep: true }), home.listen()];
  home.begin();
  home.lose();
  home.clock.pass(500);
  home.lose(new TokenRefusedError());
  assertEquals(listeners.map(({ calls }) => calls.at(-1)), ["ended service_answer", "ended service_unreachable"]);
  home.clock.pass(3_600_000);
  assertEquals([home.connections, home.clock.timers], [2, 0]);
  assertThrows(() => home.listen(), ServiceError, "set HOME_ASSISTANT_TOKEN, and restart the gateway");
  assertEquals(home.connections, 2);
  assertEquals(home.logged.at(-1)?.startsWith("error Home Assistant refuses the gateway's token"), true);
});

Deno.test("hub ends listeners that wait when the connection fails, and tries no more without listeners", () => {
  const home = makeHub();
  const { calls } = home.listen({ keep: true });
  home.lose();
  assertEquals(calls, ["ended service_unreachable"]);
  home.clock.pass(3_600_000);
  assertEquals([home.connections, home.clock.timers], [1, 0]);
});

Deno.test("hub ends a connection whose events are malformed", () => {
  const home = makeHub();
  home.listen();
  home.begin();
  assertThrows(() => home.report({ c: { "light.unknown": {} } }), ServiceError, "a change of an unknown entity");
});

Deno.test("hub passes on the backpressure of streams", async () => {
  const home = makeHub();
  home.listen();
  home.begin();
  const { promise, resolve } = Promise.withResolvers<void>();
  home.setBackpressure(promise);
  const paused = home.set("light.a", "on");
  assert(paused !== undefined);
  resolve();
  await paused;
});

Deno.test("subscribe() passes nothing to a listener that leaves while it receives the first states", () => {
  const home = makeHub();
  home.states.set("light.a", "1").set("light.b", "1");
  const { calls, remove } = home.listen();
  const push = calls.push.bind(calls);
  calls.push = (...texts) => {
    if (texts[0]?.startsWith("light.a")) remove();
    return push(...texts);
  };
  home.begin();
  home.set("light.a", "2");
  assertEquals([...calls], ["connected", "light.a=1 retained"]);
});

/** Clock by which everything takes longer than its turn. */
class SlowClock extends ManualClock {
  #reads = 0;

  override monotonic(): number {
    this.#reads += 1;
    return super.monotonic() + 10 * this.#reads;
  }
}

/** Lets a hub work until it has passed what it has. */
async function finishWork({ clock }: { readonly clock: ManualClock }): Promise<void> {
  for (let step = 0; step < 50; step++) {
    clock.pass(1);
    await Promise.resolve();
  }
}

Deno.test("hub pauses between states, and each listener receives those of its own moment and then the changes", async () => {
  const home = makeHub({ clock: new SlowClock() });
  home.states.set("light.a", "1").set("light.b", "1");
  const listeners = [home.listen(), home.listen(), home.listen()];
  home.begin();
  assertEquals(listeners.map(({ calls }) => calls.length), [2, 0, 0]);
  assert(home.set("light.b", "2") !== undefined);
  await finishWork(home);
  home.set("light.b", "3");
  await finishWork(home);
  const [first, ...others] = listeners.map(({ calls }) => [...calls]);
  assertEquals(first, ["connected", "light.a=1 retained", "light.b=1 retained", "light.b=2", "light.b=3"]);
  for (const calls of others) {
    assertEquals(calls, ["connected", "light.a=1 retained", "light.b=2 retained", "light.b=3"]);
  }
});

Deno.test("hub reads nothing further until the changes of an event are passed, in their order", async () => {
  const home = makeHub({ clock: new SlowClock() });
  const { calls } = home.listen();
  home.begin();
  await finishWork(home);
  let isPassed = false;
  const event = { a: Object.fromEntries(["light.a", "light.b", "light.c"].map((id) => [id, { s: "on", lc: 1 }])) };
  home.report(event)?.then(() => isPassed = true);
  assertEquals(calls, ["connected", "light.a=on"]);
  await Promise.resolve();
  assertEquals(isPassed, false);
  await finishWork(home);
  assertEquals([isPassed, calls], [true, ["connected", "light.a=on", "light.b=on", "light.c=on"]]);
});

Deno.test("hub begins with a listener between two events, even if there is always a next one", async () => {
  const home = makeHub({ clock: new SlowClock() });
  home.listen();
  home.begin();
  await finishWork(home);
  let value = 0;
  const sendNext = (): unknown => home.set("light.a", `${value++}`)?.then(sendNext);
  sendNext();
  const { calls } = home.listen();
  await finishWork(home);
  assertEquals(calls[0], "connected");
});

Deno.test("hub ends the connection when a state cannot be passed, as the rest of the changes is lost", async () => {
  const home = makeHub();
  const [broken, other] = [home.listen(), home.listen()];
  home.begin();
  const push = broken.calls.push.bind(broken.calls);
  broken.calls.push = (...texts) => {
    if (texts[0] === "light.a=on") throw new Error("Broken");
    return push(...texts);
  };
  home.set("light.a", "on");
  await finishWork(home);
  assertEquals([home.isOpen, other.calls], [false, ["connected", "ended service_unreachable"]]);
});

Deno.test("hub begins no listener of a connection that was lost in a pause, and passes no further state", async () => {
  const home = makeHub({ clock: new SlowClock() });
  home.states.set("light.a", "1").set("light.b", "1");
  const listeners = [home.listen(), home.listen()];
  home.begin();
  home.lose();
  await finishWork(home);
  assertEquals(listeners.map(({ calls }) => [...calls]), [
    ["connected", "light.a=1 retained", "ended service_unreachable"],
    ["ended service_unreachable"],
  ]);
});

Deno.test("close() ends all listeners, and refuses further ones", () => {
  const home = makeHub();
  const { calls } = home.listen({ keep: true });
  home.begin();
  home.hub.close(new ServiceError(503, "Gateway is shutting down", { code: "restart" }));
  assertEquals(calls, ["connected", "ended restart"]);
  assertEquals([home.isOpen, home.clock.timers], [false, 0]);
  assertThrows(() => home.listen(), ServiceError, "Gateway is shutting down");
});
