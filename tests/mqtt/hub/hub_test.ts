/** The hub, by examples. What it promises in any order of events is in `hub_property_test.ts`. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrokerError } from "../../../src/mqtt/broker.ts";
import type { Position } from "../../../src/protocol/event.ts";
import { type Recorder, Stage, WAYS } from "../../support/hub.ts";
import { settle } from "../../support/settle.ts";

const HUNG_UP = "Broker hung up";

/** What the broker was asked for, in words. */
function requests({ broker }: Stage): string[] {
  return broker.subscribed.map((request) => request.map(({ filter, qos }) => `${filter} at ${qos}`).join(", "));
}

function growing(positions: readonly Position[]): boolean {
  return positions.every(({ offset }, index) => index === 0 || offset > (positions[index - 1]?.offset ?? offset));
}

function positionOf(listener: Recorder, index = -1): Position {
  const position = listener.positions.at(index);
  if (position === undefined) throw new Error("The listener has heard nothing");
  return position;
}

// Asking the broker.

Deno.test("join() asks the broker once for a filter of two listeners, and both hear", async () => {
  await using stage = new Stage();
  const [one, other] = [stage.join("door/+"), stage.join("door/+")];
  await stage.gather();
  stage.broker.publish("door/front", "open");
  assertEquals(requests(stage), ["door/+ at 0"]);
  for (const listener of [one, other]) assertEquals(listener.heard, ["connected", "door/front: open"]);
});

Deno.test("join() asks for the highest QoS that anybody wants", async () => {
  await using stage = new Stage();
  for (const qos of [0, 2, 1] as const) stage.join("door", { qos });
  await stage.gather();
  await stage.listen("door", { qos: 0 });
  assertEquals(requests(stage), ["door at 2", "door at 2"]);
});

Deno.test("join() gathers those who come within 5 ms into one request", async () => {
  await using stage = new Stage();
  stage.join(["a", "b"]);
  await stage.pass(4);
  stage.join(["b", "c"]);
  assertEquals(requests(stage), []);
  await stage.pass(1);
  assertEquals(requests(stage), ["a at 0, b at 0, c at 0"]);
  await stage.listen("d");
  assertEquals(requests(stage), ["a at 0, b at 0, c at 0", "d at 0"]);
});

Deno.test("a refused filter ends those who asked for it, and nobody else", async () => {
  await using stage = new Stage();
  stage.broker.refused.add("secret/#");
  const [one, other, third] = [stage.join("secret/#"), stage.join(["door", "secret/#"]), stage.join("door")];
  await stage.gather();
  stage.broker.publish("door", "open");
  const refused = ["ended: Broker refused the subscription to secret/#"];
  assertEquals([one.heard, other.heard, third.heard], [refused, refused, ["connected", "door: open"]]);
});

Deno.test("a refused filter is asked for anew when somebody wants it later", async () => {
  await using stage = new Stage();
  stage.broker.refused.add("secret");
  await stage.listen("secret");
  stage.broker.refused.clear();
  assertEquals((await stage.listen("secret")).heard, ["connected"]);
});

Deno.test("a broker that cannot be reached, or does not answer in time, ends those who join", async () => {
  await using stage = new Stage();
  stage.broker.isUp = false;
  assertEquals((await stage.listen("door", { keep: true })).heard, ["ended: Broker is not there"]);
  stage.broker.isUp = true;
  stage.broker.reads = false;
  const mute = stage.join("door", { keep: true });
  await stage.pass(11_000);
  assertEquals(mute.heard, ["ended: Broker house:1883 did not answer within 10 s"]);
  stage.broker.read();
  const frozen = await stage.listen("door");
  stage.broker.reads = false;
  const late = stage.join("window");
  await stage.pass(11_000);
  const ended = "ended: Broker house:1883 did not answer within 10 s";
  assertEquals([frozen.heard, late.heard], [["connected", ended], [ended]]);
});

Deno.test("a broker that hangs up while it is asked ends those who join", async () => {
  await using stage = new Stage();
  stage.broker.hangsUp = true;
  assertEquals((await stage.listen("door")).heard, [`ended: ${HUNG_UP}`]);
  stage.broker.hangsUp = false;
  assertEquals((await stage.listen("door")).heard, ["connected"]);
});

Deno.test("a grant that came right before the connection broke is worth nothing", async () => {
  await using stage = new Stage();
  stage.broker.sends = false;
  const listener = await stage.listen("door");
  stage.broker.send(1);
  await settle();
  stage.broker.send(1);
  stage.broker.hangUp();
  await settle();
  assertEquals(listener.heard, ["ended: Broker closed the connection"]);
});

Deno.test("sweep() gives a filter up when the last listener has been gone for as long as one may come back", async () => {
  await using stage = new Stage();
  const [one, other] = [await stage.listen(["door", "lamp"]), await stage.listen("door")];
  one.leave();
  await stage.pass(Stage.RESUME_MS - 50);
  assertEquals(stage.broker.unsubscribed, []);
  await stage.pass(50);
  assertEquals(stage.broker.unsubscribed, [["lamp"]]);
  other.leave();
  assertEquals([stage.hub.hasSubscribers, stage.hub.isInUse], [false, true]);
  await stage.pass(Stage.RESUME_MS);
  assertEquals(stage.broker.unsubscribed, [["lamp"], ["door"]]);
  assertEquals(stage.hub.isInUse, false);
});

