/** A replica: its start, its end, its check, and its login. */
import { assertEquals, assertRejects } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { BrokerError, BrokerLoginError, type ConnectBroker } from "../../../src/mqtt/broker.ts";
import type { Hub } from "../../../src/mqtt/hub/hub.ts";
import { MemoryHistory } from "../../../src/mqtt/hub/memory_history.ts";
import { Replica } from "../../../src/mqtt/replicas/replica.ts";
import { FakeTime } from "../../support/fake_time.ts";
import { FakeBroker, RecordingSubscriber, type SubscriberOptions } from "../../support/hub.ts";
import { MemoryLogServer } from "../../support/memory_event_log.ts";
import { settle } from "../../support/settle.ts";

const REFUSED = new BrokerLoginError("Broker refused the user name or password");

const STOPPING = new BrokerError("Gateway is shutting down");

/** Replica in a test. */
interface TestReplica {
  readonly replica: Replica;
  readonly hub: Hub;
  /** Broker, as its session and its own connection see it. */
  readonly brokers: readonly [session: FakeBroker, own: FakeBroker];
  /** Reasons for which the login was refused. */
  readonly refusals: string[];
  /** Sets whether the broker accepts the login from now on. */
  accept(isAccepted: boolean): void;
}

/** Replicas with one server; each connection has a broker of its own, as a fake one has no other. */
class ReplicasEnvironment implements AsyncDisposable {
  readonly server = new MemoryLogServer();
  readonly #time = new FakeTime();
  readonly #replicas: Replica[] = [];
  #tokens = 0;

  /** Adds a replica, by default with the gateway's own login. */
  add({ isLoginOfRequest = false, isAccepted = true } = {}): TestReplica {
    const [session, own] = [new FakeBroker(), new FakeBroker()];
    const refusals: string[] = [];
    const connect: ConnectBroker = async (address, options) => {
      if (!isAccepted) throw REFUSED;
      return await (options.session === undefined ? own : session).connect(address, options);
    };
    const replica = new Replica({
      log: this.server.open(),
      replica: `replica ${this.#replicas.length}`,
      broker: { address: { host: "broker", port: 1883 }, connect, timeoutMs: 10_000 },
      isLoginOfRequest,
      clientId: () => "gateway",
      hub: {
        limits: { resumeSeconds: 60 },
        backpressure: () => undefined,
        random: () => 0,
        onFault: (error) => {
          throw error;
        },
      },
      memory: new MemoryHistory({ epoch: "", limits: { resumeBytes: 1_000_000, resumeSeconds: 60 } }),
      clock: { ...SYSTEM_CLOCK, monotonic: SYSTEM_CLOCK.now },
      newToken: () => `token ${this.#tokens += 1}`,
      onChange: () => {},
      onInterrupted: () => {},
      onLeftOut: () => {},
    });
    this.#replicas.push(replica);
    const hub = replica.open({
      onClosedWhileSubscribing: () => {},
      onRefused(reason) {
        refusals.push(reason.message);
        void replica.leave(reason);
      },
    });
    return { replica, hub, brokers: [session, own], refusals, accept: (accepted) => void (isAccepted = accepted) };
  }

