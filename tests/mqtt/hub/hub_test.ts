/** Examples of the hub; `hub_property_test.ts` tests its guarantees for any order of events. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrokerError, BrokerLoginError } from "../../../src/mqtt/broker.ts";
import type { Position } from "../../../src/protocol/event.ts";
import { DELIVERY_MODES, HubEnvironment, type RecordingSubscriber } from "../../support/hub.ts";
import { settle } from "../../support/settle.ts";

const CLOSED = "Connection reset";

/** Returns the requests to the broker as text. */
function requests({ broker }: HubEnvironment): string[] {
  return broker.subscribed.map((request) => request.map(({ filter, qos }) => `${filter} at ${qos}`).join(", "));
}

function growing(positions: readonly Position[]): boolean {
  return positions.every(({ offset }, index) => index === 0 || offset > (positions[index - 1]?.offset ?? offset));
}

function positionOf(subscriber: RecordingSubscriber, index = -1): Position {
  const position = subscriber.positions.at(index);
  if (position === undefined) throw new Error("The subscriber has no position");
  return position;
}

// Requests to the broker.

Deno.test("subscribe() requests a filter of two subscribers once, and both receive", async () => {
  await using environment = new HubEnvironment();
  const [one, other] = [environment.add("door/+"), environment.add("door/+")];
  await environment.passBatchTime();
  environment.broker.publish("door/front", "open");
  assertEquals(requests(environment), ["door/+ at 0"]);
  for (const subscriber of [one, other]) assertEquals(subscriber.events, ["connected", "door/front: open"]);
});

Deno.test("subscribe() requests the highest QoS of all subscribers", async () => {
  await using environment = new HubEnvironment();
  for (const qos of [0, 2, 1] as const) environment.add("door", { qos });
  await environment.passBatchTime();
  await environment.subscribe("door", { qos: 0 });
  assertEquals(requests(environment), ["door at 2", "door at 2"]);
});

Deno.test("subscribe() collects the subscribers of 5 ms into one request", async () => {
  await using environment = new HubEnvironment();
  environment.add(["a", "b"]);
  await environment.advance(4);
  environment.add(["b", "c"]);
  assertEquals(requests(environment), []);
  await environment.advance(1);
  assertEquals(requests(environment), ["a at 0, b at 0, c at 0"]);
  await environment.subscribe("d");
  assertEquals(requests(environment), ["a at 0, b at 0, c at 0", "d at 0"]);
});

Deno.test("a refused filter ends its subscribers, and no others", async () => {
  await using environment = new HubEnvironment();
  environment.broker.refused.add("secret/#");
  const [one, other, third] = [
    environment.add("secret/#"),
    environment.add(["door", "secret/#"]),
    environment.add("door"),
  ];
  await environment.passBatchTime();
  environment.broker.publish("door", "open");
  const refused = ["ended: Broker refused the subscription to secret/#"];
  assertEquals([one.events, other.events, third.events], [refused, refused, ["connected", "door: open"]]);
});

Deno.test("a refused filter is requested again for a later subscriber", async () => {
  await using environment = new HubEnvironment();
  environment.broker.refused.add("secret");
  await environment.subscribe("secret");
  environment.broker.refused.clear();
  assertEquals((await environment.subscribe("secret")).events, ["connected"]);
});

Deno.test("a broker that is unreachable or does not respond in time ends pending subscribers", async () => {
  await using environment = new HubEnvironment();
  environment.broker.isReachable = false;
  assertEquals((await environment.subscribe("door", { keep: true })).events, ["ended: Broker unreachable"]);
  environment.broker.isReachable = true;
  environment.broker.readsAtOnce = false;
  const mute = environment.add("door", { keep: true });
  await environment.advance(11_000);
  assertEquals(mute.events, ["ended: Broker broker:1883 did not answer within 10 s"]);
  environment.broker.read();
  const frozen = await environment.subscribe("door");
  environment.broker.readsAtOnce = false;
  const late = environment.add("window");
  await environment.advance(11_000);
  const ended = "ended: Broker broker:1883 did not answer within 10 s";
  assertEquals([frozen.events, late.events], [["connected", ended], [ended]]);
});

Deno.test("a connection that closes during a request ends pending subscribers", async () => {
  await using environment = new HubEnvironment();
  environment.broker.closesOnSubscribe = true;
  assertEquals((await environment.subscribe("door")).events, [`ended: ${CLOSED}`]);
  environment.broker.closesOnSubscribe = false;
  assertEquals((await environment.subscribe("door")).events, ["connected"]);
});

Deno.test("a grant is void if the connection closes right after it", async () => {
  await using environment = new HubEnvironment();
  environment.broker.sendsAtOnce = false;
  const subscriber = await environment.subscribe("door");
  environment.broker.send(1);
  await settle();
  environment.broker.send(1);
  environment.broker.closeConnection();
  await settle();
  assertEquals(subscriber.events, ["ended: Broker closed the connection"]);
});

Deno.test("sweep() unsubscribes a filter when it had no subscribers for the time to resume", async () => {
  await using environment = new HubEnvironment();
  const [one, other] = [await environment.subscribe(["door", "lamp"]), await environment.subscribe("door")];
  one.unsubscribe();
  await environment.advance(HubEnvironment.RESUME_MS - 50);
  assertEquals(environment.broker.unsubscribed, []);
  await environment.advance(50);
  assertEquals(environment.broker.unsubscribed, [["lamp"]]);
  other.unsubscribe();
  assertEquals([environment.hub.hasSubscribers, environment.hub.isInUse], [false, true]);
  await environment.advance(HubEnvironment.RESUME_MS);
  assertEquals(environment.broker.unsubscribed, [["lamp"], ["door"]]);
  assertEquals(environment.hub.isInUse, false);
});

