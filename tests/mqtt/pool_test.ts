import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BrokerAddress,
  BrokerError,
  type ConnectBroker,
  type Publication,
  type ReceiveMessage,
} from "../../src/mqtt/broker.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { BrokerPool, type SharedHub, type SharedHubEvents, type SharedHubs } from "../../src/mqtt/pool.ts";
import { Hub } from "../../src/mqtt/hub/hub.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import type { Subscriber } from "../../src/mqtt/hub/subscriber.ts";
import { MemoryHistory } from "../../src/mqtt/hub/memory_history.ts";
import { until, within } from "../support/deadline.ts";
import { MOSQUITTO, startBroker } from "../support/broker.ts";
import { needing } from "../support/needs.ts";
import {
  afterLastTimer,
  CONNACK,
  CONNECT,
  DISCONNECT,
  PUBLISH,
  SUBSCRIBE,
  withScriptedBroker,
} from "../support/scripted_broker.ts";

const ADDRESS: BrokerAddress = { host: "broker", port: 1883 };
const MESSAGE: Publication = { topic: "t", payload: "m", qos: 1, retain: false };

/** Makes connections that a test controls. */
function makeBroker(acknowledge: () => Promise<void> = () => Promise.resolve()) {
  const connections: { closeReason: string | undefined; end: () => void; deliver: ReceiveMessage }[] = [];
  const connect: ConnectBroker = (_, { onMessage = () => undefined }) => {
    const { promise: closed, resolve } = Promise.withResolvers<BrokerError>();
    const connection: typeof connections[number] = {
      closeReason: undefined,
      end: () => resolve(new BrokerError("Closed")),
      deliver: onMessage,
    };
    connections.push(connection);
    return Promise.resolve({
      closed,
      // No timeout closes it as frozen.
      silentMs: 0,
      publish: () => ({ acknowledged: acknowledge(), cancel: () => {} }),
      subscribe: () => Promise.resolve([]),
      unsubscribe: () => Promise.resolve(),
      close(reason = new BrokerError("Closed")) {
        connection.closeReason = reason.message;
        resolve(reason);
        return Promise.resolve();
      },
    });
  };
  return { connect, connections };
}

/** Options of a pool in a test. */
interface PoolOverrides {
  readonly timeoutMs?: number;
  readonly maxConnections?: number;
  readonly defaultBroker?: BrokerAddress;
  readonly idleSeconds?: number;
  readonly monotonic?: () => number;
  readonly sharedHubs?: SharedHubs;
}

/** Makes a pool whose clock stands still until the test moves it. */
function makePool(
  connect: ConnectBroker,
  { timeoutMs = 10_000, maxConnections = 4, idleSeconds = 60, defaultBroker, monotonic, sharedHubs }: PoolOverrides =
    {},
) {
  const time = { ms: 0 };
  const pool = new BrokerPool({
    connect,
    limits: { timeoutMs, idleSeconds, maxConnections },
    hub: {
      history: new MemoryHistory({ epoch: "epoch", limits: { resumeBytes: 1_000_000 } }),
      limits: { resumeSeconds: 0 },
      backpressure: () => undefined,
      random: () => 0,
      onFault: (error) => {
        throw error;
      },
    },
    clock: { now: () => time.ms, monotonic: monotonic ?? (() => time.ms), after: SYSTEM_CLOCK.after },
    ...defaultBroker && { defaultBroker },
    sharedHubs,
  });
  return { pool, time };
}

/** Makes a subscriber that records its events. */
function makeListener(filter: string): { readonly events: string[]; readonly listener: Subscriber } {
  const events: string[] = [];
  return {
    events,
    listener: {
      owner: "phone",
      filters: [filter],
      qos: 1,
      keep: false,
      since: undefined,
      connected: () => void events.push("connected"),
      gap: () => void events.push("gap"),
      message: ({ topic }) => void events.push(topic),
      offline: ({ message }) => void events.push(`offline: ${message}`),
      online: () => void events.push("online"),
      ended: ({ message }) => void events.push(`ended: ${message}`),
    },
  };
}

