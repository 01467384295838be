/** The scripts of the log do the same as its model, for any order of commands and faults. */
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { QoS } from "../../../src/mqtt/broker.ts";
import {
  type EventLog,
  type LogEntry,
  OFFSETS_PER_ENTRY,
  type SharedOwnerState,
} from "../../../src/mqtt/replicas/event_log.ts";
import { until } from "../../support/deadline.ts";
import type { LogLimits } from "../../support/log_model.ts";
import { MemoryLogServer } from "../../support/memory_event_log.ts";
import { needing } from "../../support/needs.ts";
import { emptyLog, keepLog, LOG_KEYS, openRedisLog, restoreLog } from "../../support/redis_log.ts";
import { REDIS_SERVER, type TestRedis, withRedis } from "../../support/redis_server.ts";

/** Number of random sequences of commands. */
const RUNS = 100;
const UNLIMITED: LogLimits = { maxBytes: 2 ** 30, maxAgeMs: 2 ** 40 };

const TOKENS = ["one", "other", "third"];
const REPLICAS = ["r1", "r2"];
const FILTERS = ["a", "a/+", "é/#"];
const OWNERS = ["phone", "tablet"];

/** Command of a replica, on the real log or on the model, or a fault of the server. */
type Step =
  | { readonly do: "take"; readonly token: string; readonly seen: "current" | "none" | "stale" }
  | { readonly do: "renew" | "release" | "retire"; readonly token: string }
  | { readonly do: "append"; readonly token: string; readonly entries: readonly LogEntry[] }
  | { readonly do: "read" | "readUnacknowledged"; readonly number: number }
  | {
    readonly do: "want";
    readonly replica: string;
    readonly filters: readonly (readonly [string, QoS])[];
    readonly owner: string | undefined;
  }
  | { readonly do: "unwant"; readonly replica: string; readonly filters: readonly string[] }
  | {
    readonly do: "share";
    readonly replica: string;
    readonly states: readonly (readonly [string, string, SharedOwnerState])[];
  }
  | {
    readonly do: "forget";
    readonly replica: string;
    readonly owners: readonly (readonly [string, string])[];
  }
  | { readonly do: "renewReplica" | "leave"; readonly replica: string }
  | { readonly do: "removeReplica"; readonly token: string; readonly replica: string }
  | { readonly do: "readReplicas" | "readWanted" | "readLease" }
  | { readonly do: "keep" | "restore" | "empty" };

const token = fc.constantFrom(...TOKENS);
const replica = fc.constantFrom(...REPLICAS);
const filter = fc.constantFrom(...FILTERS);
const qos = fc.constantFrom<QoS>(0, 1, 2);
const offset = fc.oneof(fc.nat(40), fc.constantFrom(2 ** 20, 2 ** 20 + 3, 2 ** 36)).map((entry) =>
  entry * OFFSETS_PER_ENTRY + 3
);