Deno.test("sweep() restarts the idle time with each subscriber", async () => {
  await using environment = new HubEnvironment();
  (await environment.subscribe("door")).unsubscribe();
  await environment.advance(HubEnvironment.RESUME_MS - 50);
  (await environment.subscribe("door")).unsubscribe();
  await environment.advance(HubEnvironment.RESUME_MS - 50);
  assertEquals(environment.broker.unsubscribed, []);
});

Deno.test("sweep() unsubscribes nothing after the connection closed", async () => {
  await using environment = new HubEnvironment();
  (await environment.subscribe("door")).unsubscribe();
  environment.broker.closeConnection();
  await environment.advance(5);
  assertEquals(environment.hub.isInUse, false);
  await environment.subscribe("lamp");
  await environment.advance(2 * HubEnvironment.RESUME_MS);
  assertEquals(environment.broker.unsubscribed, []);
});

Deno.test("subscribe() requests an unsubscribed filter again, and receives later messages", async () => {
  await using environment = new HubEnvironment();
  (await environment.subscribe("door")).unsubscribe();
  await environment.advance(HubEnvironment.RESUME_MS);
  const resumed = await environment.subscribe("door");
  environment.broker.publish("door", "open");
  assertEquals(resumed.events, ["connected", "door: open"]);
});

/** Maximum number of filters of an owner. */
const many = (owner: string, count = 2500) => Array.from({ length: count }, (_, index) => `${owner}/${index}`);

Deno.test("subscribe() limits an owner to 2,500 filters after unsubscribing its idle ones, and no other owner", async () => {
  await using environment = new HubEnvironment();
  (await environment.subscribe("modest/door", { owner: "modest" })).unsubscribe();
  const greedy = await environment.subscribe(many("greedy", 2499), { owner: "greedy" });
  (await environment.subscribe("door", { owner: "greedy" })).unsubscribe();
  const refused = () => environment.add(["lamp", "window"], { owner: "greedy" });
  assertThrows(refused, BrokerError, "Too many topic filters: more than 2500 are in use");
  assertEquals(environment.broker.unsubscribed, []);
  const lamp = await environment.subscribe("lamp", { owner: "greedy" });
  assertEquals(environment.broker.unsubscribed, [["door"]], "the broker has limits too");
  assertThrows(() => environment.add("window", { owner: "greedy" }), BrokerError, "Too many topic filters");
  const window = await environment.subscribe("window", { owner: "modest" });
  greedy.unsubscribe();
  const resumed = await environment.subscribe("gate", { owner: "greedy" });
  assertEquals([lamp.events, window.events, resumed.events], [["connected"], ["connected"], ["connected"]]);
});

Deno.test("subscribe() limits all owners to 10,000 filters after unsubscribing unused ones", async () => {
  await using environment = new HubEnvironment();
  for (const owner of ["a", "b", "c"]) await environment.subscribe(many(owner), { owner });
  const last = await environment.subscribe(many("d", 2499), { owner: "d" });
  (await environment.subscribe("door")).unsubscribe();
  assertThrows(
    () => environment.add(["lamp", "window"]),
    BrokerError,
    "Too many topic filters: more than 10000 are in use",
  );
  assertEquals(environment.broker.unsubscribed, []);
  const lamp = await environment.subscribe("lamp");
  assertEquals(environment.broker.unsubscribed, [["door"]]);
  last.unsubscribe();
  const window = await environment.subscribe("window");
  assertEquals([lamp.events, window.events], [["connected"], ["connected"]]);
});

// Retained and live messages.

for (const retainedFirst of [true, false]) {
  const when = retainedFirst ? "before" : "after";
  Deno.test(`retained messages follow "connected" when the broker sends them ${when} its grant`, async () => {
    await using environment = new HubEnvironment();
    environment.broker.sendsRetainedFirst = retainedFirst;
    environment.broker.publish("lamp/1", "on", { retain: true });
    environment.broker.publish("lamp/2", "off", { retain: true });
    const one = await environment.subscribe("lamp/+");
    environment.broker.publish("lamp/1", "off", { retain: true });
    const other = await environment.subscribe("lamp/+");
    const retained = ["lamp/1: on (retained)", "lamp/2: off (retained)"];
    assertEquals(one.events, ["connected", ...retained, "lamp/1: off"]);
    assertEquals(other.events, ["connected", "lamp/1: off (retained)", "lamp/2: off (retained)"]);
    assertEquals([one.backlog, other.backlog], [[true, true, false], [true, true]]);
    assert(growing(one.positions) && growing(other.positions));
  });
}

Deno.test("a message that was received live is not repeated as retained for a later request", async () => {
  await using environment = new HubEnvironment();
  const one = await environment.subscribe("lamp/#");
  environment.broker.publish("lamp/1", "on", { retain: true });
  const other = await environment.subscribe("lamp/#");
  assertEquals(one.events, ["connected", "lamp/1: on"]);
  assertEquals(other.events, ["connected", "lamp/1: on (retained)"]);
});

for (const deliveryMode of DELIVERY_MODES) {
  Deno.test(`each message is passed once to overlapping filters when the broker sends ${deliveryMode}`, async () => {
    await using environment = new HubEnvironment();
    environment.broker.deliveryMode = deliveryMode;
    environment.broker.publish("lamp/1", "on", { retain: true });
    const narrow = await environment.subscribe("lamp/1");
    const overlapping = await environment.subscribe(["#", "lamp/1", "lamp/+"]);
    environment.broker.publish("lamp/1", "off");
    environment.broker.publish("lamp/1", "off");
    environment.broker.publish("door", "open");
    const retained = ["connected", "lamp/1: on (retained)"];
    assertEquals(overlapping.events, [...retained, "lamp/1: off", "lamp/1: off", "door: open"]);
    assertEquals(narrow.events, [...retained, "lamp/1: off", "lamp/1: off"]);
    overlapping.unsubscribe();
    const resumed = environment.add(["#", "lamp/1", "lamp/+"], { since: positionOf(overlapping, -4) });
    await environment.passBatchTime();
    assertEquals(resumed.events, ["connected", "lamp/1: off", "lamp/1: off", "door: open"]);
  });

  Deno.test(`a newer value is not lost behind another request's retained one when the broker sends ${deliveryMode}`, async () => {
    await using environment = new HubEnvironment();
    environment.broker.deliveryMode = deliveryMode;
    environment.broker.publish("lamp", "old", { retain: true });
    await environment.subscribe("door");
    environment.broker.readsAtOnce = false;
    environment.add("lamp");
    await environment.passBatchTime();
    const late = environment.add("#");
    await environment.passBatchTime();
    // The broker sends "old" for the first request, then receives "new", and then the other request.
    environment.broker.read(1);
    environment.broker.publish("lamp", "new", { retain: true });
    environment.broker.read();
    await settle();
    assert(late.events.some((what) => what.startsWith("lamp: new")), late.events.join());
  });
}