Deno.test("a pool opens two connections per host, port and login: one to publish and one to subscribe", async () => {
  const { connect, connections } = makeBroker();
  const { pool } = makePool(connect, { maxConnections: 20 });
  const addresses = [
    ADDRESS,
    { ...ADDRESS, port: 1884 },
    { ...ADDRESS, host: "other" },
    { ...ADDRESS, username: "joe", password: "a" },
    { ...ADDRESS, username: "joe", password: "b" },
  ];
  const listeners = addresses.map(() => makeListener("t"));
  for (let round = 0; round < 3; round++) {
    await Promise.all(addresses.map((address) => pool.publish({ ...address }, MESSAGE)));
  }
  listeners.forEach(({ listener }, index) => pool.listen(addresses[index] ?? ADDRESS, listener));
  await until("the grants", () => listeners.every(({ events }) => events.length === 1));
  assertEquals(connections.length, 10);
  await pool.close();
  assertEquals(connections.map(({ closeReason }) => closeReason), Array(10).fill("Gateway is shutting down"));
});

Deno.test("a pool has two connections to a real broker for any number of publishes and subscribers", async () => {
  const broker = await startBroker();
  let connects = 0;
  const connect = createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined });
  const { pool } = makePool((...parameters) => {
    connects += 1;
    return connect(...parameters);
  });
  const listeners = Array.from({ length: 10 }, (_, index) => makeListener(index % 2 === 0 ? "a/#" : "a/+"));
  for (const { listener } of listeners) pool.listen(broker, listener);
  await Promise.all(Array.from({ length: 10 }, () => pool.publish(broker, { ...MESSAGE, topic: "b" })));
  await until("the grants", () => listeners.every(({ events }) => events.length === 1));
  await pool.publish(broker, { ...MESSAGE, topic: "a/b" });
  await until("the message", () => listeners.every(({ events }) => events.length === 2));
  assertEquals(listeners.map(({ events }) => events), Array(10).fill(["connected", "a/b"]));
  assertEquals(connects, 2);
  await pool.close();
  await broker.stop();
});

Deno.test("a pool closes the longest idle connection for a new one, and none in use", async () => {
  const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
  let isSlow = false;
  const { connect, connections } = makeBroker(() => isSlow ? acknowledged : Promise.resolve());
  const { pool, time } = makePool(connect, { maxConnections: 2 });
  const to = (port: number) => {
    time.ms += 1;
    return pool.publish({ ...ADDRESS, port }, MESSAGE);
  };
  await to(1);
  await to(2);
  await to(1);
  await to(3);
  assertEquals(connections.map(({ closeReason }) => closeReason), [undefined, "Idle", undefined]);
  const { listener, events } = makeListener("t");
  const unsubscribe = pool.listen({ ...ADDRESS, port: 1 }, listener);
  isSlow = true;
  const waiting = to(3);
  await assertRejects(() => to(4), BrokerError, "Too many broker connections: 2 are busy");
  assertThrows(
    () => pool.listen({ ...ADDRESS, port: 4 }, makeListener("t").listener),
    BrokerError,
    "Too many broker connections: 2 are busy",
  );
  acknowledge();
  await waiting;
  await until("the grant", () => events.length === 1);
  // The subscriber is older than the last publish; it stays.
  await to(4);
  assertEquals(connections.map(({ closeReason }) => closeReason), ["Idle", "Idle", "Idle", undefined, undefined]);
  unsubscribe();
  await pool.close();
  assertEquals(events, ["connected"]);
});