Deno.test("sweep() counts anew when somebody was there in between", async () => {
  await using stage = new Stage();
  (await stage.listen("door")).leave();
  await stage.pass(Stage.RESUME_MS - 50);
  (await stage.listen("door")).leave();
  await stage.pass(Stage.RESUME_MS - 50);
  assertEquals(stage.broker.unsubscribed, []);
});

Deno.test("sweep() has nothing to give up after the broker was lost", async () => {
  await using stage = new Stage();
  (await stage.listen("door")).leave();
  stage.broker.hangUp();
  await stage.pass(5);
  assertEquals(stage.hub.isInUse, false);
  await stage.listen("lamp");
  await stage.pass(2 * Stage.RESUME_MS);
  assertEquals(stage.broker.unsubscribed, []);
});

Deno.test("join() asks anew for a filter that was given up, and hears what comes from then on", async () => {
  await using stage = new Stage();
  (await stage.listen("door")).leave();
  await stage.pass(Stage.RESUME_MS);
  const back = await stage.listen("door");
  stage.broker.publish("door", "open");
  assertEquals(back.heard, ["connected", "door: open"]);
});

/** Filters of one owner's, as many as it may have. */
const many = (owner: string, count = 2500) => Array.from({ length: count }, (_, index) => `${owner}/${index}`);

Deno.test("join() refuses an owner more than 2,500 filters, and nobody else, after giving up what it left itself", async () => {
  await using stage = new Stage();
  (await stage.listen("modest/door", { owner: "modest" })).leave();
  const greedy = await stage.listen(many("greedy", 2499), { owner: "greedy" });
  (await stage.listen("door", { owner: "greedy" })).leave();
  const refused = () => stage.join(["lamp", "window"], { owner: "greedy" });
  assertThrows(refused, BrokerError, "Too many topic filters: more than 2500 are in use");
  assertEquals(stage.broker.unsubscribed, []);
  const lamp = await stage.listen("lamp", { owner: "greedy" });
  assertEquals(stage.broker.unsubscribed, [["door"]], "the broker has a bound too");
  assertThrows(() => stage.join("window", { owner: "greedy" }), BrokerError, "Too many topic filters");
  const window = await stage.listen("window", { owner: "modest" });
  greedy.leave();
  const back = await stage.listen("gate", { owner: "greedy" });
  assertEquals([lamp.heard, window.heard, back.heard], [["connected"], ["connected"], ["connected"]]);
});

Deno.test("join() refuses more than 10,000 filters, and gives unused ones up to make room", async () => {
  await using stage = new Stage();
  for (const owner of ["a", "b", "c"]) await stage.listen(many(owner), { owner });
  const last = await stage.listen(many("d", 2499), { owner: "d" });
  (await stage.listen("door")).leave();
  assertThrows(() => stage.join(["lamp", "window"]), BrokerError, "Too many topic filters: more than 10000 are in use");
  assertEquals(stage.broker.unsubscribed, []);
  const lamp = await stage.listen("lamp");
  assertEquals(stage.broker.unsubscribed, [["door"]]);
  last.leave();
  const window = await stage.listen("window");
  assertEquals([lamp.heard, window.heard], [["connected"], ["connected"]]);
});

// Retained and live messages.

for (const retainedFirst of [true, false]) {
  const when = retainedFirst ? "before" : "after";
  Deno.test(`retained messages follow "connected" when the broker sends them ${when} its grant`, async () => {
    await using stage = new Stage();
    stage.broker.retainedFirst = retainedFirst;
    stage.broker.publish("lamp/1", "on", { retain: true });
    stage.broker.publish("lamp/2", "off", { retain: true });
    const one = await stage.listen("lamp/+");
    stage.broker.publish("lamp/1", "off", { retain: true });
    const other = await stage.listen("lamp/+");
    const retained = ["lamp/1: on (retained)", "lamp/2: off (retained)"];
    assertEquals(one.heard, ["connected", ...retained, "lamp/1: off"]);
    assertEquals(other.heard, ["connected", "lamp/1: off (retained)", "lamp/2: off (retained)"]);
    assertEquals([one.backlog, other.backlog], [[true, true, false], [true, true]]);
    assert(growing(one.positions) && growing(other.positions));
  });
}

Deno.test("what was heard live does not come once more as retained when others join", async () => {
  await using stage = new Stage();
  const one = await stage.listen("lamp/#");
  stage.broker.publish("lamp/1", "on", { retain: true });
  const other = await stage.listen("lamp/#");
  assertEquals(one.heard, ["connected", "lamp/1: on"]);
  assertEquals(other.heard, ["connected", "lamp/1: on (retained)"]);
});

