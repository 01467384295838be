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

const ADDRESS: BrokerAddress = { host: "broker", port: 1883 };
const PUBLICATION: Publication = { topic: "t", payload: "m", qos: 1, retain: false };
const MESSAGE: BrokerMessage = { topic: "t", payload: new Uint8Array(), qos: 0, retain: false };

/** A connection that does as a test tells it. */
class FakeConnection {
  readonly #lost = Promise.withResolvers<BrokerError>();
  readonly closed = this.#lost.promise;
  /** Reasons of its closing. */
  readonly closeReasons: (string | undefined)[] = [];
  packetsReceived = 1;
  /** Whether it is heard of while messages are under way. */
  talks = false;
  published = 0;
  canceled = 0;
  acknowledged: Promise<void> = Promise.resolve();

  constructor(readonly signal: AbortSignal, readonly deliver: NonNullable<ConnectOptions["onMessage"]>) {}

  lose(message: string): void {
    this.#lost.resolve(new BrokerError(message));
  }

  publish() {
    this.published += 1;
    if (this.talks) this.packetsReceived += 1;
    return { acknowledged: this.acknowledged, cancel: () => void (this.canceled += 1) };
  }

  subscribe(): Promise<string[]> {
    return Promise.resolve([]);
  }

  unsubscribe(): Promise<void> {
    return Promise.resolve();
  }

  /** Closing takes a while: the connection is lost when {@linkcode lose} says so. */
  close(reason?: BrokerError): Promise<void> {
    this.closeReasons.push(reason?.message);
    return this.closed.then(() => {});
  }
}

/** A shared connection to a broker that takes whatever comes. */
function makeShared(
  { opened = Promise.resolve(), ...options }: Partial<SharedConnectionOptions> & { opened?: Promise<unknown> } = {},
) {
  const connections: FakeConnection[] = [];
  const told: string[] = [];
  const shared = new SharedConnection(ADDRESS, {
    async connect(_, { signal, onMessage = () => undefined }) {
      const connection = new FakeConnection(signal, onMessage);
      connections.push(connection);
      await opened;
      signal.throwIfAborted();
      return connection;
    },
    timeoutMs: 10_000,
    onMessage: ({ topic }) => void told.push(`message ${topic}`),
    onClosed: ({ message }) => void told.push(`lost: ${message}`),
    clock: SYSTEM_CLOCK,
    ...options,
  });
  return { shared, connections, told };
}

/** Lets happen what happens at once. */
function turn(): Promise<void> {
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

Deno.test("publish() opens a new connection after the old one was lost, which is told once", async () => {
  const { shared, connections, told } = makeShared();
  await shared.publish(PUBLICATION);
  connections[0]?.lose("Gone");
  await turn();
  assertEquals([told, shared.isOpen], [["lost: Gone"], false]);
  await shared.publish(PUBLICATION);
  assertEquals(connections.map(({ published }) => published), [1, 1]);
  const dropping = shared.close();
  connections[1]?.lose("Connection closed");
  await within("dropping", dropping);
  assertEquals(told, ["lost: Gone", "lost: Connection closed"]);
});

Deno.test("publish() tries again for the next message when connecting failed, and not for the same one", async () => {
  let attempts = 0;
  const { shared, told } = makeShared({
    connect() {
      attempts += 1;
      return Promise.reject(new BrokerError("Broker broker:1883 not found"));
    },
  });
  for (const expected of [1, 2]) {
    await assertRejects(() => shared.publish(PUBLICATION), BrokerError, "not found");
    assertEquals(attempts, expected);
  }
  assertEquals(told, []);
});

Deno.test("publish() does not try a message again that failed on its way", async () => {
  const { shared, connections } = makeShared();
  await shared.publish(PUBLICATION);
  const [first] = connections;
  if (first === undefined) throw new Error("No connection");
  first.acknowledged = first.closed.then((reason) => Promise.reject(reason));
  const failing = assertRejects(() => shared.publish(PUBLICATION), BrokerError, "Gone");
  await turn();
  first.lose("Gone");
  await failing;
  assertEquals([connections.length, first.published], [1, 2]);
});

Deno.test("publish() sends nothing once its time is over, even when the broker comes back right then", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { shared, connections, told } = makeShared({ timeoutMs: 20, opened });
  const expected = "Broker broker:1883 did not answer within 0.02 s";
  await assertRejects(() => shared.publish(PUBLICATION), BrokerError, expected);
  assertEquals([connections[0]?.signal.aborted, shared.isOpen], [true, false]);
  open();
  await turn();
  assertEquals([connections[0]?.published, told], [0, []]);
});

Deno.test("publish() ends the connection when the broker says nothing at all", async () => {
  const { shared, connections, told } = makeShared({ timeoutMs: 20 });
  await shared.publish(PUBLICATION);
  const [connection] = connections;
  if (connection === undefined) throw new Error("No connection");
  connection.acknowledged = new Promise(() => {});
  const expected = "Broker broker:1883 did not acknowledge the message within 0.02 s";
  await assertRejects(() => shared.publish(PUBLICATION), BrokerError, expected);
  assertEquals([connection.canceled, told, shared.isOpen], [1, [`lost: ${expected}`], false]);
  await until("closing", () => connection.closeReasons.length === 1);
  assertEquals(connection.closeReasons, [expected]);
});

