/** Faults of replicas, their links, Redis and the broker. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../../tests/support/deadline.ts";
import type { ReplicasEnvironment } from "./environment.ts";
import type { Replica } from "./replica.ts";

/** Context of a fault. */
export interface ReplicaFaultContext {
  readonly environment: ReplicasEnvironment;
  /** Picks one of several. */
  readonly pick: <T>(items: readonly T[]) => T;
}

/** One fault. */
export interface ReplicaFault {
  /** Name in the report. */
  readonly name: string;
  /** Injects the fault, and ends it some seconds later; `began` is called when it is in force. */
  readonly run: (context: ReplicaFaultContext, began: () => void) => Promise<void>;
}

/** Duration of a fault, in milliseconds: longer than all timeouts, and than the wait for a lease. */
const DURATION_MS = 4000;

/** Duration for which a killed process is away, in milliseconds. */
const AWAY_MS = 2000;

/** Longest wait for a replica that holds the lease, in milliseconds. */
const WRITER_MS = 20_000;

/** All faults. */
export const REPLICA_FAULTS: readonly ReplicaFault[] = [
  { name: "writer killed", run: async (context, began) => await killed(await writerOf(context), began) },
  { name: "replica killed", run: async (context, began) => await killed(await otherOf(context), began) },
  { name: "writer updated", run: async (context, began) => await updated(await writerOf(context), began) },
  { name: "writer frozen", run: async (context, began) => await frozen(await writerOf(context), began) },
  { name: "replica frozen", run: async (context, began) => await frozen(await otherOf(context), began) },
  { name: "writer cut off from Redis", run: async (context, began) => await cutOff(await writerOf(context), began) },
  { name: "replica cut off from Redis", run: async (context, began) => await cutOff(await otherOf(context), began) },
  {
    name: "Redis killed",
    async run({ environment: { redis } }, began) {
      await redis.kill();
      began();
      await pause(AWAY_MS);
      await redis.start();
    },
  },
  { name: "Redis frozen", run: async ({ environment }, began) => await frozen(environment.redis, began) },
  {
    name: "broker restarted",
    async run({ environment: { broker } }, began) {
      // Not killed: Mosquitto would lose what it has acknowledged and not sent yet.
      await broker.stop("SIGTERM");
      began();
      await pause(AWAY_MS);
      await broker.start();
    },
  },
  { name: "broker frozen", run: async ({ environment }, began) => await frozen(environment.broker, began) },
];

async function killed(replica: Replica, began: () => void): Promise<void> {
  began();
  await replica.kill();
  await pause(AWAY_MS);
  await replica.start();
}

async function updated(replica: Replica, began: () => void): Promise<void> {
  began();
  await replica.stop();
  await replica.start();
}

async function frozen(process: Pick<Replica, "signal">, began: () => void): Promise<void> {
  process.signal("SIGSTOP");
  began();
  await pause(DURATION_MS);
  process.signal("SIGCONT");
}

async function cutOff({ link }: Replica, began: () => void): Promise<void> {
  link.set({ swallows: true });
  began();
  await pause(DURATION_MS);
  link.set({});
  // What was swallowed is missing from the connections.
  link.cut();
}

async function writersOf({ replicas }: ReplicasEnvironment): Promise<readonly boolean[]> {
  return await Promise.all(replicas.map((replica) => replica.isWriter()));
}

async function writerOf({ environment }: ReplicaFaultContext): Promise<Replica> {
  let writer: Replica | undefined;
  await until("a replica holds the lease", async () => {
    const writers = await writersOf(environment);
    writer = environment.replicas.find((_, index) => writers[index]);
    return writer !== undefined;
  }, WRITER_MS);
  if (writer === undefined) throw new Error("No replica holds the lease");
  return writer;
}

async function otherOf({ environment, pick }: ReplicaFaultContext): Promise<Replica> {
  const writers = await writersOf(environment);
  return pick(environment.replicas.filter((_, index) => writers[index] !== true));
}
