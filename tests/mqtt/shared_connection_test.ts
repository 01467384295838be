import { assertEquals, assertRejects } from "@std/assert";
import {
  type BrokerAddress,
  BrokerError,
  type BrokerMessage,
  type ConnectOptions,
  type Publication,
} from "../../src/mqtt/broker.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { SharedConnection, type SharedConnectionOptions } from "../../src/mqtt/shared_connection.ts";
import { until, within } from "../support/deadline.ts";
import { ManualClock } from "../support/manual_clock.ts";

const ADDRESS: BrokerAddress = { host: "broker", port: 1883 };
const PUBLICATION: Publication = { topic: "t", payload: "m", qos: 1, retain: false };
const MESSAGE: BrokerMessage = { topic: "t", payload: new Uint8Array(), qos: 0, retain: false };

/** Connection that a test controls. */
class FakeConnection {
  readonly #closed = Promise.withResolvers<BrokerError>();
  readonly closed = this.#closed.promise;
  /** Reasons of calls of close(). */
  readonly closeReasons: (string | undefined)[] = [];
  silentMs = Infinity;
  published = 0;
  canceled = 0;
  acknowledged: Promise<void> = Promise.resolve();

  constructor(readonly signal: AbortSignal, readonly deliver: NonNullable<ConnectOptions["onMessage"]>) {}

  end(message: string): void {
    this.#closed.resolve(new BrokerError(message));
  }

  publish() {
    this.published += 1;
    return { acknowledged: this.acknowledged, cancel: () => void (this.canceled += 1) };
  }

  subscribe(): Promise<string[]> {
    return Promise.resolve([]);
  }

  unsubscribe(): Promise<void> {
    return Promise.resolve();
  }

  /** Waits for the test to call {@linkcode end}. */
  close(reason?: BrokerError): Promise<void> {
    this.closeReasons.push(reason?.message);
    return this.closed.then(() => {});
  }
}

/** Makes a shared connection to a broker that accepts every command. */
function makeShared(
  { opened = Promise.resolve(), ...options }: Partial<SharedConnectionOptions> & { opened?: Promise<unknown> } = {},
) {
  const connections: FakeConnection[] = [];
  const calls: string[] = [];
  const shared = new SharedConnection(ADDRESS, {
    async connect(_, { signal, onMessage = () => undefined }) {
      const connection = new FakeConnection(signal, onMessage);
      connections.push(connection);
      await opened;
      signal.throwIfAborted();
      return connection;
    },
    timeoutMs: 10_000,
    onMessage: ({ topic }) => void calls.push(`message ${topic}`),
    onClosed: ({ message }) => void calls.push(`closed: ${message}`),
    clock: SYSTEM_CLOCK,
    ...options,
  });
  return { shared, connections, calls };
}

