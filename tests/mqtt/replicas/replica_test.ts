/** A replica: its start, its end, and its check. */
import { assertEquals, assertRejects } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { BrokerError, type ConnectBroker } from "../../../src/mqtt/broker.ts";
import type { Hub } from "../../../src/mqtt/hub/hub.ts";
import { Replica } from "../../../src/mqtt/replicas/replica.ts";
import { FakeTime } from "../../support/fake_time.ts";
import { FakeBroker, RecordingSubscriber } from "../../support/hub.ts";
import { MemoryLogServer } from "../../support/memory_event_log.ts";
import { settle } from "../../support/settle.ts";

const STOPPING = new BrokerError("Gateway is shutting down");

/** Replicas with one server; each connection has a broker of its own, as a fake one has no other. */
class ReplicasEnvironment implements AsyncDisposable {
  readonly server = new MemoryLogServer();
  readonly #time = new FakeTime();
  readonly #replicas: Replica[] = [];
  #tokens = 0;

  add(): { readonly replica: Replica; readonly hub: Hub; readonly session: FakeBroker } {
    const [session, own] = [new FakeBroker(), new FakeBroker()];
    const connect: ConnectBroker = (address, options) =>
      (options.session === undefined ? own : session).connect(address, options);
    const replica = new Replica({
      log: this.server.open(),
      replica: `replica ${this.#replicas.length}`,
      broker: { address: { host: "broker", port: 1883 }, connect, timeoutMs: 10_000 },
      clientId: () => "gateway",
      hub: {
        limits: { resumeSeconds: 60 },
        backpressure: () => undefined,
        random: () => 0,
        onFault: (error) => {
          throw error;
        },
      },
      limits: { resumeBytes: 1_000_000, resumeSeconds: 60 },
      clock: { ...SYSTEM_CLOCK, monotonic: SYSTEM_CLOCK.now },
      newToken: () => `token ${this.#tokens += 1}`,
      onChange: () => {},
      onInterrupted: () => {},
    });
    this.#replicas.push(replica);
    return { replica, hub: replica.open(() => {}), session };
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
    writer.session.publish(topic, "1");
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