Deno.test("any number of busy connections to other brokers does not affect the default broker", async () => {
  const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
  let isSlow = false;
  const { connect, connections } = makeBroker(() => isSlow ? acknowledged : Promise.resolve());
  const { pool } = makePool(connect, { maxConnections: 2, defaultBroker: ADDRESS });
  await pool.publish(ADDRESS, MESSAGE);
  isSlow = true;
  const others = [1, 2].map((port) => pool.publish({ ...ADDRESS, port }, MESSAGE));
  await assertRejects(() => pool.publish({ ...ADDRESS, port: 3 }, MESSAGE), BrokerError, "2 are busy");
  isSlow = false;
  await pool.publish(ADDRESS, MESSAGE);
  const { listener, events } = makeListener("t");
  pool.listen(ADDRESS, listener);
  await until("the grant", () => events.length === 1);
  assertEquals(connections.map(({ closeReason }) => closeReason), Array(4).fill(undefined));
  acknowledge();
  await Promise.all(others);
  await pool.close();
});

Deno.test("a pool opens a new connection after one closed, and the other one stays", async () => {
  const { connect, connections } = makeBroker();
  const { pool } = makePool(connect);
  await pool.publish(ADDRESS, MESSAGE);
  const { listener, events } = makeListener("t");
  pool.listen(ADDRESS, listener);
  await until("the grant", () => events.length === 1);
  connections[0]?.end();
  await new Promise((resolve) => setTimeout(resolve, 0));
  await pool.publish(ADDRESS, MESSAGE);
  assertEquals(connections.length, 3);
  assertEquals(events, ["connected"]);
  connections[1]?.end();
  await until("the end", () => events.length === 2);
  assertEquals(events, ["connected", "ended: Closed"]);
  await pool.publish(ADDRESS, MESSAGE);
  assertEquals(connections.length, 3);
  await pool.close();
});

Deno.test("a connection that closes because of a message ends no subscriber, at any quality of service", () => {
  const PINGREQ = 12;
  return withScriptedBroker(({ type, body }, write) => {
    if (type === CONNECT) return CONNACK[5];
    if (type === SUBSCRIBE) return [0x90, 4, body[0] ?? 0, body[1] ?? 0, 0, 0];
    if (type === PINGREQ) return [0xd0, 0];
    if (type === DISCONNECT) return "close";
    if (type !== PUBLISH) return undefined;
    // DISCONNECT with reason "not authorized", then the end of the connection.
    write([0xe0, 2, 0x87, 0]);
    return "close";
  }, async (address) => {
    const { pool } = makePool(createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined }));
    const { listener, events } = makeListener("t");
    pool.listen(address, listener);
    await until("the grant", () => events.length === 1);
    for (const qos of [0, 1, 2] as const) {
      await assertRejects(
        () => within("failing", pool.publish(address, { ...MESSAGE, qos })),
        BrokerError,
        "ended the connection: Not authorized (code 135)",
      );
    }
    assertEquals(events, ["connected"]);
    await pool.close();
    await afterLastTimer();
  });
});

Deno.test("an owner whose messages close the connection affects another owner's once at most", () => {
  const PINGREQ = 12;
  let connects = 0;
  return withScriptedBroker(({ type, body }) => {
    if (type === CONNECT) {
      connects += 1;
      return CONNACK[5];
    }
    if (type === PINGREQ) return [0xd0, 0];
    if (type === DISCONNECT) return "close";
    // The greedy owner's topic is forbidden, and the modest owner's messages are never acknowledged.
    return type === PUBLISH && new TextDecoder().decode(body).includes("forbidden") ? "close" : undefined;
  }, async (address) => {
    const { pool } = makePool(createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined }));
    const publishing = (topic: string, owner: string) => pool.publish(address, { ...MESSAGE, topic }, { owner });
    const fails = (sent: Promise<void>) => assertRejects(() => within("failing", sent), BrokerError, "closed");
    // The first time, the cause is unknown.
    await Promise.all([fails(publishing("t", "modest")), fails(publishing("forbidden", "greedy"))]);
    let failed = false;
    const modest = publishing("t", "modest").catch(() => failed = true);
    await until("the modest one's connection", () => connects === 2);
    await fails(publishing("forbidden", "greedy"));
    await fails(publishing("forbidden", "greedy"));
    assertEquals([failed, connects], [false, 4]);
    await pool.close();
    await modest;
    assertEquals(failed, true);
    await afterLastTimer();
  });
});

