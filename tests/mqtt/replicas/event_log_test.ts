/** Rules of the log, for both implementations. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  type EventLog,
  LeaseLostError,
  type LogEntry,
  type LogPage,
  OFFSETS_PER_ENTRY,
  ReplicaUnknownError,
} from "../../../src/mqtt/replicas/event_log.ts";
import type { QoS } from "../../../src/mqtt/broker.ts";
import { until, within } from "../../support/deadline.ts";
import type { LogLimits } from "../../support/log_model.ts";
import { MemoryLogServer } from "../../support/memory_event_log.ts";
import { needing } from "../../support/needs.ts";
import { openRedisLog } from "../../support/redis_log.ts";
import { REDIS_SERVER, withRedis } from "../../support/redis_server.ts";

/** Server with one log. */
interface LogServer {
  /** Opens the log for one more replica. */
  open(): Promise<EventLog>;
  /** Restarts the server, which loses nothing. */
  restart(): Promise<void>;
  /** Deletes everything. */
  empty(): Promise<void>;
}

const UNLIMITED: LogLimits = { maxBytes: 2 ** 30, maxAgeMs: 2 ** 40 };

/** Declares a test for each implementation. */
function logTest(name: string, test: (server: LogServer) => Promise<void>, limits = UNLIMITED): void {
  Deno.test(`${name}, in memory`, async () => {
    const server = new MemoryLogServer(limits);
    await test({
      open: () => Promise.resolve(server.open()),
      restart: () => Promise.resolve(server.restart()),
      empty: () => Promise.resolve(server.empty()),
    });
  });
  Deno.test(
    needing(`${name}, in Redis`, { "redis-server": REDIS_SERVER }),
    () =>
      withRedis({ appendonly: true, args: ["--appendfsync", "always"] }, async (redis) => {
        await using scope = new AsyncDisposableStack();
        const logs: EventLog[] = [];
        await test({
          async open() {
            const log = await openRedisLog(scope, redis, { limits });
            logs.push(log);
            return log;
          },
          async restart() {
            await redis.kill();
            await redis.start();
            for (const log of logs) {
              await until("it is connected again", () => log.lease.read().then(() => true, () => false));
              // Appending has a connection of its own.
              await until(
                "it can append again",
                () =>
                  log.append("no lease", [{ type: "gap" }]).then(
                    () => true,
                    (error) => error instanceof LeaseLostError,
                  ),
              );
            }
          },
          empty: async () => void await redis.command("FLUSHALL"),
        });
      }),
  );
}

/** Message whose payload is a number. */
function message(number: number, qos: QoS = 0, bytes = 1): LogEntry {
  const payload = new Uint8Array(bytes).fill(number);
  return {
    type: "message",
    message: { topic: `home/${number}`, payload, qos, retain: false },
    receivedAt: number + 0.5,
  };
}

/** Reads what there is without waiting; waits while the connection is new. */
async function readAll(log: EventLog, after = 0): Promise<LogPage> {
  const { signal } = new AbortController();
  let page: LogPage | undefined;
  await until("the log can be read", async () => {
    page = await log.read(after, { waitMs: 0, signal }).catch(() => undefined);
    return page !== undefined;
  });
  if (page === undefined) throw new Error("No page");
  return page;
}

async function withLease(log: EventLog, token = "token"): Promise<string> {
  assert(await log.lease.take(token, await log.lease.read()));
  return token;
}

logTest("append() and read() keep all fields and the order", async (server) => {
  const [log, other] = [await server.open(), await server.open()];
  const token = await withLease(log);
  const entries: LogEntry[] = [
    { type: "gap" },
    { type: "granted", filters: [["a/#", 1], ["é/+", undefined], ["$q", 2]] },
    message(1, 1, 0),
    {
      type: "message",
      message: { topic: "ü/\u{1f600}", payload: Uint8Array.of(), omittedBytes: 2 ** 31, qos: 2, retain: false },
      receivedAt: 1_700_000_000_000.25,
    },
    {
      type: "message",
      message: { topic: "t", payload: Uint8Array.from({ length: 256 }, (_, byte) => byte), qos: 0, retain: false },
      receivedAt: 0,
    },
    { type: "offline", reason: "Gründe" },
  ];
  assertEquals(await log.append(token, entries.slice(0, 2)), 2);
  assertEquals(await log.append(token, entries.slice(2)), 6);
  const page = await readAll(other);
  assertEquals(page.entries, entries.map((entry, index) => ({ sequence: index + 1, token, entry })));
  assertEquals([page.last, page.first], [6, 1]);
  assertEquals((await readAll(other, 4)).entries.map(({ sequence }) => sequence), [5, 6]);
  assertEquals((await readAll(other, 6)).entries, []);
});