Deno.test("messages from before the grant are passed after it, live and retained ones in the broker's order", async () => {
  await using environment = new HubEnvironment();
  environment.broker.sendsRetainedFirst = true;
  environment.broker.publish("lamp/1", "on", { retain: true });
  const first = await environment.subscribe("lamp/#");
  environment.broker.sendsAtOnce = false;
  const subscriber = await environment.subscribe("lamp/#");
  environment.broker.publish("lamp/2", "on");
  environment.broker.publish("lamp/1", "off");
  environment.broker.send(1);
  await settle();
  assertEquals(subscriber.events, []);
  environment.broker.send();
  await settle();
  assertEquals(subscriber.events, ["connected", "lamp/1: on (retained)", "lamp/2: on", "lamp/1: off"]);
  assertEquals(first.events.slice(2), ["lamp/2: on", "lamp/1: off"]);
});

Deno.test("a live message from before the grant keeps its order among the retained ones", async () => {
  await using environment = new HubEnvironment();
  environment.broker.sendsRetainedFirst = true;
  environment.broker.publish("lamp/1", "on", { retain: true });
  await environment.subscribe("lamp/#");
  environment.broker.readsAtOnce = false;
  const subscriber = await environment.subscribe("lamp/#");
  environment.broker.publish("lamp/2", "live");
  environment.broker.sendsAtOnce = false;
  environment.broker.read();
  environment.broker.send(1);
  await settle();
  assertEquals(subscriber.events, []);
  environment.broker.send();
  await settle();
  assertEquals(subscriber.events, ["connected", "lamp/2: live", "lamp/1: on (retained)"]);
  assert(growing(subscriber.positions));
});

Deno.test("too many retained messages before the grant end their subscribers, and no others", async () => {
  await using environment = new HubEnvironment();
  const calm = await environment.subscribe("lamp");
  environment.broker.sendsRetainedFirst = true;
  const large = "x".repeat(5_000_000);
  for (let index = 0; index < 8; index++) environment.broker.publish(`flood/${index}`, large, { retain: true });
  const [flooded, other] = [environment.add("flood/+", { keep: true }), environment.add("door")];
  await environment.passBatchTime();
  environment.broker.publish("lamp", "on");
  assertEquals(flooded.events, ["ended: Broker sent too much before its grant"]);
  assertEquals([calm.events, other.events], [["connected", "lamp: on"], ["connected"]]);
});

Deno.test("a payload that is not UTF-8 is passed as a copy of its bytes, and a byte order mark is kept", async () => {
  await using environment = new HubEnvironment();
  const subscriber = await environment.subscribe("camera");
  const payload = Uint8Array.of(0xff, 0xfe);
  environment.hub.receive({ topic: "camera", payload, qos: 0, retain: false });
  payload.fill(0);
  environment.hub.receive({ topic: "camera", payload: Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), qos: 0, retain: false });
  assertEquals(subscriber.messages.map((each) => each.payload), [Uint8Array.of(0xff, 0xfe), "\ufeffa"]);
  assertEquals(subscriber.messages.map((each) => each.payloadBytes), [2, 4]);
});

Deno.test("receive() returns the backpressure, except for messages without subscribers", async () => {
  const pressure = Promise.resolve();
  await using environment = new HubEnvironment({ backpressure: () => pressure });
  await environment.subscribe("door");
  const payload = new Uint8Array();
  assert(environment.hub.receive({ topic: "door", payload, qos: 0, retain: false }) === pressure);
  assertEquals(environment.hub.receive({ topic: "other", payload, qos: 0, retain: false }), undefined);
});

// A connection that closes.

Deno.test("a closed connection ends subscribers; those with `keep` are offline, then get retained messages again", async () => {
  await using environment = new HubEnvironment();
  environment.broker.publish("lamp", "on", { retain: true });
  const [leaving, staying] = [environment.add("lamp"), environment.add("lamp", { keep: true })];
  await environment.passBatchTime();
  environment.broker.closeConnection();
  await settle();
  environment.broker.publish("lamp", "off", { retain: true });
  assertEquals(leaving.events, ["connected", "lamp: on (retained)", `ended: ${CLOSED}`]);
  assertEquals(staying.events.slice(2), [`offline: ${CLOSED}`]);
  await environment.advance(250);
  environment.broker.publish("lamp", "dim");
  assertEquals(staying.events.slice(3), ["online", "gap", "lamp: off (retained)", "lamp: dim"]);
  assertEquals(requests(environment).length, 2);
  assert(growing(staying.positions));
  assertEquals(leaving.events.length, 3);
});