Deno.test("an owner whose subscription closes the connection ends the streams of another one once at most", () =>
  withScriptedBroker(({ type, body }) => {
    if (type === CONNECT) return CONNACK[5];
    if (type === DISCONNECT) return "close";
    if (type !== SUBSCRIBE) return undefined;
    if (new TextDecoder().decode(body).includes("forbidden")) return "close";
    return [0x90, 4, body[0] ?? 0, body[1] ?? 0, 0, 0];
  }, async (address) => {
    const { pool } = makePool(createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined }));
    const modest = makeListener("t");
    pool.listen(address, { ...modest.listener, owner: "modest" });
    await until("the grant", () => modest.events.length === 1);
    const refuse = async () => {
      const greedy = makeListener("forbidden");
      pool.listen(address, { ...greedy.listener, owner: "greedy" });
      await until("the end", () => greedy.events.length === 1);
      assertStringIncludes(greedy.events[0] ?? "", "closed the connection");
    };
    await refuse();
    await until("the end", () => modest.events.length === 2);
    const again = makeListener("t");
    pool.listen(address, { ...again.listener, owner: "modest" });
    await until("the grant", () => again.events.length === 1);
    for (let count = 0; count < 3; count++) await refuse();
    assertEquals(again.events, ["connected"]);
    await pool.close();
    await afterLastTimer();
  }));

Deno.test("subscribers of a frozen broker end as soon as a publish fails, before the keep-alive does", async () => {
  const never = new Promise<never>(() => {});
  let connects = 0;
  const connect: ConnectBroker = () => {
    connects += 1;
    const { promise: closed, resolve } = Promise.withResolvers<BrokerError>();
    return Promise.resolve({
      closed,
      silentMs: Infinity,
      publish: () => ({ acknowledged: never, cancel: () => {} }),
      subscribe: () => Promise.resolve([]),
      unsubscribe: () => never,
      close(reason = new BrokerError("Closed")) {
        resolve(reason);
        return Promise.resolve();
      },
    });
  };
  const monotonic = () => performance.now();
  const { pool } = makePool(connect, { timeoutMs: 20, monotonic });
  const { listener, events } = makeListener("t");
  pool.listen(ADDRESS, listener);
  await until("the grant", () => events.length === 1);
  await assertRejects(() => pool.publish(ADDRESS, MESSAGE), BrokerError, "did not acknowledge");
  await until("the end", () => events.length === 2);
  assertEquals([events, connects], [["connected", "ended: Broker broker:1883 did not answer within 0.02 s"], 2]);
  await pool.close();
});

Deno.test("a publish without acknowledgement fails alone: subscribers of the same broker stay", async () => {
  const { connect, connections } = makeBroker(() => new Promise(() => {}));
  const { pool } = makePool(connect, { timeoutMs: 50, monotonic: () => performance.now() });
  const { listener, events } = makeListener("t");
  pool.listen(ADDRESS, listener);
  await until("the grant", () => events.length === 1);
  await assertRejects(
    () => pool.publish(ADDRESS, MESSAGE),
    BrokerError,
    "did not acknowledge the message within 0.05 s",
  );
  connections[0]?.deliver({ topic: "t", payload: new Uint8Array(), qos: 0, retain: false });
  assertEquals(events, ["connected", "t"]);
  assertEquals(connections.map(({ closeReason }) => closeReason), [undefined, undefined]);
  await pool.close();
});