logTest("append() throws LeaseLostError under any token but that of the lease", async (server) => {
  const [log, other] = [await server.open(), await server.open()];
  await assertRejects(() => log.append("", [{ type: "gap" }]), LeaseLostError);
  const token = await withLease(log, "one");
  await log.append(token, [message(1)]);
  await withLease(other, "other");
  await assertRejects(() => log.append(token, [message(2)]), LeaseLostError);
  await assertRejects(() => log.retire(token), LeaseLostError);
  await assertRejects(() => log.removeReplica(token, "r"), LeaseLostError);
  assertEquals(await other.append("other", [message(3)]), 2);
  assertEquals((await readAll(log)).entries.map(({ token }) => token), ["one", "other"]);
});

logTest("take() takes the lease only as it was seen", async (server) => {
  const [log, other] = [await server.open(), await server.open()];
  assertEquals(await log.lease.read(), undefined);
  assert(await log.lease.take("one", undefined));
  assert(!await other.lease.take("other", undefined));
  assertEquals(await other.lease.read(), { token: "one", renewals: 0 });
  assert(await log.lease.renew("one"));
  assert(!await other.lease.take("other", { token: "one", renewals: 0 }));
  assert(await other.lease.take("other", { token: "one", renewals: 1 }));
  assert(!await log.lease.renew("one"));
  await log.lease.release("one");
  assertEquals(await log.lease.read(), { token: "other", renewals: 0 });
  await other.lease.release("other");
  assertEquals(await log.lease.read(), undefined);
  assert(!await log.lease.take("third", { token: "other", renewals: 0 }));
});

logTest("read() waits for the first entry, and ends at its time limit or its signal", async (server) => {
  const [log, other] = [await server.open(), await server.open()];
  const token = await withLease(log);
  const { signal } = new AbortController();
  const reading = other.read(0, { waitMs: 60_000, signal });
  await log.append(token, [message(1)]);
  assertEquals((await within("it is read", reading)).entries.length, 1);
  assertEquals((await other.read(1, { waitMs: 30, signal })).entries, []);
  const stop = new AbortController();
  const stopped = other.read(1, { waitMs: 60_000, signal: stop.signal });
  stop.abort(new Error("stopped"));
  await assertRejects(() => within("it ends", stopped), Error, "stopped");
  await assertRejects(() => other.read(1, { waitMs: 60_000, signal: stop.signal }), Error, "stopped");
});

logTest("read() returns an order of entries over several pages", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  for (let batch = 0; batch < 25; batch++) {
    await log.append(token, Array.from({ length: 100 }, (_, index) => message(index, 0, 600)));
  }
  const sequences: number[] = [];
  for (let after = 0; after < 2500; after = sequences.at(-1) ?? 0) {
    sequences.push(...(await readAll(log, after)).entries.map(({ sequence }) => sequence));
  }
  assertEquals(sequences, Array.from({ length: 2500 }, (_, index) => index + 1));
});

logTest("append() deletes the oldest entries beyond the limit of bytes, and read() tells it", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  for (let number = 0; number < 200; number++) await log.append(token, [message(number % 256, 0, 1000)]);
  const { first, last, entries } = await readAll(log);
  assertEquals(last, 200);
  assert(entries.length > 50 && entries.length < 100, `${entries.length} entries are kept`);
  assertEquals(entries[0]?.sequence, first);
  assertEquals(entries.length, last - first + 1);
}, { maxBytes: 100_000, maxAgeMs: 2 ** 40 });

logTest("append() keeps what it appends beyond any limit", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await log.append(token, [message(1, 0, 1000), message(2, 0, 1000)]);
  const last = await log.append(token, [message(3, 0, 1000), message(4, 0, 1000)]);
  assertEquals((await readAll(log)).entries.map(({ sequence }) => sequence), [last - 1, last]);
}, { maxBytes: 10, maxAgeMs: 2 ** 40 });

