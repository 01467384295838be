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

  add(): { readonly replica: Replica; readonly hub: Hub; readonly session: FakeBroker; readonly own: FakeBroker } {
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
    return { replica, hub: replica.open(() => {}), session, own };
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
  const { replica, hub, session, own } = environment.add();
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