Deno.test("publish() fails alone when the broker does not acknowledge and is heard of, and listening goes on", async () => {
  const { shared, connections, told } = makeShared({ timeoutMs: 20 });
  await shared.publish(PUBLICATION);
  const [connection] = connections;
  if (connection === undefined) throw new Error("No connection");
  const { promise, reject } = Promise.withResolvers<void>();
  connection.acknowledged = promise;
  connection.talks = true;
  await assertRejects(() => shared.publish(PUBLICATION), BrokerError, "did not acknowledge the message");
  assertEquals([connection.canceled, shared.isOpen], [1, true]);
  // Nobody waits for this any more; if it were unheard, the test would fail.
  reject(new BrokerError("Message removed"));
  await turn();
  connection.deliver(MESSAGE);
  connection.acknowledged = Promise.resolve();
  await shared.publish(PUBLICATION);
  assertEquals([connections.length, connection.closeReasons, told], [1, [], ["message t"]]);
});

Deno.test("use() ends the connection when its command is not answered in time, also if the broker talks", async () => {
  const { shared, connections, told } = makeShared({ timeoutMs: 20 });
  const expected = "Broker broker:1883 did not end the subscription within 0.02 s";
  const { promise, reject } = Promise.withResolvers<void>();
  const failing = shared.use("end the subscription", () => {
    connections.forEach((connection) => connection.packetsReceived += 1);
    return promise;
  });
  await assertRejects(() => failing, BrokerError, expected);
  assertEquals([shared.isOpen, told], [false, [`lost: ${expected}`]]);
  await until("closing", () => connections[0]?.closeReasons[0] === expected);
  reject(new BrokerError("Nobody waits for this"));
  await turn();
});

Deno.test("a command on a connection that was lost does not end the next one when its time is over", async () => {
  const { shared, connections, told } = makeShared({ timeoutMs: 1000 });
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
  await turn();
  assertEquals(connections[0]?.published, 1);
  connections[0]?.lose("Gone");
  await turn();
  await shared.publish(PUBLICATION);
  assertEquals(connections.length, 2);
  await Promise.all(late);
  assertEquals([shared.isOpen, connections[1]?.closeReasons, told], [true, [], ["lost: Gone"]]);
});

Deno.test("drop() tells the loss once and at once, and no message of that connection after it", async () => {
  const { shared, connections, told } = makeShared();
  await shared.publish(PUBLICATION);
  const [connection] = connections;
  connection?.deliver(MESSAGE);
  const dropping = shared.close(new BrokerError("Idle"));
  assertEquals([told, shared.isOpen], [["message t", "lost: Idle"], false]);
  assertEquals(connection?.deliver(MESSAGE), undefined);
  // Another connection is opened while the old one is still saying goodbye.
  await shared.publish(PUBLICATION);
  connection?.deliver(MESSAGE);
  connection?.lose("Idle");
  await within("dropping", dropping);
  connection?.deliver(MESSAGE);
  connections[1]?.lose("Gone");
  await turn();
  assertEquals(told, ["message t", "lost: Idle", "lost: Gone"]);
  assertEquals(connections.map(({ closeReasons }) => closeReasons), [["Idle"], []]);
});

Deno.test("drop() ends an attempt to open the connection, and tells its reason to all who wait for it", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { shared, connections, told } = makeShared({ opened });
  const waiting = [
    assertRejects(() => shared.publish(PUBLICATION), BrokerError, "Shutting down"),
    assertRejects(() => shared.use("answer", (connection) => connection.subscribe([])), BrokerError, "Shutting down"),
  ];
  const dropping = shared.close(new BrokerError("Shutting down"));
  assertEquals([connections[0]?.signal.aborted, shared.isOpen], [true, false]);
  open();
  await within("dropping", Promise.all([dropping, ...waiting]));
  assertEquals([connections[0]?.published, told], [0, []]);
});

Deno.test("drop() does nothing where there is no connection", async () => {
  const { shared, told } = makeShared();
  await shared.close();
  assertEquals([shared.isOpen, told], [false, []]);
});

Deno.test("check() gives up on a silent broker with its connection, and on a slow one without it", async () => {
  const silent = makeShared({ timeoutMs: 50 });
  await silent.shared.publish(PUBLICATION);
  const hang = () => new Promise<void>(() => {});
  const [frozen] = silent.connections;
  if (frozen === undefined) throw new Error("No connection");
  frozen.unsubscribe = hang;
  await assertRejects(() => silent.shared.check(), BrokerError, "did not answer");
  assertEquals(frozen.closeReasons.length, 1);

  const busy = makeShared({ timeoutMs: 50 });
  await busy.shared.publish(PUBLICATION);
  const [slow] = busy.connections;
  if (slow === undefined) throw new Error("No connection");
  slow.unsubscribe = () => {
    slow.packetsReceived += 1;
    return hang();
  };
  await assertRejects(() => busy.shared.check(), BrokerError, "did not answer");
  assertEquals(slow.closeReasons, []);
});