for (const way of WAYS) {
  Deno.test(`each message comes once to a listener with overlapping filters when the broker sends ${way}`, async () => {
    await using stage = new Stage();
    stage.broker.way = way;
    stage.broker.publish("lamp/1", "on", { retain: true });
    const narrow = await stage.listen("lamp/1");
    const overlapping = await stage.listen(["#", "lamp/1", "lamp/+"]);
    stage.broker.publish("lamp/1", "off");
    stage.broker.publish("lamp/1", "off");
    stage.broker.publish("door", "open");
    const retained = ["connected", "lamp/1: on (retained)"];
    assertEquals(overlapping.heard, [...retained, "lamp/1: off", "lamp/1: off", "door: open"]);
    assertEquals(narrow.heard, [...retained, "lamp/1: off", "lamp/1: off"]);
    overlapping.leave();
    const back = stage.join(["#", "lamp/1", "lamp/+"], { since: positionOf(overlapping, -4) });
    await stage.gather();
    assertEquals(back.heard, ["connected", "lamp/1: off", "lamp/1: off", "door: open"]);
  });

  Deno.test(`a newer value is not lost behind what others get as retained when the broker sends ${way}`, async () => {
    await using stage = new Stage();
    stage.broker.way = way;
    stage.broker.publish("lamp", "old", { retain: true });
    await stage.listen("door");
    stage.broker.reads = false;
    stage.join("lamp");
    await stage.gather();
    const late = stage.join("#");
    await stage.gather();
    // The broker sends "old" to the first, then takes "new" in, and then hears of the other one.
    stage.broker.read(1);
    stage.broker.publish("lamp", "new", { retain: true });
    stage.broker.read();
    await settle();
    assert(late.heard.some((what) => what.startsWith("lamp: new")), late.heard.join());
  });
}

Deno.test("what comes before the grant is heard after it, live and retained in the broker's order", async () => {
  await using stage = new Stage();
  stage.broker.retainedFirst = true;
  stage.broker.publish("lamp/1", "on", { retain: true });
  const first = await stage.listen("lamp/#");
  stage.broker.sends = false;
  const listener = await stage.listen("lamp/#");
  stage.broker.publish("lamp/2", "on");
  stage.broker.publish("lamp/1", "off");
  stage.broker.send(1);
  await settle();
  assertEquals(listener.heard, []);
  stage.broker.send();
  await settle();
  assertEquals(listener.heard, ["connected", "lamp/1: on (retained)", "lamp/2: on", "lamp/1: off"]);
  assertEquals(first.heard.slice(2), ["lamp/2: on", "lamp/1: off"]);
});

Deno.test("a live message that comes before the grant keeps its place among the retained ones", async () => {
  await using stage = new Stage();
  stage.broker.retainedFirst = true;
  stage.broker.publish("lamp/1", "on", { retain: true });
  await stage.listen("lamp/#");
  stage.broker.reads = false;
  const listener = await stage.listen("lamp/#");
  stage.broker.publish("lamp/2", "live");
  stage.broker.sends = false;
  stage.broker.read();
  stage.broker.send(1);
  await settle();
  assertEquals(listener.heard, []);
  stage.broker.send();
  await settle();
  assertEquals(listener.heard, ["connected", "lamp/2: live", "lamp/1: on (retained)"]);
  assert(growing(listener.positions));
});

Deno.test("a flood of retained messages ahead of the grant ends who asked for it, and nobody else", async () => {
  await using stage = new Stage();
  const calm = await stage.listen("lamp");
  stage.broker.retainedFirst = true;
  const large = "x".repeat(5_000_000);
  for (let index = 0; index < 8; index++) stage.broker.publish(`flood/${index}`, large, { retain: true });
  const [flooded, other] = [stage.join("flood/+", { keep: true }), stage.join("door")];
  await stage.gather();
  stage.broker.publish("lamp", "on");
  assertEquals(flooded.heard, ["ended: Broker sent too much before its grant"]);
  assertEquals([calm.heard, other.heard], [["connected", "lamp: on"], ["connected"]]);
});

Deno.test("a payload that is not UTF-8 comes as bytes of its own, and a byte order mark stays", async () => {
  await using stage = new Stage();
  const listener = await stage.listen("camera");
  const payload = Uint8Array.of(0xff, 0xfe);
  stage.hub.receive({ topic: "camera", payload, qos: 0, retain: false });
  payload.fill(0);
  stage.hub.receive({ topic: "camera", payload: Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), qos: 0, retain: false });
  assertEquals(listener.messages.map((each) => each.payload), [Uint8Array.of(0xff, 0xfe), "\ufeffa"]);
  assertEquals(listener.messages.map((each) => each.payloadBytes), [2, 4]);
});

Deno.test("receive() holds the broker back for as long as there is pressure, and not for what nobody wants", async () => {
  const pressure = Promise.resolve();
  await using stage = new Stage({ backpressure: () => pressure });
  await stage.listen("door");
  const payload = new Uint8Array();
  assert(stage.hub.receive({ topic: "door", payload, qos: 0, retain: false }) === pressure);
  assertEquals(stage.hub.receive({ topic: "other", payload, qos: 0, retain: false }), undefined);
});

// A broker that is lost.