logTest("readUnacknowledged() returns the newest messages of QoS 1 and above", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  assertEquals(await log.readUnacknowledged(10), []);
  const entries = Array.from({ length: 2500 }, (_, index) => message(index % 256, index % 1000 === 0 ? 1 : 0));
  await log.append(token, [...entries, message(7, 2), { type: "gap" }]);
  const sequences = async (max: number) => (await log.readUnacknowledged(max)).map(({ sequence }) => sequence);
  assertEquals(await sequences(10), [1, 1001, 2001, 2501]);
  assertEquals(await sequences(2), [2001, 2501]);
});

logTest("a restart of the server ends the lease, jumps ahead and tells a gap", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await log.append(token, [message(1)]);
  const { epoch } = await readAll(log);
  await server.restart();
  await assertRejects(() => log.append(token, [message(2)]), LeaseLostError);
  assertEquals(await log.lease.read(), undefined);
  const page = await readAll(log, 1);
  assertEquals(page.epoch, epoch);
  assertEquals(page.entries.map(({ token, entry }) => [token, entry.type]), [["", "gap"]]);
  assert(page.last > 2 ** 20 && page.last < 2 ** 36);
  await withLease(log, "next");
  assertEquals(await log.append("next", [message(3)]), page.last + 1);
});

logTest("an emptied server begins another epoch", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await log.append(token, [message(1), message(2)]);
  await log.renewReplica("r");
  const { signal } = new AbortController();
  const { epoch } = await readAll(log);
  const reading = log.read(2, { waitMs: 60_000, signal });
  await server.empty();
  const page = await within("the reader sees it", reading);
  assertNotEquals(page.epoch, epoch);
  assertEquals([page.last, page.first, page.entries], [0, 1, []]);
  assertEquals((await readAll(log)).epoch, page.epoch);
  await assertRejects(() => log.append(token, [message(1)]), LeaseLostError);
  await assertRejects(() => log.want("r", [["a", 0]], undefined), ReplicaUnknownError);
});

logTest("want() appends wanted until the broker has granted all filters", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await assertRejects(() => log.want("r", [["a", 0]], undefined), ReplicaUnknownError);
  assertEquals(await log.renewReplica("r"), 1);
  const want = (...filters: (readonly [string, QoS])[]) => log.want("r", filters, "owner");
  const first = await want(["a", 1], ["b/+", 0]);
  assertEquals(first.filters, [
    { filter: "a", grantedQos: undefined, owner: undefined },
    { filter: "b/+", grantedQos: undefined, owner: undefined },
  ]);
  assertEquals(first.state.last, 1);
  assertEquals((await readAll(log)).entries, [{ sequence: 1, token: "", entry: { type: "wanted" } }]);
  assertEquals(await log.readWanted(), new Map<string, QoS>([["a", 1], ["b/+", 0]]));
  await log.append(token, [{ type: "granted", filters: [["a", 1], ["b/+", undefined]] }]);
  const second = await want(["a", 0]);
  assertEquals([second.filters[0]?.grantedQos, second.state.last], [1, 2]);
  assertEquals((await want(["b/+", 0])).state.last, 3, "A refused one is asked for again");
  assertEquals((await want(["a", 2])).state.last, 4, "A higher QoS is asked for");
  assertEquals(await log.readWanted(), new Map<string, QoS>([["a", 2], ["b/+", 0]]));
});

logTest("want(), unwant() and readWanted() take more filters than one step", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await log.renewReplica("r");
  const filters = Array.from({ length: 2100 }, (_, index) => [`home/${index}`, 1] as const);
  const { filters: wanted } = await log.want("r", filters, undefined);
  assertEquals(wanted.map(({ filter }) => filter), filters.map(([filter]) => filter));
  assertEquals((await log.readWanted()).size, 2100);
  await log.append(token, [{ type: "granted", filters }]);
  const owner = { activeFrom: 2 ** 40, qos: 1, retainedUntil: undefined } as const;
  await log.shareOwners("r", filters.map(([filter]) => [filter, "owner", owner]));
  const again = await log.want("r", filters, "owner");
  assertEquals(again.filters, filters.map(([filter]) => ({ filter, grantedQos: 1 as const, owner })));
  await log.forgetOwners("r", filters.map(([filter]) => [filter, "owner"]));
  assertEquals(await log.want("r", filters, "owner").then(({ filters }) => filters.filter(({ owner }) => owner)), []);
  await log.unwant("r", filters.map(([filter]) => filter));
  assertEquals((await log.retire(token)).length, 2100);
  assertEquals((await log.want("r", [], undefined)).filters, []);
});