Deno.test("a pool closes a connection after its idle time, and not during a publish or subscription", async () => {
  const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
  const { connect, connections } = makeBroker(() => acknowledged);
  const { pool, time } = makePool(connect, { idleSeconds: 1, timeoutMs: 3_600_000 });
  const closed = () => connections.map(({ closeReason }) => closeReason);
  const listening = { ...ADDRESS, port: 1 };
  const { listener, events } = makeListener("t");
  const unsubscribe = pool.listen(listening, listener);
  const slow = pool.publish(ADDRESS, MESSAGE);
  await until("the grant", () => events.length === 1);
  // A later pool closes its idle connection after the sweep of this one.
  const later = makeBroker();
  const { pool: laterPool, time: laterTime } = makePool(later.connect, { idleSeconds: 1 });
  await laterPool.publish(ADDRESS, MESSAGE);
  laterTime.ms += 1000;
  time.ms += 10_000;
  await until("a sweep", () => later.connections[0]?.closeReason === "Idle");
  assertEquals(closed(), [undefined, undefined]);
  acknowledge();
  await slow;
  unsubscribe();
  time.ms += 1000;
  await until("closing", () => closed().every((reason) => reason === "Idle"));
  await pool.publish(ADDRESS, MESSAGE);
  assertEquals(connections.length, 3);
  await laterPool.close();
  await pool.close();
});

Deno.test("close() ends subscribers and fails publishes with its reason, also during the connection attempt", async () => {
  const { connect } = makeBroker();
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { pool } = makePool(async (address, { signal, ...rest }) => {
    if (address.port === 1884) await opened;
    signal.throwIfAborted();
    return connect(address, { signal, ...rest });
  });
  const [joined, joining] = [makeListener("t"), makeListener("t")];
  pool.listen(ADDRESS, joined.listener);
  await until("the grant", () => joined.events.length === 1);
  pool.listen({ ...ADDRESS, port: 1884 }, joining.listener);
  const failing = assertRejects(
    () => pool.publish({ ...ADDRESS, port: 1884 }, MESSAGE),
    BrokerError,
    "Gateway is shutting down",
  );
  const closing = pool.close();
  assertEquals(joined.events, ["connected", "ended: Gateway is shutting down"]);
  assertEquals(joining.events, ["ended: Gateway is shutting down"]);
  open();
  await within("closing", Promise.all([closing, failing]));
});

Deno.test("check() gets a response of a real broker, and the connection stays open for the idle time", async () => {
  const broker = await startBroker();
  const { pool, time } = makePool(createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined }));
  await pool.check(broker);
  await pool.check(broker);
  assertEquals(pool.usage, { connections: 1, subscriptions: 0, listeners: 0 });
  time.ms += 59_000;
  await pool.check(broker);
  assertEquals(pool.usage.connections, 1);
  await broker.stop();
  await assertRejects(() => pool.check(broker), BrokerError);
  await pool.close();
});

Deno.test("usage counts connections, filters and subscribers", async () => {
  const { connect } = makeBroker();
  const { pool } = makePool(connect);
  assertEquals(pool.usage, { connections: 0, subscriptions: 0, listeners: 0 });
  const listeners = ["a", "a", "b"].map(makeListener);
  const [unsubscribe] = listeners.map(({ listener }) => pool.listen(ADDRESS, listener));
  pool.listen({ ...ADDRESS, port: 1884 }, makeListener("a").listener);
  assertEquals(pool.usage, { connections: 2, subscriptions: 3, listeners: 4 });
  unsubscribe?.();
  assertEquals(pool.usage, { connections: 2, subscriptions: 3, listeners: 3 });
  await pool.close();
});

Deno.test(
  needing("each subscriber of a shared subscription is a member of its group, with a real broker", {
    mosquitto: MOSQUITTO,
  }),
  async () => {
    const broker = await startBroker();
    const { pool } = makePool(createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined }), {
      maxConnections: 32,
    });
    const members = [makeListener("$share/g/t/#"), makeListener("$share/g/t/#")];
    const plain = makeListener("t/#");
    const system = makeListener("$SYS/broker/version");
    const unsubscribes = [...members, plain, system].map(({ listener }) => pool.listen(broker, listener));
    await until("the grants", () => [...members, plain, system].every(({ events }) => events[0] === "connected"));
    for (let count = 0; count < 20; count++) await pool.publish(broker, { ...MESSAGE, topic: `t/${count}` });
    await until("all messages", () => plain.events.length === 21);
    await until("each message at one member", () => members.flatMap(({ events }) => events).length === 22);
    const shared = members.flatMap(({ events }) => events.slice(1)).sort();
    assertEquals(shared, plain.events.slice(1).sort());
    for (const { events } of members) assertEquals(events.length > 1, true, "a member without its share");
    await until("the system topic", () => system.events.length === 2);
    assertEquals(pool.usage.connections, 4);
    for (const unsubscribe of unsubscribes) unsubscribe();
    assertEquals(pool.usage.connections, 2);
    await pool.close();
    await broker.stop();
  },
);