const entry: fc.Arbitrary<LogEntry> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("message" as const),
      message: fc.record({
        topic: fc.string({ unit: "grapheme", maxLength: 8 }),
        payload: fc.uint8Array({ maxLength: 40 }),
        qos,
        retain: fc.constant(false as boolean),
      }),
      receivedAt: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.constant<LogEntry>({ type: "gap" }) },
  { weight: 1, arbitrary: fc.constant<LogEntry>({ type: "offline", reason: "away" }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("granted" as const),
      filters: fc.array(fc.tuple(filter, fc.option(qos, { nil: undefined })), { maxLength: 3 }),
    }),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("take" as const),
      token,
      seen: fc.constantFrom("current", "current", "none", "stale"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("renew", "renew", "release", "retire", "retire"), token }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      token,
      entries: fc.oneof(
        fc.array(entry, { minLength: 1, maxLength: 4 }),
        fc.array(entry, { minLength: 15, maxLength: 20 }),
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("read", "readUnacknowledged"), number: fc.nat(50) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("want" as const),
      replica,
      filters: fc.array(fc.tuple(filter, qos), { maxLength: 3 }),
      owner: fc.option(fc.constantFrom(...OWNERS), { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("unwant" as const), replica, filters: fc.array(filter, { maxLength: 3 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("share" as const),
      replica,
      states: fc.array(
        fc.tuple(
          filter,
          fc.constantFrom(...OWNERS),
          fc.record({
            activeFrom: offset,
            qos,
            retainedUntil: fc.option(fc.oneof(offset, fc.constant(-Infinity)), { nil: undefined }),
          }),
        ),
        { maxLength: 3 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("forget" as const),
      replica,
      owners: fc.array(fc.tuple(filter, fc.constantFrom(...OWNERS)), { maxLength: 3 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("renewReplica" as const), replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("removeReplica" as const), token, replica }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("readReplicas" as const, "readWanted" as const, "readLease" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("keep" as const, "keep" as const, "restore" as const, "restore" as const, "empty" as const),
    }),
  },
);

/** Calls with nothing in them, after which nothing is there that a restart could lose. */
const EXAMPLES: readonly (Step[])[] = [
  { do: "share" as const, replica: "r1", states: [] },
  { do: "forget" as const, replica: "r1", owners: [] },
  { do: "unwant" as const, replica: "r1", filters: [] },
].map((step) => [{ do: "empty" }, step, { do: "keep" }, { do: "restore" }]);

/** For the jump after a restart, no time has passed: the model has no clock. */
const NO_TIME = `
if redis.call("EXISTS", ARGV[1] .. "state") == 1 then redis.call("HSET", ARGV[1] .. "state", "at", "9e15") end
return 0`;

/** Log, and faults of its server. */
interface Side {
  readonly log: EventLog;
  readonly fault: (name: "keep" | "restore" | "empty") => Promise<void>;
  /** Epochs in the order in which they were seen. */
  readonly epochs: string[];
}

function redisSide(redis: TestRedis, log: EventLog): Side {
  const faults = {
    keep: () => keepLog(redis),
    restore: async () => {
      await restoreLog(redis);
      await redis.command("EVAL", NO_TIME, "0", LOG_KEYS);
    },
    empty: () => emptyLog(redis),
  };
  return { log, fault: (name) => faults[name](), epochs: [] };
}

function modelSide(limits: LogLimits): Side {
  const server = new MemoryLogServer(limits);
  let kept = server.model.copy();
  const faults = {
    keep: () => void (kept = server.model.copy()),
    restore: () => server.model.restart(kept),
    empty: () => server.empty(),
  };
  return { log: server.open(), fault: (name) => Promise.resolve(faults[name]()), epochs: [] };
}

/** Runs a step, and returns what can be compared: epochs as numbers, as they are random; maps have no order. */
async function run({ log, fault, epochs }: Side, step: Step): Promise<unknown> {
  switch (step.do) {
    case "take": {
      const current = await log.lease.read();
      const stale = current && { ...current, renewals: current.renewals + 1 };
      return await log.lease.take(step.token, { current, stale, none: undefined }[step.seen]);
    }
    case "renew":
      return await log.lease.renew(step.token);
    case "release":
      return await log.lease.release(step.token);
    case "retire":
      return (await log.retire(step.token)).toSorted();
    case "append":
      return await log.append(step.token, step.entries);
    case "read": {
      const page = await log.read(step.number, { waitMs: 0, signal: new AbortController().signal });
      if (!epochs.includes(page.epoch)) epochs.push(page.epoch);
      return { ...page, epoch: epochs.indexOf(page.epoch) };
    }
    case "readUnacknowledged":
      // Only the scripts notice a restart; the writer takes the lease before it reads this.
      await log.lease.read();
      return await log.readUnacknowledged(step.number);
    case "want":
      return await log.want(step.replica, step.filters, step.owner).then(({ filters, state: { last, first } }) => [
        filters,
        last,
        first,
      ]);
    case "unwant":
      return await log.unwant(step.replica, step.filters);
    case "share":
      return await log.shareOwners(step.replica, step.states);
    case "forget":
      return await log.forgetOwners(step.replica, step.owners);
    case "renewReplica":
      return await log.renewReplica(step.replica);
    case "removeReplica":
      return await log.removeReplica(step.token, step.replica);
    case "leave":
      return await log.leave(step.replica);
    case "readReplicas":
      return Object.fromEntries(await log.readReplicas());
    case "readWanted":
      return Object.fromEntries(await log.readWanted());
    case "readLease":
      return await log.lease.read();
    case "keep":
    case "restore":
    case "empty":
      return await fault(step.do);
  }
}

const outcome = (side: Side, step: Step) => run(side, step).catch((error: Error) => error.name);

Deno.test(
  needing("the scripts of the log do the same as its model", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis({}, async (redis) => {
      await using scope = new AsyncDisposableStack();
      const limits = { generous: UNLIMITED, small: { maxBytes: 3000, maxAgeMs: 2 ** 40 } };
      const logs = {
        generous: await openRedisLog(scope, redis, { limits: limits.generous }),
        small: await openRedisLog(scope, redis, { limits: limits.small }),
      };
      for (const log of Object.values(logs)) await until("it can be read", () => isReadable(log));
      const scenario = fc.record({
        size: fc.constantFrom("generous" as const, "small" as const),
        steps: fc.array(step, { minLength: 20, maxLength: 80, size: "max" }),
      });
      await fc.assert(
        fc.asyncProperty(scenario, async ({ size, steps }) => {
          await redis.command("FLUSHALL");
          const [real, model] = [redisSide(redis, logs[size]), modelSide(limits[size])];
          const begin: readonly Step[] = [
            { do: "take", token: "one", seen: "current" },
            ...REPLICAS.map((replica) => ({ do: "renewReplica" as const, replica })),
          ];
          const all = [...begin, ...steps, { do: "read" as const, number: 0 }];
          for (const [index, step] of all.entries()) {
            assertEquals(
              await outcome(real, step),
              await outcome(model, step),
              `Step ${index}: ${JSON.stringify(step)}`,
            );
          }
        }),
        { numRuns: RUNS, examples: EXAMPLES.map((steps) => [{ size: "generous", steps }]) },
      );
    }),
);

async function isReadable(log: EventLog): Promise<boolean> {
  return await log.read(0, { waitMs: 0, signal: new AbortController().signal }).then(() => true, () => false);
}