logTest("unwant() and retire() end filters that no replica wants", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await log.renewReplica("one");
  await log.renewReplica("other");
  await log.want("one", [["a", 0], ["b", 0]], undefined);
  await log.want("other", [["b", 2]], undefined);
  await log.append(token, [{ type: "granted", filters: [["a", 0], ["b", 2]] }]);
  await log.unwant("other", ["b", "never wanted"]);
  assertEquals((await readAll(log, 3)).entries, [], "One still wants it");
  assertEquals(await log.retire(token), []);
  await log.unwant("one", ["a"]);
  assertEquals((await readAll(log, 3)).entries.map(({ entry }) => entry.type), ["wanted"]);
  assertEquals(await log.retire(token), ["a"]);
  assertEquals(await log.retire(token), []);
  await log.removeReplica(token, "one");
  assertEquals(await log.retire(token), ["b"]);
  assertEquals(await log.readWanted(), new Map());
  await assertRejects(() => log.want("one", [["a", 0]], undefined), ReplicaUnknownError);
  assertEquals(await log.renewReplica("one"), 1);
});

logTest("leave() removes a replica and what it wants, and deletes the log with the last one", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  const epoch = await log.readEpoch();
  for (const [replica, filter] of [["one", "a"], ["other", "b"]] as const) {
    await log.renewReplica(replica);
    await log.want(replica, [[filter, 1]], undefined);
  }
  await log.append(token, [{ type: "granted", filters: [["a", 1], ["b", 1]] }]);
  await log.leave("one");
  assertEquals([...await log.readReplicas()], [["other", 1]]);
  assertEquals([await log.retire(token), [...await log.readWanted()]], [["a"], [["b", 1]]]);
  assertEquals(await log.readEpoch(), epoch);
  await log.leave("other");
  const { last, entries, ...begun } = await log.read(0, { waitMs: 0, signal: new AbortController().signal });
  assertEquals([last, entries, begun.epoch === epoch], [0, [], false]);
  await assertRejects(() => log.append(token, [{ type: "gap" }]), LeaseLostError);
});

logTest("shareOwners() keeps what is known of an owner until the filter is retired", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await log.renewReplica("r");
  const start = (await log.want("r", [["a", 1]], undefined)).state.last * OFFSETS_PER_ENTRY;
  const ownerOf = async (owner: string) => (await log.want("r", [["a", 1]], owner)).filters[0]?.owner;
  await log.append(token, [{ type: "granted", filters: [["a", 1]] }]);
  await log.shareOwners("r", [
    ["a", "one", { activeFrom: start + 5, qos: 1, retainedUntil: undefined }],
    ["a", "other", { activeFrom: 0, qos: 0, retainedUntil: 7 }],
    ["unknown", "one", { activeFrom: start, qos: 0, retainedUntil: undefined }],
  ]);
  assertEquals(await ownerOf("one"), { activeFrom: start + 5, qos: 1, retainedUntil: undefined });
  assertEquals(await ownerOf("other"), { activeFrom: start, qos: 0, retainedUntil: 7 }, "None from before the filter");
  assertEquals(await ownerOf("third"), undefined);
  await log.shareOwners("r", [["a", "one", { activeFrom: start + 9, qos: 0, retainedUntil: 2 ** 52 }]]);
  assertEquals(await ownerOf("one"), { activeFrom: start + 5, qos: 1, retainedUntil: 2 ** 52 });
  await log.shareOwners("r", [["a", "one", { activeFrom: start + 9, qos: 0, retainedUntil: undefined }]]);
  assertEquals(await ownerOf("one"), { activeFrom: start + 5, qos: 1, retainedUntil: undefined }, "Another request");
  await log.shareOwners("r", [["a", "none retained", { activeFrom: start, qos: 0, retainedUntil: -Infinity }]]);
  assertEquals(await ownerOf("none retained"), { activeFrom: start, qos: 0, retainedUntil: -1 });
  await log.unwant("r", ["a"]);
  await log.retire(token);
  await log.shareOwners("r", [["a", "one", { activeFrom: start, qos: 0, retainedUntil: undefined }]]);
  assertEquals(await ownerOf("one"), undefined, "A late state is not of the new subscription");
  assertEquals(await ownerOf("other"), undefined, "Nor is an earlier one");
});