Deno.test("shared subscriptions of one owner take a part of all connections; the embedded broker has none", async () => {
  const { connect } = makeBroker();
  const { pool } = makePool(connect, { maxConnections: 16 });
  const [first, second, third] = ["$share/g/a", "$share/g/a", "$share/g/b"].map(makeListener);
  for (const one of [first, second]) if (one !== undefined) pool.listen(ADDRESS, one.listener);
  assertThrows(
    () => pool.listen(ADDRESS, third?.listener ?? makeListener("").listener),
    BrokerError,
    "Too many shared subscriptions: this key has 2",
  );
  const { listener } = makeListener("$share/g/a");
  pool.listen(ADDRESS, { ...listener, owner: "other" });
  const inProcess = { ...ADDRESS, open: () => assertUnreachable() };
  assertThrows(
    () => pool.listen(inProcess, { ...listener, owner: "third" }),
    BrokerError,
    "has no shared subscriptions",
  );
  await pool.close();
});

Deno.test("fake logins of one owner leave connections to others, whether it subscribes or publishes", async () => {
  const hanging = Promise.withResolvers<void>();
  const { connect } = makeBroker(() => hanging.promise);
  const { pool } = makePool(connect, { maxConnections: 16 });
  const login = (index: number) => ({ ...ADDRESS, username: `fake ${index}`, password: "" });
  const { listener } = makeListener("t");
  for (const index of [0, 1]) pool.listen(login(index), listener);
  const publishes = [2, 3].map((index) => pool.publish(login(index), MESSAGE, { owner: "phone" }));
  assertThrows(
    () => pool.listen(login(4), listener),
    BrokerError,
    "Too many broker connections: this key keeps 4 busy",
  );
  await assertRejects(() => pool.publish(login(5), MESSAGE, { owner: "phone" }), BrokerError, "this key keeps 4 busy");
  // Open connections are shared by all owners.
  pool.listen(login(0), listener);
  pool.listen(ADDRESS, { ...listener, owner: "other" });
  hanging.resolve();
  await Promise.all([...publishes, pool.publish(ADDRESS, MESSAGE, { owner: "other" })]);
  // Completed publishes do not count.
  await pool.publish(login(5), MESSAGE, { owner: "phone" });
  await pool.close();
});

function assertUnreachable(): never {
  throw new Error("Nothing is opened");
}

/** Makes a shared hub whose source grants everything, and records its requests. */
function makeSharedHub() {
  const requests: string[] = [];
  const state: { closed: string; events: SharedHubEvents | undefined; isNeeded: boolean; checks: number } = {
    closed: "",
    events: undefined,
    isNeeded: false,
    checks: 0,
  };
  const hub: SharedHub & { readonly bytes: number } = {
    bytes: 0,
    get isNeeded() {
      return state.isNeeded;
    },
    open(events) {
      state.events = events;
      return new Hub({
        source: {
          request(wanted, begin) {
            requests.push(...wanted.map(({ filter }) => filter));
            begin();
            return Promise.resolve([]);
          },
          release() {},
        },
        config: {
          history: new MemoryHistory({ epoch: "log", limits: { resumeBytes: 1_000_000 } }),
          limits: { resumeSeconds: 0 },
          backpressure: () => undefined,
          random: () => 0,
          onFault: (error) => {
            throw error;
          },
        },
        clock: SYSTEM_CLOCK,
      });
    },
    checkConnections: () => void (state.checks += 1),
    close(reason) {
      state.closed = reason.message;
      return Promise.resolve();
    },
    leave(reason) {
      state.closed = `left: ${reason.message}`;
      return Promise.resolve();
    },
  };
  return { hub, requests, state };
}