Deno.test("a lost broker ends listeners, except those that stay: these hear of it, and the retained ones again", async () => {
  await using stage = new Stage();
  stage.broker.publish("lamp", "on", { retain: true });
  const [leaving, staying] = [stage.join("lamp"), stage.join("lamp", { keep: true })];
  await stage.gather();
  stage.broker.hangUp();
  await settle();
  stage.broker.publish("lamp", "off", { retain: true });
  assertEquals(leaving.heard, ["connected", "lamp: on (retained)", `ended: ${HUNG_UP}`]);
  assertEquals(staying.heard.slice(2), [`offline: ${HUNG_UP}`]);
  await stage.pass(250);
  stage.broker.publish("lamp", "dim");
  assertEquals(staying.heard.slice(3), ["online", "gap", "lamp: off (retained)", "lamp: dim"]);
  assertEquals(requests(stage).length, 2);
  assert(growing(staying.positions));
  assertEquals(leaving.heard.length, 3);
});

Deno.test("those that stay come back by themselves after waits that grow up to 30 s", async () => {
  await using stage = new Stage();
  const staying = await stage.listen("lamp", { keep: true });
  const { broker } = stage;
  broker.isUp = false;
  broker.hangUp();
  const lostAt = Date.now();
  await stage.pass(60_000);
  const waits = broker.attempts.slice(1).map((at, index) => at - (index === 0 ? lostAt : broker.attempts[index] ?? 0));
  assertEquals(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  broker.isUp = true;
  await stage.pass(15_000);
  assertEquals(staying.heard, ["connected", `offline: ${HUNG_UP}`, "online", "gap"]);
  broker.hangUp();
  await stage.pass(250);
  assertEquals(staying.heard.slice(4), [`offline: ${HUNG_UP}`], "a broker that hangs up again soon is waited for");
  await stage.pass(60_000);
  broker.hangUp();
  await stage.pass(250);
  assertEquals(staying.heard.slice(7), [`offline: ${HUNG_UP}`, "online", "gap"], "the waits begin anew");
});

Deno.test("waits grow also for a broker that hangs up on whoever subscribes", async () => {
  await using stage = new Stage();
  await stage.listen("lamp", { keep: true });
  stage.broker.hangsUp = true;
  stage.broker.hangUp();
  await stage.pass(8000);
  assertEquals(stage.broker.subscribed.length, 1 + 5);
});

Deno.test("a listener that joins while others wait brings them back, each of them once", async () => {
  await using stage = new Stage();
  const { broker } = stage;
  const staying = await stage.listen("lamp", { keep: true });
  broker.isUp = false;
  broker.hangUp();
  await stage.pass(3000);
  broker.isUp = true;
  broker.reads = false;
  const one = await stage.listen("door");
  const other = await stage.listen("window");
  broker.read();
  await stage.pass(60_000);
  broker.publish("lamp", "on");
  assertEquals([one.heard, other.heard], [["connected"], ["connected"]]);
  assertEquals(staying.heard, ["connected", `offline: ${HUNG_UP}`, "online", "gap", "lamp: on"]);
});

Deno.test("a filter that the broker refuses after it was lost ends those that stayed for it", async () => {
  await using stage = new Stage();
  const staying = await stage.listen("lamp", { keep: true });
  stage.broker.refused.add("lamp");
  stage.broker.hangUp();
  await stage.pass(250);
  assertEquals(staying.heard.at(-1), "ended: Broker refused the subscription to lamp");
  assertEquals(stage.hub.isInUse, false);
});

Deno.test("close() ends all listeners, wherever they are", async () => {
  await using stage = new Stage();
  const away = await stage.listen("a", { keep: true });
  stage.broker.isUp = false;
  stage.broker.hangUp();
  await stage.pass(5);
  stage.broker.isUp = true;
  stage.broker.reads = false;
  const asking = await stage.listen("b");
  const waiting = stage.join("c");
  stage.hub.close(new BrokerError("Gateway is shutting down"));
  await stage.pass(60_000);
  for (const listener of [away, asking, waiting]) {
    assertEquals(listener.heard.at(-1), "ended: Gateway is shutting down");
    assertEquals(listener.heard.filter((what) => what.startsWith("ended")).length, 1);
  }
  assertEquals(stage.broker.attempts.length, 2);
});

// Coming back.

for (const way of WAYS) {
  Deno.test(`a listener that comes back hears what it missed, then goes on, when the broker sends ${way}`, async () => {
    await using stage = new Stage();
    stage.broker.way = way;
    const before = await stage.listen(["lamp/+", "#"]);
    for (const payload of ["one", "two", "three"]) stage.broker.publish("lamp/1", payload);
    before.leave();
    stage.broker.publish("door", "four");
    await stage.pass(Stage.RESUME_MS - 50);
    const since = positionOf(before, -2);
    const back = stage.join(["lamp/+", "#"], { since });
    assertEquals(back.heard, ["connected", "lamp/1: three", "door: four"], "at once, without asking the broker");
    stage.broker.publish("lamp/1", "five");
    assertEquals(back.heard.at(-1), "lamp/1: five");
    assertEquals(back.backlog, [true, true, false]);
    assertEquals(back.positions[0], since);
    assert(growing(back.positions));
    assertEquals(requests(stage).length, 1);
    assertEquals(before.heard.length, 4);
  });
}

Deno.test("a position that is not known brings a gap, and what comes from then on", async () => {
  await using stage = new Stage();
  const { offset } = positionOf(await stage.listen("lamp"));
  for (const since of [{ epoch: "other", offset: 0 }, { epoch: "this", offset: offset + 100 }]) {
    const back = await stage.listen("lamp", { since });
    stage.broker.publish("lamp", "on");
    assertEquals(back.heard, ["connected", "gap", "lamp: on"]);
    assertEquals(back.positions[0]?.epoch, "this");
    assert(growing(back.positions));
  }
});

Deno.test("a gap is told when some of what was missed is not kept any more, and the rest follows", async () => {
  await using stage = new Stage({ maxBytes: 3 * 262 });
  const before = await stage.listen("lamp");
  before.leave();
  await stage.pass(6000);
  stage.broker.publish("lamp", "1", { retain: true });
  for (const payload of ["2", "3", "4", "5"]) stage.broker.publish("lamp", payload);
  const back = await stage.listen("lamp", { since: positionOf(before) });
  assertEquals(back.heard, ["connected", "gap", "lamp: 3", "lamp: 4", "lamp: 5", "lamp: 1 (retained)"]);
});

Deno.test("a gap is told when the filter was given up in between, even if nothing else came since", async () => {
  await using stage = new Stage();
  const before = await stage.listen("lamp");
  before.leave();
  await stage.pass(Stage.RESUME_MS);
  stage.broker.publish("lamp", "missed");
  const back = await stage.listen("lamp", { since: positionOf(before) });
  assertEquals(back.heard, ["connected", "gap"]);
  const sinceThen = await stage.listen("lamp", { since: positionOf(before) });
  assertEquals(sinceThen.heard, ["connected", "gap"], "also for those who come after somebody else asked anew");
});

Deno.test("a gap is told when the broker was lost in between, even if nothing else came since", async () => {
  await using stage = new Stage();
  const before = await stage.listen("lamp");
  stage.broker.hangUp();
  await settle();
  stage.broker.publish("lamp", "missed");
  const back = await stage.listen("lamp", { since: positionOf(before) });
  assertEquals(back.heard, ["connected", "gap"]);
});

Deno.test("a gap is told when the broker was lost in between, even if somebody else stayed for the filter", async () => {
  await using stage = new Stage();
  await stage.listen("lamp", { keep: true });
  const before = await stage.listen("lamp");
  await stage.pass(6000);
  stage.broker.hangUp();
  await settle();
  stage.broker.publish("lamp", "missed");
  await stage.pass(6000);
  stage.broker.publish("lamp", "on");
  const back = await stage.listen("lamp", { since: positionOf(before) });
  assertEquals(back.heard, ["connected", "gap", "lamp: on"]);
});

Deno.test("no gap is told to who comes back before anything was missed", async () => {
  await using stage = new Stage();
  const before = await stage.listen("lamp");
  await stage.pass(6000);
  before.leave();
  const back = stage.join("lamp", { since: positionOf(before) });
  stage.broker.publish("lamp", "on");
  assertEquals(back.heard, ["connected", "lamp: on"]);
});

Deno.test("what was heard before a gap is not heard again after it, though the filters were asked for anew", async () => {
  await using stage = new Stage();
  const before = await stage.listen(["lamp/+", "#"]);
  const other = await stage.listen("#");
  // The broker sends it for each of the filters, and the first to arrive is the one that is passed on.
  stage.broker.publish("lamp/1", "heard");
  before.leave();
  stage.broker.publish("door", "open");
  await stage.pass(Stage.RESUME_MS);
  stage.broker.publish("window", "open");
  const back = await stage.listen(["lamp/+", "#"], { since: positionOf(before) });
  assertEquals(back.heard, ["connected", "gap", "door: open", "window: open"]);
  assertEquals(other.heard, ["connected", "lamp/1: heard", "door: open", "window: open"]);
});

Deno.test("a value that changes while the broker takes in one filter after the other is not lost", async () => {
  await using stage = new Stage();
  const { broker } = stage;
  broker.publish("lamp", "old", { retain: true });
  await stage.listen("door");
  broker.reads = false;
  // The second filter is asked for by itself at first.
  stage.join("lamp").leave();
  const listener = stage.join(["#", "lamp"]);
  await stage.gather();
  broker.read(1);
  broker.publish("lamp", "new", { retain: true });
  broker.read();
  await settle();
  assert(listener.heard.some((what) => what.startsWith("lamp: new")), listener.heard.join());
});

Deno.test("a gap is told when one of the filters was not listened to then", async () => {
  await using stage = new Stage();
  const before = await stage.listen("lamp");
  stage.broker.publish("lamp", "on");
  const back = await stage.listen(["lamp", "door"], { since: positionOf(before, 0) });
  assertEquals(back.heard, ["connected", "gap", "lamp: on"]);
});

Deno.test("who left in the middle of retained messages gets the others, and what changed", async () => {
  for (const pause of [0, 6000]) {
    await using stage = new Stage();
    for (const lamp of [1, 2, 3]) stage.broker.publish(`lamp/${lamp}`, "on", { retain: true });
    const before = await stage.listen("lamp/+");
    before.leave();
    stage.broker.publish("lamp/1", "off", { retain: true });
    stage.broker.publish("lamp/3", "off", { retain: true });
    await stage.pass(pause);
    const back = await stage.listen("lamp/+", { since: positionOf(before, 1) });
    const live = ["lamp/1: off", "lamp/3: off"];
    assertEquals(back.heard, ["connected", ...live, "lamp/2: on (retained)", "lamp/3: off (retained)"]);
    assert(growing(back.positions));
    back.leave();
    await stage.pass(pause);
    // Cut again, amid the rest of them: only the last one is missing by now.
    const again = await stage.listen("lamp/+", { since: positionOf(back, -2) });
    assertEquals(again.heard, ["connected", "lamp/3: off (retained)"]);
    again.leave();
    await stage.pass(pause);
    const { heard } = await stage.listen("lamp/+", { since: positionOf(again) });
    assertEquals(heard, ["connected"]);
  }
});

Deno.test("who left in the middle of retained messages gets all of them again after a gap", async () => {
  await using stage = new Stage({ maxBytes: 3 * 262 });
  for (const lamp of [1, 2, 3]) stage.broker.publish(`lamp/${lamp}`, "on", { retain: true });
  const before = await stage.listen("lamp/+");
  before.leave();
  stage.broker.publish("lamp/1", "off", { retain: true });
  for (const payload of ["a", "b", "c"]) stage.broker.publish("lamp/1", payload);
  const back = await stage.listen("lamp/+", { since: positionOf(before, 1) });
  assertEquals(back.heard.filter((what) => !what.startsWith("lamp/1: ") || what.endsWith("(retained)")), [
    "connected",
    "gap",
    "lamp/1: off (retained)",
    "lamp/2: on (retained)",
    "lamp/3: on (retained)",
  ]);
});

Deno.test("what is lost while the broker is asked anew brings the retained messages that seemed to be there", async () => {
  for (const retainedFirst of [true, false]) {
    await using stage = new Stage({ maxBytes: 3 * 262 });
    stage.broker.retainedFirst = retainedFirst;
    for (const lamp of [1, 2]) stage.broker.publish(`lamp/${lamp}`, "on", { retain: true });
    const before = await stage.listen("lamp/+");
    before.leave();
    stage.broker.sends = false;
    const back = stage.join("lamp/+", { since: positionOf(before, 1) });
    await stage.gather();
    // The change of the first one is lost before the grant comes.
    for (const payload of ["off", "a", "b", "c"]) stage.broker.publish("lamp/1", payload, { retain: true });
    stage.broker.overtakes = false;
    for (let packet = 0; packet < 20; packet++) {
      stage.broker.send(1);
      await settle();
    }
    stage.broker.send();
    await settle();
    const first = back.heard.findLast((what) => what.startsWith("lamp/1: "));
    assert(first?.startsWith("lamp/1: c") || back.heard.includes("lamp/1: on (retained)"), back.heard.join());
    assert(back.heard.includes("lamp/2: on (retained)"));
  }
});

Deno.test("a position amid two deliveries of retained messages counts for neither where they differ", async () => {
  await using stage = new Stage();
  stage.broker.publish("lamp/1", "on", { retain: true });
  stage.broker.publish("lamp/2", "on", { retain: true });
  const first = await stage.listen("lamp/+");
  first.leave();
  // It goes on amid what the first one got, while another one begins anew.
  const second = stage.join("lamp/+", { since: positionOf(first, 1) });
  const third = stage.join("lamp/+");
  await stage.gather();
  assertEquals(second.heard, ["connected", "lamp/2: on (retained)"]);
  assertEquals(third.heard, ["connected", "lamp/1: on (retained)", "lamp/2: on (retained)"]);
  third.leave();
  const fourth = await stage.listen("lamp/+", { since: positionOf(third, 1) });
  assertEquals(fourth.messages.map(({ topic }) => topic).includes("lamp/2"), true);
});

Deno.test("nobody is told of a gap because somebody else, who came later, was granted the same sooner", async () => {
  await using stage = new Stage();
  await stage.listen("door");
  stage.broker.sends = false;
  const first = stage.join("lamp");
  await stage.gather();
  stage.broker.overtakes = true;
  const second = stage.join("lamp");
  await stage.gather();
  stage.broker.send();
  await settle();
  stage.broker.publish("lamp", "on");
  await settle();
  for (const { heard } of [first, second]) assertEquals(heard, ["connected", "lamp: on"]);
});

Deno.test("retained messages come again to who left twice, before them and amid what was missed", async () => {
  await using stage = new Stage();
  stage.broker.publish("lamp/1", "on", { retain: true });
  const first = await stage.listen("lamp/+");
  stage.broker.publish("lamp/2", "off");
  stage.broker.publish("lamp/3", "off");
  first.leave();
  await stage.pass(6000);
  const second = await stage.listen("lamp/+", { since: positionOf(first, 0) });
  assertEquals(second.heard, ["connected", "lamp/2: off", "lamp/3: off", "lamp/1: on (retained)"]);
  second.leave();
  await stage.pass(6000);
  const third = await stage.listen("lamp/+", { since: positionOf(second, 1) });
  assertEquals(third.heard, ["connected", "lamp/3: off", "lamp/1: on (retained)"]);
});

Deno.test("who left while the broker was still sending retained messages gets those that had not arrived", async () => {
  await using stage = new Stage();
  for (const lamp of [1, 2, 3]) stage.broker.publish(`lamp/${lamp}`, "on", { retain: true });
  for (const arrived of [0, 1, 2]) {
    await stage.listen("door");
    stage.broker.sends = false;
    const before = await stage.listen("lamp/+");
    stage.broker.send(1 + arrived);
    await settle();
    assertEquals(before.heard.length, 1 + arrived);
    before.leave();
    const back = stage.join("lamp/+", { since: positionOf(before) });
    stage.broker.send();
    await stage.gather();
    assertEquals(back.messages.map(({ topic }) => topic), ["lamp/1", "lamp/2", "lamp/3"].slice(arrived));
  }
});

Deno.test("the broker is asked anew for who comes back with a higher QoS, and nothing is missed", async () => {
  await using stage = new Stage();
  const before = await stage.listen("lamp", { qos: 0 });
  before.leave();
  stage.broker.publish("lamp", "one", { qos: 1 });
  const back = stage.join("lamp", { qos: 1, since: positionOf(before) });
  assertEquals(back.heard, []);
  stage.broker.publish("lamp", "two", { qos: 1 });
  await stage.gather();
  stage.broker.publish("lamp", "three", { qos: 1 });
  assertEquals(back.heard, ["connected", "lamp: one", "lamp: two", "lamp: three"]);
  assertEquals(back.messages.map(({ qos }) => qos), [0, 0, 1]);
  assertEquals(requests(stage), ["lamp at 0", "lamp at 1"]);
});

Deno.test("a QoS that was wanted too late for a request does not count as granted", async () => {
  await using stage = new Stage();
  stage.broker.reads = false;
  const before = await stage.listen("lamp", { qos: 0 });
  stage.broker.read(1);
  await settle();
  const eager = stage.join("lamp", { qos: 2 });
  stage.broker.read(1);
  await settle();
  eager.leave();
  await stage.pass(6000);
  before.leave();
  stage.broker.read();
  const back = await stage.listen("lamp", { qos: 2, since: positionOf(before) });
  stage.broker.publish("lamp", "on", { qos: 2 });
  assertEquals(back.messages.map(({ qos }) => qos), [2]);
});

// What another owner does.

Deno.test("a filter that only another owner listened to brings the same gap as one that nobody did", async () => {
  const heard = [];
  for (const isHeld of [false, true]) {
    await using stage = new Stage();
    const other = await stage.listen(isHeld ? "lamp" : "door", { owner: "other", qos: 1 });
    stage.broker.publish("lamp", "secret");
    const curious = await stage.listen("lamp", { since: positionOf(other), qos: 1 });
    stage.broker.publish("lamp", "on");
    heard.push([...curious.heard, stage.broker.subscribed.length]);
  }
  assertEquals(heard[0], ["connected", "gap", "lamp: on", 2]);
  assertEquals(heard[1], heard[0]);
});

Deno.test("a filter that its owner left for too long brings a gap, though another owner stays", async () => {
  const heard = [];
  for (const isHeld of [false, true]) {
    await using stage = new Stage();
    if (isHeld) await stage.listen("lamp", { owner: "other" });
    const before = await stage.listen("lamp");
    before.leave();
    await stage.pass(Stage.RESUME_MS);
    stage.broker.publish("lamp", "missed");
    const back = await stage.listen("lamp", { since: positionOf(before) });
    heard.push([...back.heard]);
  }
  assertEquals(heard, [["connected", "gap"], ["connected", "gap"]]);
});

Deno.test("the oldest of more than 200 filters that an owner left brings a gap, though another owner stays", async () => {
  const heard = [];
  for (const isHeld of [false, true]) {
    await using stage = new Stage();
    if (isHeld) await stage.listen("x/0", { owner: "other" });
    const before = await stage.listen(Array.from({ length: 201 }, (_, index) => `x/${index}`));
    before.leave();
    for (const filter of ["x/0", "x/1"]) {
      heard.push((await stage.listen(filter, { since: positionOf(before) })).heard.join());
    }
  }
  assertEquals(heard, ["connected,gap", "connected", "connected,gap", "connected"]);
});

Deno.test("a lost broker brings a gap to who had left, though another owner stays and the position is made up", async () => {
  await using stage = new Stage();
  const other = await stage.listen("lamp", { owner: "other", keep: true });
  const before = await stage.listen("lamp");
  before.leave();
  stage.broker.hangUp();
  await stage.pass(6000);
  stage.broker.publish("lamp", "secret");
  const back = await stage.listen("lamp", { since: positionOf(other) });
  assertEquals(back.heard, ["connected", "gap"]);
});

Deno.test("a higher QoS and retained messages of another owner change nothing for who comes back", async () => {
  await using stage = new Stage();
  stage.broker.publish("lamp", "on", { retain: true });
  const before = await stage.listen("lamp");
  await stage.pass(6000);
  await stage.listen("lamp", { owner: "other", qos: 2 });
  before.leave();
  const back = stage.join("lamp", { since: positionOf(before) });
  assertEquals(back.heard, ["connected"], "at once, though the other one is amid its retained messages");
  const higher = stage.join("lamp", { since: positionOf(before), qos: 1 });
  assertEquals(higher.heard, [], "the broker is asked, though it sends the other one more already");
  await stage.gather();
  assertEquals(higher.heard, ["connected", "lamp: on (retained)"]);
});

Deno.test("a device that floods its own topics costs nobody a gap but who listens to them", async () => {
  await using stage = new Stage({ maxBytes: 100_000 });
  const [door, attacker] = [await stage.listen("door"), await stage.listen("attacker/#", { owner: "attacker" })];
  stage.broker.publish("door", "open");
  for (const { leave } of [door, attacker]) leave();
  for (let index = 0; index < 100; index++) stage.broker.publish(`attacker/${index}`, "x".repeat(10_000));
  stage.broker.publish("attacker/huge", "x".repeat(200_000));
  stage.broker.publish("door", "closed");
  const back = await stage.listen("door", { since: positionOf(door, 0) });
  assertEquals(back.heard, ["connected", "door: open", "door: closed"]);
  const greedy = await stage.listen("attacker/#", { owner: "attacker", since: positionOf(attacker, 0) });
  assertEquals(greedy.heard.slice(0, 2), ["connected", "gap"]);
});

// Leaving.

Deno.test("a listener that leaves is not called again, wherever it was", async () => {
  await using stage = new Stage();
  const { broker } = stage;
  broker.publish("lamp", "on", { retain: true });

  const gathering = stage.join("lamp");
  gathering.leave();
  await stage.gather();
  assertEquals(requests(stage), [], "nobody is left to ask for");

  broker.reads = false;
  const connecting = await stage.listen("lamp");
  connecting.leave();
  broker.read();
  await settle();

  broker.sends = false;
  const asking = await stage.listen("lamp");
  asking.leave();
  broker.send();
  await settle();

  const listening = await stage.listen("lamp");
  listening.leave();
  broker.publish("lamp", "off");

  const away = await stage.listen("lamp", { keep: true });
  broker.hangUp();
  await settle();
  away.leave();
  const other = await stage.listen("lamp", { keep: true });
  broker.hangUp();
  await settle();
  other.leave();
  await stage.pass(60_000);
  broker.publish("lamp", "dim");

  assertEquals([gathering.heard, connecting.heard, asking.heard], [[], [], []]);
  assertEquals(listening.heard, ["connected", "lamp: on (retained)"]);
  for (const each of [away, other]) {
    assertEquals(each.heard, ["connected", "lamp: on (retained)", `offline: ${HUNG_UP}`]);
  }
  assertEquals(stage.hub.hasSubscribers, false);
});

Deno.test("a listener that leaves in the middle of a replay is not called again", async () => {
  await using stage = new Stage();
  const before = await stage.listen("lamp");
  for (const payload of ["one", "two", "three"]) stage.broker.publish("lamp", payload);
  for (const last of ["connected", "lamp: one", "lamp: two"]) {
    const back = stage.join("lamp", { qos: 1, since: positionOf(before, 0) });
    back.onHeard = (what) => what === last && back.leave();
    // Asking for more than was granted makes it wait for the broker.
    await stage.gather();
    stage.broker.publish("lamp", "four");
    assertEquals(back.heard.at(-1), last);
    await stage.listen("lamp", { qos: 0 });
  }
});

Deno.test("a listener that leaves before a gap is told is not called again", async () => {
  await using stage = new Stage();
  for (const [keep, last] of [[false, "connected"], [true, "online"]] as const) {
    const listener = stage.join("lamp", { keep, since: { epoch: "other", offset: 1 } });
    listener.onHeard = (what) => what === last && listener.leave();
    await stage.gather();
    stage.broker.hangUp();
    await stage.pass(250);
    assertEquals(listener.heard.at(-1), last);
  }
});

Deno.test("a listener that another one makes leave is not called again", async () => {
  for (const keep of [true, false]) {
    await using stage = new Stage();
    const [one, other] = [stage.join("lamp", { keep }), stage.join("lamp", { keep })];
    await stage.gather();
    for (const [listener, rival] of [[one, other], [other, one]] as const) listener.onHeard = () => rival.leave();
    stage.broker.hangUp();
    await stage.pass(60_000);
    assertEquals(other.heard, ["connected"]);
    assertEquals(one.heard.slice(0, 2), ["connected", `${keep ? "offline" : "ended"}: ${HUNG_UP}`]);
  }
  await using stage = new Stage();
  const [one, other] = [stage.join("lamp"), stage.join("door")];
  one.onHeard = () => other.leave();
  stage.hub.close(new BrokerError("Bye"));
  assertEquals([one.heard, other.heard], [["ended: Bye"], []]);
});