Deno.test("subscribers with `keep` are subscribed again within 2 s of the broker's return, however long it was away", async () => {
  await using environment = new HubEnvironment();
  const staying = await environment.subscribe("lamp", { keep: true });
  const { broker } = environment;
  broker.isReachable = false;
  broker.closeConnection();
  const lostAt = Date.now();
  await environment.advance(60_000);
  const waits = broker.attempts.slice(1).map((at, index) => at - (index === 0 ? lostAt : broker.attempts[index] ?? 0));
  assertEquals(waits.slice(0, 4), [250, 250, 500, 1000]);
  assertEquals(Math.max(...waits), 1000, "Half of the bound, without randomness");
  broker.isReachable = true;
  await environment.advance(1000);
  assertEquals(staying.events, ["connected", `offline: ${CLOSED}`, "online", "gap"]);
  broker.closeConnection();
  await environment.advance(250);
  assertEquals(
    staying.events.slice(4),
    [`offline: ${CLOSED}`],
    "a connection that closed again soon does not reset the waits",
  );
  await environment.advance(60_000);
  broker.closeConnection();
  await environment.advance(250);
  assertEquals(
    staying.events.slice(7),
    [`offline: ${CLOSED}`, "online", "gap"],
    "a stable connection resets the waits",
  );
});