/** Makes shared hubs for the default broker and, up to a number, for other logins. */
function makeSharedHubs(max = 0) {
  const main = makeSharedHub();
  const logins: (ReturnType<typeof makeSharedHub> & { readonly address: BrokerAddress; readonly owner: string })[] = [];
  const sharedHubs: SharedHubs = {
    defaultHub: main.hub,
    make(address, { owner }) {
      if (logins.length >= max) return undefined;
      const made = { ...makeSharedHub(), address, owner };
      logins.push(made);
      return made.hub;
    },
  };
  return { sharedHubs, main, logins };
}

const GUEST: BrokerAddress = { ...ADDRESS, username: "guest", password: "right" };

Deno.test("the shared hub has the default broker's filters, but not those of other logins and shared subscriptions", async () => {
  const { connect, connections } = makeBroker();
  const { sharedHubs, main } = makeSharedHubs();
  const { pool } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs, maxConnections: 20 });
  const own = makeListener("own");
  pool.listen(ADDRESS, own.listener);
  pool.listen({ ...ADDRESS, username: "guest" }, makeListener("guest").listener);
  pool.listen(ADDRESS, makeListener("$share/group/t").listener);
  await until("the grants", () => own.events.length > 0 && connections.length === 2);
  assertEquals([main.requests, own.events, pool.usage.listeners], [["own"], ["connected"], 3]);
  await pool.close();
  assertEquals(main.state.closed, "Gateway is shutting down");
});

Deno.test("a publish that is not acknowledged makes the shared hubs of its login check their connections", async () => {
  const { connect } = makeBroker(() => Promise.reject(new BrokerError("Not acknowledged")));
  const { sharedHubs, main, logins } = makeSharedHubs(8);
  const { pool } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs });
  pool.listen(GUEST, makeListener("t").listener);
  const checks = () => [main, ...logins].map(({ state }) => state.checks);
  await assertRejects(() => pool.publish({ ...ADDRESS, username: "other" }, MESSAGE), BrokerError);
  assertEquals(checks(), [0, 0]);
  await assertRejects(() => pool.publish(ADDRESS, MESSAGE, { owner: "phone" }), BrokerError);
  assertEquals(checks(), [1, 0]);
  await assertRejects(() => pool.publish(GUEST, MESSAGE), BrokerError);
  assertEquals(checks(), [1, 1]);
  await pool.close();
});

Deno.test("an owner whose request may have closed a connection of the shared hub gets one of its own", async () => {
  const { connect, connections } = makeBroker();
  const { sharedHubs, main } = makeSharedHubs();
  const { pool } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs });
  main.state.events?.onClosedWhileSubscribing("phone");
  const { events, listener } = makeListener("own");
  pool.listen(ADDRESS, listener);
  pool.listen(ADDRESS, { ...makeListener("other").listener, owner: "other" });
  await until("the grants", () => events.length > 0 && main.requests.length > 0);
  assertEquals([main.requests, connections.length], [["other"], 1]);
  await pool.close();
});

Deno.test("listeners of a login have one shared hub for each password, and shared subscriptions none", async () => {
  const { connect, connections } = makeBroker();
  const { sharedHubs, logins } = makeSharedHubs(8);
  const { pool } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs, maxConnections: 20 });
  const [one, other, wrong] = [makeListener("one"), makeListener("other"), makeListener("wrong")];
  pool.listen(GUEST, one.listener);
  pool.listen(GUEST, { ...other.listener, owner: "other" });
  pool.listen({ ...GUEST, password: "wrong" }, wrong.listener);
  pool.listen(GUEST, makeListener("$share/group/t").listener);
  await until("the grants", () => logins.every(({ requests }) => requests.length > 0) && connections.length === 1);
  assertEquals(logins.map(({ address, owner, requests }) => [address.password, owner, requests]), [
    ["right", "phone", ["one", "other"]],
    ["wrong", "phone", ["wrong"]],
  ]);
  assertEquals(pool.usage, { connections: 5, subscriptions: 4, listeners: 4 });
  await pool.close();
  assertEquals(logins.map(({ state }) => state.closed), ["Gateway is shutting down", "Gateway is shutting down"]);
});