/** Waits for the next task of the event loop. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("publish() opens one connection for concurrent and later messages", async () => {
  const { shared, connections } = makeShared();
  assertEquals(shared.isOpen, false);
  await Promise.all(Array.from({ length: 20 }, () => shared.publish(PUBLICATION)));
  await shared.publish(PUBLICATION);
  assertEquals(await shared.use("answer", (connection) => connection.subscribe([])), []);
  assertEquals([connections.length, connections[0]?.published, shared.isOpen], [1, 21, true]);
});

Deno.test("publish() opens a new connection after the old one closed, which is reported once", async () => {
  const { shared, connections, calls } = makeShared();
  await shared.publish(PUBLICATION);
  connections[0]?.end("Reset");
  await nextTask();
  assertEquals([calls, shared.isOpen], [["closed: Reset"], false]);
  await shared.publish(PUBLICATION);
  assertEquals(connections.map(({ published }) => published), [1, 1]);
  const closing = shared.close();
  connections[1]?.end("Connection closed");
  await within("closing", closing);
  assertEquals(calls, ["closed: Reset", "closed: Connection closed"]);
});

Deno.test("publish() connects again for the next message after a failed attempt, and not for the same one", async () => {
  let attempts = 0;
  const { shared, calls } = makeShared({
    connect() {
      attempts += 1;
      return Promise.reject(new BrokerError("Broker broker:1883 not found"));
    },
  });
  for (const expected of [1, 2]) {
    await assertRejects(() => shared.publish(PUBLICATION), BrokerError, "not found");
    assertEquals(attempts, expected);
  }
  assertEquals(calls, []);
});

Deno.test("publish() does not retry a message that failed in flight", async () => {
  const { shared, connections } = makeShared();
  await shared.publish(PUBLICATION);
  const [first] = connections;
  if (first === undefined) throw new Error("No connection");
  first.acknowledged = first.closed.then((reason) => Promise.reject(reason));
  const failing = assertRejects(() => shared.publish(PUBLICATION), BrokerError, "Reset");
  await nextTask();
  first.end("Reset");
  await failing;
  assertEquals([connections.length, first.published], [1, 2]);
});

Deno.test("publish() sends nothing after its timeout, even if the connection opens right then", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { shared, connections, calls } = makeShared({ timeoutMs: 20, opened });
  const expected = "Broker broker:1883 did not answer within 0.02 s";
  await assertRejects(() => shared.publish(PUBLICATION), BrokerError, expected);
  assertEquals([connections[0]?.signal.aborted, shared.isOpen], [true, false]);
  open();
  await nextTask();
  assertEquals([connections[0]?.published, calls], [0, []]);
});

Deno.test("publish() closes the connection if no packet arrives", async () => {
  const { shared, connections, calls } = makeShared({ timeoutMs: 20 });
  await shared.publish(PUBLICATION);
  const [connection] = connections;
  if (connection === undefined) throw new Error("No connection");
  connection.acknowledged = new Promise(() => {});
  const expected = "Broker broker:1883 did not acknowledge the message within 0.02 s";
  await assertRejects(() => shared.publish(PUBLICATION), BrokerError, expected);
  assertEquals([connection.canceled, calls, shared.isOpen], [1, [`closed: ${expected}`], false]);
  await until("closing", () => connection.closeReasons.length === 1);
  assertEquals(connection.closeReasons, [expected]);
});

Deno.test("publish() closes the connection if packets only arrive in the first half of the timeout, which may answer earlier commands", async () => {
  for (const [silentMs, isOpen] of [[9, true], [10, false], [19, false]] as const) {
    const { shared, connections } = makeShared({ timeoutMs: 20 });
    await shared.publish(PUBLICATION);
    const [connection] = connections;
    if (connection === undefined) throw new Error("No connection");
    connection.acknowledged = new Promise(() => {});
    connection.silentMs = silentMs;
    await assertRejects(() => shared.publish(PUBLICATION), BrokerError, "did not acknowledge the message");
    assertEquals(shared.isOpen, isOpen);
  }
});

Deno.test("publish() fails alone if other packets arrive, and the connection stays open", async () => {
  const { shared, connections, calls } = makeShared({ timeoutMs: 20 });
  await shared.publish(PUBLICATION);
  const [connection] = connections;
  if (connection === undefined) throw new Error("No connection");
  const { promise, reject } = Promise.withResolvers<void>();
  connection.acknowledged = promise;
  connection.silentMs = 0;
  await assertRejects(() => shared.publish(PUBLICATION), BrokerError, "did not acknowledge the message");
  assertEquals([connection.canceled, shared.isOpen], [1, true]);
  // A late rejection must not be unhandled: then the test would fail.
  reject(new BrokerError("Message removed"));
  await nextTask();
  connection.deliver(MESSAGE);
  connection.acknowledged = Promise.resolve();
  await shared.publish(PUBLICATION);
  assertEquals([connections.length, connection.closeReasons, calls], [1, [], ["message t"]]);
});

Deno.test("use() closes the connection after a timeout, also if other packets arrive", async () => {
  const { shared, connections, calls } = makeShared({ timeoutMs: 20 });
  const expected = "Broker broker:1883 did not end the subscription within 0.02 s";
  const { promise, reject } = Promise.withResolvers<void>();
  const failing = shared.use("end the subscription", () => {
    connections.forEach((connection) => connection.silentMs = 0);
    return promise;
  });
  await assertRejects(() => failing, BrokerError, expected);
  assertEquals([shared.isOpen, calls], [false, [`closed: ${expected}`]]);
  await until("closing", () => connections[0]?.closeReasons[0] === expected);
  reject(new BrokerError("Too late"));
  await nextTask();
});

Deno.test("use() rejects with what a command throws, before the connection is open and after, and has no timeout then", async () => {
  const clock = new ManualClock();
  const { shared, connections } = makeShared({ clock });
  const command = () => {
    throw new BrokerError("Fault");
  };
  for (let count = 0; count < 2; count++) {
    await assertRejects(() => shared.use("answer", command), BrokerError, "Fault");
    assertEquals(clock.timers, 0);
  }
  assertEquals([shared.isOpen, connections.length], [true, 1]);
});

Deno.test("a command on a closed connection does not close the next one after its timeout", async () => {
  const { shared, connections, calls } = makeShared({ timeoutMs: 1000 });
  const late = [
    assertRejects(() => shared.use("answer", () => new Promise(() => {})), BrokerError, "did not answer"),
    assertRejects(
      () => {
        connections.forEach((connection) => connection.acknowledged = new Promise(() => {}));
        return shared.publish(PUBLICATION);
      },
      BrokerError,
      "did not acknowledge",
    ),
  ];
  await nextTask();
  assertEquals(connections[0]?.published, 1);
  connections[0]?.end("Reset");
  await nextTask();
  await shared.publish(PUBLICATION);
  assertEquals(connections.length, 2);
  await Promise.all(late);
  assertEquals([shared.isOpen, connections[1]?.closeReasons, calls], [true, [], ["closed: Reset"]]);
});

Deno.test("close() reports the end once and at once, and no later message of that connection", async () => {
  const { shared, connections, calls } = makeShared();
  await shared.publish(PUBLICATION);
  const [connection] = connections;
  connection?.deliver(MESSAGE);
  const closing = shared.close(new BrokerError("Idle"));
  assertEquals([calls, shared.isOpen], [["message t", "closed: Idle"], false]);
  assertEquals(connection?.deliver(MESSAGE), undefined);
  // Another connection is opened while the old one is still closing.
  await shared.publish(PUBLICATION);
  connection?.deliver(MESSAGE);
  connection?.end("Idle");
  await within("closing", closing);
  connection?.deliver(MESSAGE);
  connections[1]?.end("Reset");
  await nextTask();
  assertEquals(calls, ["message t", "closed: Idle", "closed: Reset"]);
  assertEquals(connections.map(({ closeReasons }) => closeReasons), [["Idle"], []]);
});

Deno.test("close() aborts an attempt to open the connection, and rejects all pending commands with its reason", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { shared, connections, calls } = makeShared({ opened });
  const waiting = [
    assertRejects(() => shared.publish(PUBLICATION), BrokerError, "Shutting down"),
    assertRejects(() => shared.use("answer", (connection) => connection.subscribe([])), BrokerError, "Shutting down"),
  ];
  const closing = shared.close(new BrokerError("Shutting down"));
  assertEquals([connections[0]?.signal.aborted, shared.isOpen], [true, false]);
  open();
  await within("closing", Promise.all([closing, ...waiting]));
  assertEquals([connections[0]?.published, calls], [0, []]);
});

Deno.test("close() does nothing without a connection", async () => {
  const { shared, calls } = makeShared();
  await shared.close();
  assertEquals([shared.isOpen, calls], [false, []]);
});

Deno.test("check() closes the connection to a silent broker, and not to a slow one", async () => {
  const silent = makeShared({ timeoutMs: 50 });
  await silent.shared.publish(PUBLICATION);
  const neverSettle = () => new Promise<void>(() => {});
  const [frozen] = silent.connections;
  if (frozen === undefined) throw new Error("No connection");
  frozen.unsubscribe = neverSettle;
  await assertRejects(() => silent.shared.check(), BrokerError, "did not answer");
  assertEquals(frozen.closeReasons.length, 1);

  const busy = makeShared({ timeoutMs: 50 });
  await busy.shared.publish(PUBLICATION);
  const [slow] = busy.connections;
  if (slow === undefined) throw new Error("No connection");
  slow.unsubscribe = () => {
    slow.silentMs = 0;
    return neverSettle();
  };
  await assertRejects(() => busy.shared.check(), BrokerError, "did not answer");
  assertEquals(slow.closeReasons, []);
});