Deno.test("waits grow up to 30 s for a broker that refuses the login", async () => {
  await using environment = new HubEnvironment();
  await environment.subscribe("lamp", { keep: true });
  const { broker } = environment;
  broker.isReachable = false;
  broker.failure = new BrokerLoginError("Broker refused the user name or password");
  broker.closeConnection();
  await environment.advance(60_000);
  const waits = broker.attempts.slice(2).map((at, index) => at - (broker.attempts[index + 1] ?? 0));
  assertEquals(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

Deno.test("waits grow for a broker that closes the connection on each request, also long after a grant", async () => {
  await using environment = new HubEnvironment();
  await environment.subscribe("lamp", { keep: true });
  await environment.advance(60_000);
  environment.broker.closesOnSubscribe = true;
  environment.broker.closeConnection();
  await environment.advance(8000);
  assertEquals(environment.broker.subscribed.length, 1 + 5);
});

Deno.test("a new subscriber also subscribes the offline ones, each of them once", async () => {
  await using environment = new HubEnvironment();
  const { broker } = environment;
  const staying = await environment.subscribe("lamp", { keep: true });
  broker.isReachable = false;
  broker.closeConnection();
  await environment.advance(3000);
  broker.isReachable = true;
  broker.readsAtOnce = false;
  const one = await environment.subscribe("door");
  const other = await environment.subscribe("window");
  broker.read();
  await environment.advance(60_000);
  broker.publish("lamp", "on");
  assertEquals([one.events, other.events], [["connected"], ["connected"]]);
  assertEquals(staying.events, ["connected", `offline: ${CLOSED}`, "online", "gap", "lamp: on"]);
});

Deno.test("a filter that the broker refuses after a reconnect ends its subscribers with `keep`", async () => {
  await using environment = new HubEnvironment();
  const staying = await environment.subscribe("lamp", { keep: true });
  environment.broker.refused.add("lamp");
  environment.broker.closeConnection();
  await environment.advance(250);
  assertEquals(staying.events.at(-1), "ended: Broker refused the subscription to lamp");
  assertEquals(environment.hub.isInUse, false);
});

Deno.test("close() ends all subscribers, whatever their status", async () => {
  await using environment = new HubEnvironment();
  const offline = await environment.subscribe("a", { keep: true });
  environment.broker.isReachable = false;
  environment.broker.closeConnection();
  await environment.advance(5);
  environment.broker.isReachable = true;
  environment.broker.readsAtOnce = false;
  const asking = await environment.subscribe("b");
  const waiting = environment.add("c");
  environment.hub.close(new BrokerError("Gateway is shutting down"));
  await environment.advance(60_000);
  for (const subscriber of [offline, asking, waiting]) {
    assertEquals(subscriber.events.at(-1), "ended: Gateway is shutting down");
    assertEquals(subscriber.events.filter((what) => what.startsWith("ended")).length, 1);
  }
  assertEquals(environment.broker.attempts.length, 2);
});

// Resuming.

for (const deliveryMode of DELIVERY_MODES) {
  Deno.test(`a resumed subscriber gets what it missed, then live messages, when the broker sends ${deliveryMode}`, async () => {
    await using environment = new HubEnvironment();
    environment.broker.deliveryMode = deliveryMode;
    const previous = await environment.subscribe(["lamp/+", "#"]);
    for (const payload of ["one", "two", "three"]) environment.broker.publish("lamp/1", payload);
    previous.unsubscribe();
    environment.broker.publish("door", "four");
    await environment.advance(HubEnvironment.RESUME_MS - 50);
    const since = positionOf(previous, -2);
    const resumed = environment.add(["lamp/+", "#"], { since });
    assertEquals(
      resumed.events,
      ["connected", "lamp/1: three", "door: four"],
      "at once, without a request to the broker",
    );
    environment.broker.publish("lamp/1", "five");
    assertEquals(resumed.events.at(-1), "lamp/1: five");
    assertEquals(resumed.backlog, [true, true, false]);
    assertEquals(resumed.positions[0], since);
    assert(growing(resumed.positions));
    assertEquals(requests(environment).length, 1);
    assertEquals(previous.events.length, 4);
  });
}

Deno.test("an unknown position leads to a gap, and then to live messages", async () => {
  await using environment = new HubEnvironment();
  const { offset } = positionOf(await environment.subscribe("lamp"));
  for (const since of [{ epoch: "other", offset: 0 }, { epoch: "this", offset: offset + 100 }]) {
    const resumed = await environment.subscribe("lamp", { since });
    environment.broker.publish("lamp", "on");
    assertEquals(resumed.events, ["connected", "gap", "lamp: on"]);
    assertEquals(resumed.positions[0]?.epoch, "this");
    assert(growing(resumed.positions));
  }
});

Deno.test("a gap is reported when a part of the missed messages was evicted, and the rest follows", async () => {
  await using environment = new HubEnvironment({ maxBytes: 3 * 262 });
  const previous = await environment.subscribe("lamp");
  previous.unsubscribe();
  await environment.advance(6000);
  environment.broker.publish("lamp", "1", { retain: true });
  for (const payload of ["2", "3", "4", "5"]) environment.broker.publish("lamp", payload);
  const resumed = await environment.subscribe("lamp", { since: positionOf(previous) });
  assertEquals(resumed.events, ["connected", "gap", "lamp: 3", "lamp: 4", "lamp: 5", "lamp: 1 (retained)"]);
});

Deno.test("a gap is reported when the filter was unsubscribed in between, even without other messages", async () => {
  await using environment = new HubEnvironment();
  const previous = await environment.subscribe("lamp");
  previous.unsubscribe();
  await environment.advance(HubEnvironment.RESUME_MS);
  environment.broker.publish("lamp", "missed");
  const resumed = await environment.subscribe("lamp", { since: positionOf(previous) });
  assertEquals(resumed.events, ["connected", "gap"]);
  const sinceThen = await environment.subscribe("lamp", { since: positionOf(previous) });
  assertEquals(sinceThen.events, ["connected", "gap"], "also after another subscriber requested it again");
});

Deno.test("a gap is reported when the connection closed in between, even without other messages", async () => {
  await using environment = new HubEnvironment();
  const previous = await environment.subscribe("lamp");
  environment.broker.closeConnection();
  await settle();
  environment.broker.publish("lamp", "missed");
  const resumed = await environment.subscribe("lamp", { since: positionOf(previous) });
  assertEquals(resumed.events, ["connected", "gap"]);
});

Deno.test("a gap is reported when the connection closed in between, even if another subscriber kept the filter", async () => {
  await using environment = new HubEnvironment();
  await environment.subscribe("lamp", { keep: true });
  const previous = await environment.subscribe("lamp");
  await environment.advance(6000);
  environment.broker.closeConnection();
  await settle();
  environment.broker.publish("lamp", "missed");
  await environment.advance(6000);
  environment.broker.publish("lamp", "on");
  const resumed = await environment.subscribe("lamp", { since: positionOf(previous) });
  assertEquals(resumed.events, ["connected", "gap", "lamp: on"]);
});

Deno.test("no gap is reported to a subscriber that missed nothing", async () => {
  await using environment = new HubEnvironment();
  const previous = await environment.subscribe("lamp");
  await environment.advance(6000);
  previous.unsubscribe();
  const resumed = environment.add("lamp", { since: positionOf(previous) });
  environment.broker.publish("lamp", "on");
  assertEquals(resumed.events, ["connected", "lamp: on"]);
});

Deno.test("messages from before a gap are not repeated after it, though the filters were requested again", async () => {
  await using environment = new HubEnvironment();
  const previous = await environment.subscribe(["lamp/+", "#"]);
  const other = await environment.subscribe("#");
  // The broker sends it for each filter, and the first delivery is passed on.
  environment.broker.publish("lamp/1", "received");
  previous.unsubscribe();
  environment.broker.publish("door", "open");
  await environment.advance(HubEnvironment.RESUME_MS);
  environment.broker.publish("window", "open");
  const resumed = await environment.subscribe(["lamp/+", "#"], { since: positionOf(previous) });
  assertEquals(resumed.events, ["connected", "gap", "door: open", "window: open"]);
  assertEquals(other.events, ["connected", "lamp/1: received", "door: open", "window: open"]);
});

Deno.test("a value that changes between the requests of two filters is not lost", async () => {
  await using environment = new HubEnvironment();
  const { broker } = environment;
  broker.publish("lamp", "old", { retain: true });
  await environment.subscribe("door");
  broker.readsAtOnce = false;
  // The second filter is requested alone at first.
  environment.add("lamp").unsubscribe();
  const subscriber = environment.add(["#", "lamp"]);
  await environment.passBatchTime();
  broker.read(1);
  broker.publish("lamp", "new", { retain: true });
  broker.read();
  await settle();
  assert(subscriber.events.some((what) => what.startsWith("lamp: new")), subscriber.events.join());
});

Deno.test("a gap is reported when one of the filters was not subscribed then", async () => {
  await using environment = new HubEnvironment();
  const previous = await environment.subscribe("lamp");
  environment.broker.publish("lamp", "on");
  const resumed = await environment.subscribe(["lamp", "door"], { since: positionOf(previous, 0) });
  assertEquals(resumed.events, ["connected", "gap", "lamp: on"]);
});

Deno.test("a subscriber that disconnected during retained messages gets the others, and changed values", async () => {
  for (const pause of [0, 6000]) {
    await using environment = new HubEnvironment();
    for (const lamp of [1, 2, 3]) environment.broker.publish(`lamp/${lamp}`, "on", { retain: true });
    const previous = await environment.subscribe("lamp/+");
    previous.unsubscribe();
    environment.broker.publish("lamp/1", "off", { retain: true });
    environment.broker.publish("lamp/3", "off", { retain: true });
    await environment.advance(pause);
    const resumed = await environment.subscribe("lamp/+", { since: positionOf(previous, 1) });
    const live = ["lamp/1: off", "lamp/3: off"];
    assertEquals(resumed.events, ["connected", ...live, "lamp/2: on (retained)", "lamp/3: off (retained)"]);
    assert(growing(resumed.positions));
    resumed.unsubscribe();
    await environment.advance(pause);
    // Disconnected again during the rest of them: only the last one is missing now.
    const again = await environment.subscribe("lamp/+", { since: positionOf(resumed, -2) });
    assertEquals(again.events, ["connected", "lamp/3: off (retained)"]);
    again.unsubscribe();
    await environment.advance(pause);
    const { events } = await environment.subscribe("lamp/+", { since: positionOf(again) });
    assertEquals(events, ["connected"]);
  }
});

Deno.test("a subscriber that disconnected during retained messages gets all of them again after a gap", async () => {
  await using environment = new HubEnvironment({ maxBytes: 3 * 262 });
  for (const lamp of [1, 2, 3]) environment.broker.publish(`lamp/${lamp}`, "on", { retain: true });
  const previous = await environment.subscribe("lamp/+");
  previous.unsubscribe();
  environment.broker.publish("lamp/1", "off", { retain: true });
  for (const payload of ["a", "b", "c"]) environment.broker.publish("lamp/1", payload);
  const resumed = await environment.subscribe("lamp/+", { since: positionOf(previous, 1) });
  assertEquals(resumed.events.filter((what) => !what.startsWith("lamp/1: ") || what.endsWith("(retained)")), [
    "connected",
    "gap",
    "lamp/1: off (retained)",
    "lamp/2: on (retained)",
    "lamp/3: on (retained)",
  ]);
});

Deno.test("an eviction during the new request makes the broker's retained messages pass again", async () => {
  for (const retainedFirst of [true, false]) {
    await using environment = new HubEnvironment({ maxBytes: 3 * 262 });
    environment.broker.sendsRetainedFirst = retainedFirst;
    for (const lamp of [1, 2]) environment.broker.publish(`lamp/${lamp}`, "on", { retain: true });
    const previous = await environment.subscribe("lamp/+");
    previous.unsubscribe();
    environment.broker.sendsAtOnce = false;
    const resumed = environment.add("lamp/+", { since: positionOf(previous, 1) });
    await environment.passBatchTime();
    // The change of the first one is evicted before the grant.
    for (const payload of ["off", "a", "b", "c"]) environment.broker.publish("lamp/1", payload, { retain: true });
    environment.broker.sendsGrantsFirst = false;
    for (let packet = 0; packet < 20; packet++) {
      environment.broker.send(1);
      await settle();
    }
    environment.broker.send();
    await settle();
    const first = resumed.events.findLast((what) => what.startsWith("lamp/1: "));
    assert(first?.startsWith("lamp/1: c") || resumed.events.includes("lamp/1: on (retained)"), resumed.events.join());
    assert(resumed.events.includes("lamp/2: on (retained)"));
  }
});

Deno.test("a position during two retained deliveries counts for neither where they differ", async () => {
  await using environment = new HubEnvironment();
  environment.broker.publish("lamp/1", "on", { retain: true });
  environment.broker.publish("lamp/2", "on", { retain: true });
  const first = await environment.subscribe("lamp/+");
  first.unsubscribe();
  // It resumes during the delivery of the first one, while another one starts a new delivery.
  const second = environment.add("lamp/+", { since: positionOf(first, 1) });
  const third = environment.add("lamp/+");
  await environment.passBatchTime();
  assertEquals(second.events, ["connected", "lamp/2: on (retained)"]);
  assertEquals(third.events, ["connected", "lamp/1: on (retained)", "lamp/2: on (retained)"]);
  third.unsubscribe();
  const fourth = await environment.subscribe("lamp/+", { since: positionOf(third, 1) });
  assertEquals(fourth.messages.map(({ topic }) => topic).includes("lamp/2"), true);
});

Deno.test("no gap is reported because a later request for the same filter was granted sooner", async () => {
  await using environment = new HubEnvironment();
  await environment.subscribe("door");
  environment.broker.sendsAtOnce = false;
  const first = environment.add("lamp");
  await environment.passBatchTime();
  environment.broker.sendsGrantsFirst = true;
  const second = environment.add("lamp");
  await environment.passBatchTime();
  environment.broker.send();
  await settle();
  environment.broker.publish("lamp", "on");
  await settle();
  for (const { events } of [first, second]) assertEquals(events, ["connected", "lamp: on"]);
});

Deno.test("retained messages are passed again to a subscriber that disconnected before them, and again during the replay", async () => {
  await using environment = new HubEnvironment();
  environment.broker.publish("lamp/1", "on", { retain: true });
  const first = await environment.subscribe("lamp/+");
  environment.broker.publish("lamp/2", "off");
  environment.broker.publish("lamp/3", "off");
  first.unsubscribe();
  await environment.advance(6000);
  const second = await environment.subscribe("lamp/+", { since: positionOf(first, 0) });
  assertEquals(second.events, ["connected", "lamp/2: off", "lamp/3: off", "lamp/1: on (retained)"]);
  second.unsubscribe();
  await environment.advance(6000);
  const third = await environment.subscribe("lamp/+", { since: positionOf(second, 1) });
  assertEquals(third.events, ["connected", "lamp/3: off", "lamp/1: on (retained)"]);
});

Deno.test("a subscriber that disconnected while the broker sent retained messages gets those that had not arrived", async () => {
  await using environment = new HubEnvironment();
  for (const lamp of [1, 2, 3]) environment.broker.publish(`lamp/${lamp}`, "on", { retain: true });
  for (const arrived of [0, 1, 2]) {
    await environment.subscribe("door");
    environment.broker.sendsAtOnce = false;
    const previous = await environment.subscribe("lamp/+");
    environment.broker.send(1 + arrived);
    await settle();
    assertEquals(previous.events.length, 1 + arrived);
    previous.unsubscribe();
    const resumed = environment.add("lamp/+", { since: positionOf(previous) });
    environment.broker.send();
    await environment.passBatchTime();
    assertEquals(resumed.messages.map(({ topic }) => topic), ["lamp/1", "lamp/2", "lamp/3"].slice(arrived));
  }
});

Deno.test("a filter is requested again for a subscriber that resumes with a higher QoS, and nothing is missed", async () => {
  await using environment = new HubEnvironment();
  const previous = await environment.subscribe("lamp", { qos: 0 });
  previous.unsubscribe();
  environment.broker.publish("lamp", "one", { qos: 1 });
  const resumed = environment.add("lamp", { qos: 1, since: positionOf(previous) });
  assertEquals(resumed.events, []);
  environment.broker.publish("lamp", "two", { qos: 1 });
  await environment.passBatchTime();
  environment.broker.publish("lamp", "three", { qos: 1 });
  assertEquals(resumed.events, ["connected", "lamp: one", "lamp: two", "lamp: three"]);
  assertEquals(resumed.messages.map(({ qos }) => qos), [0, 0, 1]);
  assertEquals(requests(environment), ["lamp at 0", "lamp at 1"]);
});

Deno.test("a QoS that was not part of a request does not count as granted", async () => {
  await using environment = new HubEnvironment();
  environment.broker.readsAtOnce = false;
  const previous = await environment.subscribe("lamp", { qos: 0 });
  environment.broker.read(1);
  await settle();
  const eager = environment.add("lamp", { qos: 2 });
  environment.broker.read(1);
  await settle();
  eager.unsubscribe();
  await environment.advance(6000);
  previous.unsubscribe();
  environment.broker.read();
  const resumed = await environment.subscribe("lamp", { qos: 2, since: positionOf(previous) });
  environment.broker.publish("lamp", "on", { qos: 2 });
  assertEquals(resumed.messages.map(({ qos }) => qos), [2]);
});

// Other owners.

Deno.test("a filter that only another owner subscribed leads to the same gap as one without subscribers", async () => {
  const events = [];
  for (const isSubscribed of [false, true]) {
    await using environment = new HubEnvironment();
    const other = await environment.subscribe(isSubscribed ? "lamp" : "door", { owner: "other", qos: 1 });
    environment.broker.publish("lamp", "secret");
    const curious = await environment.subscribe("lamp", { since: positionOf(other), qos: 1 });
    environment.broker.publish("lamp", "on");
    events.push([...curious.events, environment.broker.subscribed.length]);
  }
  assertEquals(events[0], ["connected", "gap", "lamp: on", 2]);
  assertEquals(events[1], events[0]);
});

Deno.test("a filter that was idle for its owner for too long leads to a gap, though another owner has subscribers", async () => {
  const events = [];
  for (const isSubscribed of [false, true]) {
    await using environment = new HubEnvironment();
    if (isSubscribed) await environment.subscribe("lamp", { owner: "other" });
    const previous = await environment.subscribe("lamp");
    previous.unsubscribe();
    await environment.advance(HubEnvironment.RESUME_MS);
    environment.broker.publish("lamp", "missed");
    const resumed = await environment.subscribe("lamp", { since: positionOf(previous) });
    events.push([...resumed.events]);
  }
  assertEquals(events, [["connected", "gap"], ["connected", "gap"]]);
});

Deno.test("the oldest of more than 200 idle filters of an owner leads to a gap, though another owner has subscribers", async () => {
  const events = [];
  for (const isSubscribed of [false, true]) {
    await using environment = new HubEnvironment();
    if (isSubscribed) await environment.subscribe("x/0", { owner: "other" });
    const previous = await environment.subscribe(Array.from({ length: 201 }, (_, index) => `x/${index}`));
    previous.unsubscribe();
    for (const filter of ["x/0", "x/1"]) {
      events.push((await environment.subscribe(filter, { since: positionOf(previous) })).events.join());
    }
  }
  assertEquals(events, ["connected,gap", "connected", "connected,gap", "connected"]);
});

Deno.test("a closed connection leads to a gap, though another owner has subscribers and the position is of theirs", async () => {
  await using environment = new HubEnvironment();
  const other = await environment.subscribe("lamp", { owner: "other", keep: true });
  const previous = await environment.subscribe("lamp");
  previous.unsubscribe();
  environment.broker.closeConnection();
  await environment.advance(6000);
  environment.broker.publish("lamp", "secret");
  const resumed = await environment.subscribe("lamp", { since: positionOf(other) });
  assertEquals(resumed.events, ["connected", "gap"]);
});

Deno.test("a higher QoS and retained messages of another owner do not affect a resume", async () => {
  await using environment = new HubEnvironment();
  environment.broker.publish("lamp", "on", { retain: true });
  const previous = await environment.subscribe("lamp");
  await environment.advance(6000);
  await environment.subscribe("lamp", { owner: "other", qos: 2 });
  previous.unsubscribe();
  const resumed = environment.add("lamp", { since: positionOf(previous) });
  assertEquals(resumed.events, ["connected"], "at once, though the other owner still gets retained messages");
  const higher = environment.add("lamp", { since: positionOf(previous), qos: 1 });
  assertEquals(higher.events, [], "a request is sent, though the other owner has the higher QoS already");
  await environment.passBatchTime();
  assertEquals(higher.events, ["connected", "lamp: on (retained)"]);
});

Deno.test("a device that floods its own topics causes gaps only for their subscribers", async () => {
  await using environment = new HubEnvironment({ maxBytes: 100_000 });
  const [door, attacker] = [
    await environment.subscribe("door"),
    await environment.subscribe("attacker/#", { owner: "attacker" }),
  ];
  environment.broker.publish("door", "open");
  for (const { unsubscribe } of [door, attacker]) unsubscribe();
  for (let index = 0; index < 100; index++) environment.broker.publish(`attacker/${index}`, "x".repeat(10_000));
  environment.broker.publish("attacker/huge", "x".repeat(200_000));
  environment.broker.publish("door", "closed");
  const resumed = await environment.subscribe("door", { since: positionOf(door, 0) });
  assertEquals(resumed.events, ["connected", "door: open", "door: closed"]);
  const greedy = await environment.subscribe("attacker/#", { owner: "attacker", since: positionOf(attacker, 0) });
  assertEquals(greedy.events.slice(0, 2), ["connected", "gap"]);
});

// Unsubscribing.

Deno.test("a removed subscriber is not called again, whatever its status was", async () => {
  await using environment = new HubEnvironment();
  const { broker } = environment;
  broker.publish("lamp", "on", { retain: true });

  const gathering = environment.add("lamp");
  gathering.unsubscribe();
  await environment.passBatchTime();
  assertEquals(requests(environment), [], "no subscriber is left");

  broker.readsAtOnce = false;
  const connecting = await environment.subscribe("lamp");
  connecting.unsubscribe();
  broker.read();
  await settle();

  broker.sendsAtOnce = false;
  const asking = await environment.subscribe("lamp");
  asking.unsubscribe();
  broker.send();
  await settle();

  const listening = await environment.subscribe("lamp");
  listening.unsubscribe();
  broker.publish("lamp", "off");

  const offline = await environment.subscribe("lamp", { keep: true });
  broker.closeConnection();
  await settle();
  offline.unsubscribe();
  const other = await environment.subscribe("lamp", { keep: true });
  broker.closeConnection();
  await settle();
  other.unsubscribe();
  await environment.advance(60_000);
  broker.publish("lamp", "dim");

  assertEquals([gathering.events, connecting.events, asking.events], [[], [], []]);
  assertEquals(listening.events, ["connected", "lamp: on (retained)"]);
  for (const each of [offline, other]) {
    assertEquals(each.events, ["connected", "lamp: on (retained)", `offline: ${CLOSED}`]);
  }
  assertEquals(environment.hub.hasSubscribers, false);
});

Deno.test("a subscriber that is removed during a replay is not called again", async () => {
  await using environment = new HubEnvironment();
  const previous = await environment.subscribe("lamp");
  for (const payload of ["one", "two", "three"]) environment.broker.publish("lamp", payload);
  for (const last of ["connected", "lamp: one", "lamp: two"]) {
    const resumed = environment.add("lamp", { qos: 1, since: positionOf(previous, 0) });
    resumed.onEvent = (what) => what === last && resumed.unsubscribe();
    // A higher QoS than granted makes it wait for a request.
    await environment.passBatchTime();
    environment.broker.publish("lamp", "four");
    assertEquals(resumed.events.at(-1), last);
    await environment.subscribe("lamp", { qos: 0 });
  }
});

Deno.test("a subscriber that is removed before a gap is reported is not called again", async () => {
  await using environment = new HubEnvironment();
  for (const [keep, last] of [[false, "connected"], [true, "online"]] as const) {
    const subscriber = environment.add("lamp", { keep, since: { epoch: "other", offset: 1 } });
    subscriber.onEvent = (what) => what === last && subscriber.unsubscribe();
    await environment.passBatchTime();
    environment.broker.closeConnection();
    await environment.advance(250);
    assertEquals(subscriber.events.at(-1), last);
  }
});

Deno.test("a subscriber that another one removes is not called again", async () => {
  for (const keep of [true, false]) {
    await using environment = new HubEnvironment();
    const [one, other] = [environment.add("lamp", { keep }), environment.add("lamp", { keep })];
    await environment.passBatchTime();
    for (const [subscriber, rival] of [[one, other], [other, one]] as const) {
      subscriber.onEvent = () => rival.unsubscribe();
    }
    environment.broker.closeConnection();
    await environment.advance(60_000);
    assertEquals(other.events, ["connected"]);
    assertEquals(one.events.slice(0, 2), ["connected", `${keep ? "offline" : "ended"}: ${CLOSED}`]);
  }
  await using environment = new HubEnvironment();
  const [one, other] = [environment.add("lamp"), environment.add("door")];
  one.onEvent = () => other.unsubscribe();
  environment.hub.close(new BrokerError("Bye"));
  assertEquals([one.events, other.events], [["ended: Bye"], []]);
});

// Pauses between the beginnings of streams. A step of the clock ends one.

/** Adds a stream of each owner, and starts one of them; a pause follows before each further one. */
async function beginOne(environment: HubEnvironment, ...owners: readonly string[]): Promise<RecordingSubscriber[]> {
  const subscribers = owners.map((owner) => environment.add("door", { owner, keep: owner === "keeps" }));
  await environment.passBatchTime();
  assertEquals(subscribers.flatMap(({ events }) => events), []);
  await environment.advance(1);
  return subscribers;
}

Deno.test("a message between the beginnings of two streams of one request reaches each exactly once", async () => {
  for (const deliveryMode of DELIVERY_MODES) {
    await using environment = new HubEnvironment({ turnMs: 0 });
    environment.broker.deliveryMode = deliveryMode;
    environment.broker.publish("door", "stored", { retain: true });
    const [one, other] = await beginOne(environment, "one", "other");
    assertEquals([one?.events, other?.events], [["connected", "door: stored (retained)"], []]);
    environment.broker.publish("door", "open");
    await environment.advance(1);
    environment.broker.publish("door", "shut");
    assertEquals(one?.events, ["connected", "door: stored (retained)", "door: open", "door: shut"]);
    assertEquals(other?.events, ["connected", "door: stored (retained)", "door: open", "door: shut"]);
  }
});

Deno.test("a stream that leaves before it begins gets nothing, and the next one begins", async () => {
  await using environment = new HubEnvironment({ turnMs: 0 });
  const [, leaving, last] = await beginOne(environment, "one", "leaving", "last");
  leaving?.unsubscribe();
  environment.broker.publish("door", "open");
  await environment.advance(2, 1);
  assertEquals([leaving?.events, last?.events], [[], ["connected", "door: open"]]);
});

Deno.test("a connection that closes before a stream begins ends it, and subscribes those with keep again", async () => {
  await using environment = new HubEnvironment({ turnMs: 0 });
  const [staying, late] = await beginOne(environment, "keeps", "late");
  environment.broker.closeConnection();
  await environment.advance(1);
  assertEquals(late?.events, ["ended: Broker closed the connection"]);
  await environment.advance(2_000);
  assertEquals(staying?.events, ["connected", `offline: ${CLOSED}`, "online", "gap"]);
  assertEquals(environment.hub.subscribers, 1);
});

Deno.test("closing the hub before a stream begins ends it", async () => {
  await using environment = new HubEnvironment({ turnMs: 0 });
  const [, late] = await beginOne(environment, "one", "late");
  environment.hub.close(new BrokerError("Shutdown"));
  await environment.advance(2, 1);
  assertEquals(late?.events, ["ended: Shutdown"]);
});