Deno.test("the shared hub of a login is left when it is idle, unless other replicas need it", async () => {
  const { connect } = makeBroker();
  const { sharedHubs, logins } = makeSharedHubs(8);
  const { pool, time } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs, idleSeconds: 60 });
  const unsubscribe = ["needed", "idle"].map((username) =>
    pool.listen({ ...GUEST, username }, makeListener("t").listener)
  );
  const [needed, idle] = logins.map(({ state }) => state);
  if (needed === undefined || idle === undefined) throw new Error("Two hubs are missing");
  needed.isNeeded = true;
  await until("the requests", () => logins.every(({ requests }) => requests.length === 1));
  for (const each of unsubscribe) each();
  await until("they are without listeners", () => pool.usage.subscriptions === 0);
  assertEquals([needed.closed, idle.closed], ["", ""]);
  time.ms += 60_000;
  await until("one is closed", () => idle.closed === "left: Idle");
  assertEquals([needed.closed, pool.usage.connections], ["", 2]);
  needed.isNeeded = false;
  time.ms += 60_000;
  await until("the other is closed", () => needed.closed === "left: Idle");
  assertEquals(pool.usage.connections, 0);
  await pool.close();
});

Deno.test("the shared hub of a login that the broker refuses is left, and the next listener has another one", async () => {
  const { connect } = makeBroker();
  const { sharedHubs, logins } = makeSharedHubs(8);
  const { pool } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs });
  const { events, listener } = makeListener("t");
  pool.listen(GUEST, listener);
  logins.at(0)?.state.events?.onRefused(new BrokerError("Broker refused the user name or password"));
  assertEquals(events, ["ended: Broker refused the user name or password"]);
  assertEquals([logins.at(0)?.state.closed, pool.usage.connections], [
    "left: Broker refused the user name or password",
    0,
  ]);
  pool.listen(GUEST, makeListener("t").listener);
  assertEquals(logins.length, 2);
  await pool.close();
});

Deno.test("a login has a hub of this process alone while there is no room for the connections of a shared one", async () => {
  const { connect, connections } = makeBroker();
  const { sharedHubs, logins } = makeSharedHubs(8);
  const { pool } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs, maxConnections: 3 });
  pool.listen(GUEST, makeListener("t").listener);
  const second = makeListener("t");
  pool.listen({ ...GUEST, username: "second" }, { ...second.listener, owner: "second" });
  await until("the grants", () => second.events.length > 0);
  assertEquals([logins.length, connections.length, pool.usage.connections], [1, 1, 3]);
  const third = { ...makeListener("t").listener, owner: "third" };
  assertThrows(() => pool.listen({ ...GUEST, username: "third" }, third), BrokerError, "Too many broker connections");
  await pool.close();
});

Deno.test("an owner whose request may have closed a connection of a login's shared hub gets one of its own", async () => {
  const { connect, connections } = makeBroker();
  const { sharedHubs, logins } = makeSharedHubs(8);
  const { pool } = makePool(connect, { defaultBroker: ADDRESS, sharedHubs, maxConnections: 20 });
  pool.listen(GUEST, { ...makeListener("other").listener, owner: "other" });
  logins.at(0)?.state.events?.onClosedWhileSubscribing("phone");
  const { events, listener } = makeListener("own");
  pool.listen(GUEST, listener);
  await until("the grants", () => events.length > 0);
  assertEquals([logins.length, connections.length], [1, 1]);
  await pool.close();
});