logTest(
  "want() returns the state of an owner from all replicas, and keeps it for the one that asks",
  async (server) => {
    const log = await server.open();
    const token = await withLease(log);
    for (const replica of ["one", "other", "third"]) await log.renewReplica(replica);
    const start = (await log.want("one", [["a", 1]], undefined)).state.last * OFFSETS_PER_ENTRY;
    await log.append(token, [{ type: "granted", filters: [["a", 1]] }]);
    const ownerAt = async (replica: string) => (await log.want(replica, [["a", 1]], "phone")).filters[0]?.owner;
    await log.shareOwners("one", [["a", "phone", { activeFrom: start + 5, qos: 0, retainedUntil: 7 }]]);
    await log.shareOwners("other", [["a", "phone", { activeFrom: start + 9, qos: 1, retainedUntil: undefined }]]);
    assertEquals(await ownerAt("third"), { activeFrom: start + 5, qos: 1, retainedUntil: undefined });
    await log.shareOwners("other", [["a", "phone", { activeFrom: start + 9, qos: 1, retainedUntil: 9 }]]);
    await log.forgetOwners("third", [["a", "phone"], ["a", "unknown"], ["unknown", "phone"]]);
    const all = { activeFrom: start + 5, qos: 1, retainedUntil: 9 } as const;
    assertEquals(await ownerAt("third"), all);
    await log.forgetOwners("one", [["a", "phone"]]);
    await log.forgetOwners("other", [["a", "phone"]]);
    assertEquals(await ownerAt("one"), all, "The third one has it still");
    await log.forgetOwners("one", [["a", "phone"]]);
    await log.removeReplica(token, "third");
    assertEquals(await ownerAt("one"), undefined, "No replica has it any more, though the filter is wanted");
  },
);

logTest("shareOwners() keeps nothing of a replica that is removed", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  for (const replica of ["one", "gone"]) await log.renewReplica(replica);
  await log.want("one", [["a", 1]], undefined);
  await log.removeReplica(token, "gone");
  const state = { activeFrom: 2 ** 30, qos: 1, retainedUntil: 3 } as const;
  await log.shareOwners("gone", [["a", "phone", state]]);
  await log.renewReplica("gone");
  assertEquals((await log.want("one", [["a", 1]], "phone")).filters[0]?.owner, undefined);
  await log.shareOwners("gone", [["a", "phone", state]]);
  assertEquals((await log.want("one", [["a", 1]], "phone")).filters[0]?.owner, state);
});

logTest("renewReplica() asks each replica to register again after a restart of the server", async (server) => {
  const log = await server.open();
  const token = await withLease(log);
  await log.renewReplica("r");
  assertEquals(await log.renewReplica("r"), 2);
  await log.want("r", [["a", 1]], undefined);
  await log.append(token, [{ type: "granted", filters: [["a", 1]] }]);
  await log.shareOwners("r", [["a", "owner", { activeFrom: OFFSETS_PER_ENTRY, qos: 1, retainedUntil: undefined }]]);
  await server.restart();
  assertEquals(await log.readReplicas(), new Map([["r", 0]]));
  await assertRejects(() => log.want("r", [["b", 1]], undefined), ReplicaUnknownError);
  assertEquals(await log.readWanted(), new Map<string, QoS>([["a", 1]]), "Nothing is unsubscribed meanwhile");
  await withLease(log, "next");
  assertEquals(await log.retire("next"), []);
  assertEquals(await log.renewReplica("r"), 1);
  const { filters, state } = await log.want("r", [["a", 1]], "owner");
  assertEquals(filters, [{ filter: "a", grantedQos: undefined, owner: undefined }], "Grants may have been lost");
  assertEquals((await readAll(log, state.last - 1)).entries.map(({ entry }) => entry.type), ["wanted"]);
});