  async advance(ms: number, step = 100): Promise<void> {
    await settle();
    for (let left = ms; left > 0; left -= step) {
      this.#time.pass(step);
      await settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.work();
    this.server.distanceMs = 0;
    const closing = this.#replicas.map((replica) => replica.close(STOPPING));
    await this.advance(1_000);
    await Promise.all(closing);
    this.#time[Symbol.dispose]();
  }
}

Deno.test("one of several replicas writes; at its end, another one takes over at once", async () => {
  await using environment = new ReplicasEnvironment();
  const one = environment.add();
  await environment.advance(1_000);
  const other = environment.add();
  await environment.advance(5_000);
  assertEquals([one.replica.isWriter, other.replica.isWriter], [true, false]);
  const closing = one.replica.close(STOPPING);
  await environment.advance(1_000);
  await closing;
  assertEquals([one.replica.isWriter, other.replica.isWriter], [false, true]);
  assertEquals([one.replica.takeovers, other.replica.takeovers], [1, 1]);
});

Deno.test("close() ends subscribers, and the log keeps what they want", async () => {
  await using environment = new ReplicasEnvironment();
  const { replica, hub } = environment.add();
  await environment.advance(1_000);
  const phone = new RecordingSubscriber(["door"]);
  hub.subscribe(phone);
  await environment.advance(1_000);
  assertEquals(phone.events, ["connected"]);
  const closing = replica.close(STOPPING);
  await environment.advance(1_000);
  await closing;
  assertEquals(phone.events, ["connected", "ended: Gateway is shutting down"]);
  assertEquals([...environment.server.model.readWanted().keys()], ["door"]);
});

Deno.test("checkConnections() ends the connections of a frozen broker, with one check at a time", async () => {
  await using environment = new ReplicasEnvironment();
  const { replica, hub, brokers: [session, own] } = environment.add();
  replica.checkConnections();
  await environment.advance(1_000);
  const phone = new RecordingSubscriber(["door"]);
  hub.subscribe(phone);
  await environment.advance(1_000);
  assertEquals([phone.events, session.attempts.length, own.attempts.length], [["connected"], 1, 1]);
  for (const broker of [session, own]) broker.readsAtOnce = false;
  const before = session.unsubscribed.length;
  for (let publish = 0; publish < 5; publish++) replica.checkConnections();
  await environment.advance(5_000);
  assertEquals([session.unsubscribed.length - before, session.attempts.length], [1, 1]);
  await environment.advance(6_000);
  assertEquals(phone.events, ["connected", "ended: Broker broker:1883 did not answer within 10 s"]);
  for (const broker of [session, own]) broker.read();
  await environment.advance(11_000);
  assertEquals(session.attempts.length, 2);
  replica.checkConnections();
  await environment.advance(1_000);
  assertEquals(session.attempts.length, 2);
});

Deno.test("check() rejects while the log cannot be read, and resolves once it can", async () => {
  await using environment = new ReplicasEnvironment();
  const { replica } = environment.add();
  await environment.advance(1_000);
  await replica.check();
  environment.server.fail();
  await environment.advance(1_000);
  await assertRejects(() => replica.check(), Error, "The shared log cannot be read: check Redis");
  environment.server.work();
  await environment.advance(40_000);
  await replica.check();
});

Deno.test("check() rejects when no replica renews the lease from one check to the next", async () => {
  await using environment = new ReplicasEnvironment();
  const { replica } = environment.add();
  await environment.advance(1_000);
  const { server } = environment;
  const lease = server.model.readLease();
  // Another one takes the lease, and is gone.
  server.model.take("gone", lease);
  await environment.advance(500);
  await replica.check();
  await assertRejects(() => replica.check(), Error, "No replica writes the shared log");
  await environment.advance(3_000);
  await replica.check();
  assertEquals(replica.isWriter, true);
});

/** Subscribes at a replica to a filter, and waits for the answer. */
async function subscribe(
  environment: ReplicasEnvironment,
  { hub }: TestReplica,
  options: SubscriberOptions & { readonly filter?: string } = {},
): Promise<RecordingSubscriber> {
  const { filter = "door", ...others } = options;
  const subscriber = new RecordingSubscriber([filter], others);
  hub.subscribe(subscriber);
  await environment.advance(1_500);
  return subscriber;
}

Deno.test("a login of a request does nothing at the log before a listener comes, and the broker accepts it", async () => {
  await using environment = new ReplicasEnvironment();
  const guest = environment.add({ isLoginOfRequest: true });
  await environment.advance(5_000);
  const { model } = environment.server;
  assertEquals([model.readLease(), [...model.readReplicas().keys()]], [undefined, []]);
  const phone = await subscribe(environment, guest);
  assertEquals([phone.events, guest.replica.isWriter, guest.refusals], [["connected"], true, []]);
});

Deno.test("a listener with a wrong password gets the broker's error and no message, also if it resumes", async () => {
  await using environment = new ReplicasEnvironment();
  const right = environment.add({ isLoginOfRequest: true });
  const before = await subscribe(environment, right, { qos: 1 });
  right.brokers[0].publish("door", "open", { qos: 1 });
  await environment.advance(500);
  assertEquals(before.events, ["connected", "door: open"]);
  const [since] = before.positions;
  const wrong = environment.add({ isLoginOfRequest: true, isAccepted: false });
  const guest = await subscribe(environment, wrong, since === undefined ? {} : { since, qos: 1 });
  assertEquals(guest.events, [`ended: ${REFUSED.message}`]);
  assertEquals(wrong.refusals, [REFUSED.message]);
  assertEquals([...environment.server.model.readReplicas().keys()], ["replica 0"]);
});

Deno.test("a listener with the right password resumes at another replica, without a gap", async () => {
  await using environment = new ReplicasEnvironment();
  const [one, other] = [environment.add({ isLoginOfRequest: true }), environment.add({ isLoginOfRequest: true })];
  const before = await subscribe(environment, one, { qos: 1 });
  one.brokers[0].publish("door", "1", { qos: 1 });
  await environment.advance(6_000);
  one.brokers[0].publish("door", "2", { qos: 1 });
  await environment.advance(500);
  const since = before.positions.at(1);
  const after = await subscribe(environment, other, since === undefined ? {} : { since, qos: 1 });
  assertEquals(before.events, ["connected", "door: 1", "door: 2"]);
  assertEquals(after.events, ["connected", "door: 2"]);
});

Deno.test("a replica whose password is wrong never takes the lease, however long no other one has it", async () => {
  await using environment = new ReplicasEnvironment();
  const wrong = environment.add({ isLoginOfRequest: true, isAccepted: false });
  await subscribe(environment, wrong);
  await environment.advance(10_000);
  assertEquals([wrong.replica.takeovers, environment.server.model.readLease()], [0, undefined]);
});

Deno.test("a writer whose password the broker refuses ends its listeners, and one with another password writes", async () => {
  await using environment = new ReplicasEnvironment();
  const old = environment.add({ isLoginOfRequest: true });
  const [ended, kept] = [await subscribe(environment, old), await subscribe(environment, old, { keep: true })];
  const right = environment.add({ isLoginOfRequest: true });
  const phone = await subscribe(environment, right);
  assertEquals([old.replica.isWriter, right.replica.isWriter], [true, false]);
  old.accept(false);
  old.brokers[0].closeConnection();
  await environment.advance(10_000);
  assertEquals([old.refusals, old.replica.isWriter, right.replica.isWriter], [[REFUSED.message], false, true]);
  assertEquals(ended.events.at(-1)?.startsWith("ended"), true);
  assertEquals(kept.events.at(-1), `ended: ${REFUSED.message}`);
  right.brokers[0].publish("door", "open");
  await environment.advance(500);
  assertEquals([kept.events.at(-1), phone.events.at(-1)?.startsWith("ended")], [`ended: ${REFUSED.message}`, true]);
  const again = await subscribe(environment, right);
  right.brokers[0].publish("door", "closed");
  await environment.advance(500);
  assertEquals(again.events, ["connected", "door: closed"]);
});

Deno.test("a reader whose password the broker refuses, once its own connection closes, gets no further message", async () => {
  await using environment = new ReplicasEnvironment();
  const right = environment.add({ isLoginOfRequest: true });
  await subscribe(environment, right);
  const old = environment.add({ isLoginOfRequest: true });
  const phone = await subscribe(environment, old, { keep: true });
  old.accept(false);
  old.brokers[1].closeConnection();
  await environment.advance(2_000);
  right.brokers[0].publish("door", "open");
  await environment.advance(500);
  assertEquals(phone.events, ["connected", `ended: ${REFUSED.message}`]);
  assertEquals(right.replica.isWriter, true);
});

Deno.test("listeners of a login stay while the broker is out of reach, and go on once it accepts the login again", async () => {
  await using environment = new ReplicasEnvironment();
  const guest = environment.add({ isLoginOfRequest: true });
  const phone = await subscribe(environment, guest, { keep: true });
  for (const broker of guest.brokers) {
    broker.isReachable = false;
    broker.closeConnection();
  }
  await environment.advance(20_000);
  assertEquals([guest.refusals, guest.replica.takeovers], [[], 1]);
  assertEquals(environment.server.model.readLease(), undefined, "the lease is left to others");
  for (const broker of guest.brokers) broker.isReachable = true;
  await environment.advance(60_000);
  guest.brokers[0].publish("door", "open");
  await environment.advance(500);
  assertEquals([guest.replica.isWriter, phone.events.at(0), phone.events.at(-1)], [true, "connected", "door: open"]);
});

Deno.test("a filter that another password was granted is not served before the broker grants it to this one", async () => {
  await using environment = new ReplicasEnvironment();
  const one = environment.add({ isLoginOfRequest: true });
  one.brokers[1].retained.set("secret", "0");
  const before = await subscribe(environment, one, { filter: "secret" });
  assertEquals(before.events, ["connected", "secret: 0 (retained)"]);
  await environment.advance(6_000);
  // All retained messages were sent: to resume needs no request to the broker.
  one.hub.sweep();
  const [other, another] = [environment.add({ isLoginOfRequest: true }), environment.add({ isLoginOfRequest: true })];
  other.brokers[1].refused.add("secret");
  for (const replica of [other, another]) await subscribe(environment, replica);
  one.brokers[0].publish("secret", "1");
  await environment.advance(500);
  const since = before.positions.at(1);
  const resumed = { filter: "secret", ...since !== undefined && { since } };
  const [refused, accepted] = [
    await subscribe(environment, other, resumed),
    await subscribe(environment, another, resumed),
  ];
  assertEquals([refused.events, accepted.events], [
    ["ended: Broker refused the subscription to secret"],
    ["connected", "secret: 1"],
  ]);
});

Deno.test("a replica that the broker closes connections of leaves the lease to one that it accepts", async () => {
  await using environment = new ReplicasEnvironment();
  const one = environment.add({ isLoginOfRequest: true });
  await subscribe(environment, one, { keep: true });
  const other = environment.add({ isLoginOfRequest: true });
  await subscribe(environment, other, { keep: true });
  for (const broker of one.brokers) {
    broker.isReachable = false;
    broker.closeConnection();
  }
  await environment.advance(20_000);
  assertEquals([one.replica.isWriter, other.replica.isWriter, one.refusals], [false, true, []]);
});

Deno.test("isNeeded is true at the writer while listeners of any replica are there", async () => {
  await using environment = new ReplicasEnvironment();
  const [one, other] = [environment.add({ isLoginOfRequest: true }), environment.add({ isLoginOfRequest: true })];
  const phone = new RecordingSubscriber(["door"]);
  const unsubscribe = one.hub.subscribe(phone);
  await environment.advance(1_500);
  await subscribe(environment, other);
  unsubscribe();
  for (let second = 0; second < 70; second++) {
    await environment.advance(1_000);
    for (const { hub } of [one, other]) hub.sweep();
  }
  assertEquals([one.hub.isInUse, one.replica.isNeeded, other.replica.isNeeded], [false, true, false]);
  other.hub.close(STOPPING);
  other.hub.sweep();
  await environment.advance(2_000);
  assertEquals(one.replica.isNeeded, false);
});

/** Time of a round trip to a distant server, in milliseconds of the fake clock. */
const ROUND_TRIP_MS = 1_000;

/** Returns the round trips to the server, one after the other, until a phone has an event. */
async function roundTripsUntil(environment: ReplicasEnvironment, phone: RecordingSubscriber, event: string) {
  let ms = 0;
  for (; !phone.events.includes(event); ms += 20) {
    if (ms === 20 * ROUND_TRIP_MS) throw new Error(`Only ${phone.events.join(", ")}`);
    await environment.advance(20, 20);
  }
  // What is not due to the distance takes much less than a round trip.
  return Math.floor(ms / ROUND_TRIP_MS);
}

Deno.test("a distant server costs a subscription 4 round trips, of a known filter 2, a message and a resume 1", async () => {
  await using environment = new ReplicasEnvironment();
  const writer = environment.add();
  await environment.advance(1_000);
  const reader = environment.add();
  await environment.advance(1_000);
  environment.server.distanceMs = ROUND_TRIP_MS / 2;
  await environment.advance(5_000);
  for (const [place, other] of [[writer, reader], [reader, writer]] as const) {
    const topic = place === writer ? "door" : "lamp";
    const subscribe = (subscriber: RecordingSubscriber, at = place) => {
      subscriber.unsubscribe = at.hub.subscribe(subscriber);
      return roundTripsUntil(environment, subscriber, "connected");
    };
    const phone = new RecordingSubscriber([topic]);
    const trips = { new: await subscribe(phone), known: await subscribe(new RecordingSubscriber([topic])) };
    writer.brokers[0].publish(topic, "1");
    const message = await roundTripsUntil(environment, phone, `${topic}: 1`);
    const { position } = phone;
    // The other replica knows then that the phone has all retained messages.
    await environment.advance(6_000);
    place.hub.sweep();
    await environment.advance(ROUND_TRIP_MS);
    phone.unsubscribe();
    const resumed = position && await subscribe(new RecordingSubscriber([topic], { since: position }), other);
    assertEquals({ ...trips, message, resumed }, { new: 4, known: 2, message: 1, resumed: 1 });
  }
});

Deno.test("leave() ends what one replica wants, and keeps the log for those of another that was only closed", async () => {
  await using environment = new ReplicasEnvironment();
  const [one, other] = [environment.add({ isLoginOfRequest: true }), environment.add({ isLoginOfRequest: true })];
  const { model } = environment.server;
  await subscribe(environment, one);
  const { epoch } = model.read(0);
  await one.replica.close(STOPPING);
  assertEquals([model.read(0).epoch, [...model.readWanted().keys()]], [epoch, ["door"]]);
  await subscribe(environment, other, { filter: "lamp" });
  await other.replica.leave(STOPPING);
  assertEquals([model.read(0).epoch, [...model.readWanted().keys()]], [epoch, ["door"]], "the first one may come back");
});

Deno.test("a login that the broker does not accept any more leaves nothing in the log", async () => {
  await using environment = new ReplicasEnvironment();
  const guest = environment.add({ isLoginOfRequest: true });
  await subscribe(environment, guest);
  const { model } = environment.server;
  const { epoch } = model.read(0);
  guest.accept(false);
  for (const broker of guest.brokers) broker.closeConnection();
  await environment.advance(10_000);
  assertEquals(guest.refusals, [REFUSED.message]);
  const { last, epoch: begun } = model.read(0);
  assertEquals([last, begun === epoch, [...model.readReplicas()], model.readLease()], [0, false, [], undefined]);
});

Deno.test("listeners end with the first message after a minute in which only others reach the broker", async () => {
  await using environment = new ReplicasEnvironment();
  const right = environment.add({ isLoginOfRequest: true });
  await subscribe(environment, right);
  const old = environment.add({ isLoginOfRequest: true });
  const phone = await subscribe(environment, old, { keep: true });
  old.brokers[1].isReachable = false;
  old.brokers[1].closeConnection();
  await environment.advance(50_000);
  right.brokers[0].publish("door", "1");
  await environment.advance(15_000);
  assertEquals([phone.events, old.refusals], [["connected", "door: 1"], []]);
  right.brokers[0].publish("door", "2");
  await environment.advance(500);
  const reason = "Broker does not accept the login any more";
  assertEquals([phone.events.at(-1), old.refusals, phone.events.includes("door: 2")], [
    `ended: ${reason}`,
    [reason],
    false,
  ]);
});

Deno.test("listeners of a login stay when the broker is back after a long time, and another one connects first", async () => {
  await using environment = new ReplicasEnvironment();
  const [one, other] = [environment.add({ isLoginOfRequest: true }), environment.add({ isLoginOfRequest: true })];
  const phones = [
    await subscribe(environment, one, { keep: true }),
    await subscribe(environment, other, { keep: true }),
  ];
  const all = [...one.brokers, ...other.brokers];
  for (const broker of all) {
    broker.isReachable = false;
    broker.closeConnection();
  }
  await environment.advance(200_000);
  for (const broker of other.brokers) broker.isReachable = true;
  for (let second = 0; second < 60 && !other.replica.isWriter; second++) await environment.advance(1_000);
  await environment.advance(35_000);
  other.brokers[0].publish("door", "open");
  for (const broker of one.brokers) broker.isReachable = true;
  await environment.advance(45_000);
  other.brokers[0].publish("door", "closed");
  await environment.advance(500);
  assertEquals([one.refusals, other.refusals], [[], []]);
  for (const { events } of phones) assertEquals(events.at(-1), "door: closed");
});

Deno.test("a stream that resumes at a replica which has just begun to read the log gets retained messages once", async () => {
  await using environment = new ReplicasEnvironment();
  await subscribe(environment, environment.add({ isLoginOfRequest: true }));
  const guest = environment.add({ isLoginOfRequest: true });
  guest.brokers[1].retained.set("door", "0");
  const phone = await subscribe(environment, guest, { since: { epoch: "of another log", offset: 1 } });
  await environment.advance(5_000);
  assertEquals(phone.events, ["connected", "gap", "door: 0 (retained)"]);
});

Deno.test("a writer that dies is replaced, and one that lives is not, however distant the server is", async () => {
  for (const roundTripMs of [400, 800, 2_000]) {
    await using environment = new ReplicasEnvironment();
    const one = environment.add();
    await environment.advance(1_000);
    const other = environment.add();
    environment.server.distanceMs = roundTripMs / 2;
    await environment.advance(30 * roundTripMs);
    assertEquals([one.replica.isWriter, other.replica.isWriter], [true, false], `${roundTripMs} ms`);
    // It is gone: nothing of it renews the lease any more.
    const { model } = environment.server;
    assertEquals(model.take("gone", model.readLease()), true);
    await environment.advance(10 * (roundTripMs + 200));
    assertEquals([one, other].filter(({ replica }) => replica.isWriter).length, 1, `${roundTripMs} ms`);
  }
});
