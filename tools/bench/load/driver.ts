/** Measures a process under the load of the generator, and checks every answer. */
import type { HelperProcess } from "../../support/helper_process.ts";
import { cpuMs, rssBytes } from "../../support/process_stats.ts";
import type { CountingBroker } from "./counting_broker.ts";
import type { LoadOptions, LoadResult } from "./generator.ts";
import type { Work } from "./work.ts";

/** Kinds of requests that are measured. */
export const WORKS: readonly Work[] = [{ kind: "jeedom" }, { kind: "publish", qos: 0 }, { kind: "publish", qos: 1 }];

/** Numbers of connections that are measured. */
export const CONNECTIONS: readonly number[] = [1, 16, 64];

/** Long enough for the JIT compiler to settle, with all connections: the gateway has more code than bare sealing. */
export const WARM_UP = { seconds: 10, connections: 64 };

/** Requests per second that the replay store has room for: as many as by default for 5 s. */
const REQUESTS_PER_SECOND = 20_000;

/** Returns the size of a replay store that has room for a measurement, as the setting's value. */
export function replayMemoryBytes(seconds: number): string {
  return String(Math.max(64 * 2 ** 20, Math.ceil((seconds + 2) * REQUESTS_PER_SECOND * 1024)));
}

/** Result of a measurement, and what it cost. */
export interface Measured extends LoadResult {
  /** Requests per second. */
  readonly rate: number;
  /** CPU time of the process, in milliseconds. */
  readonly cpuPerRequest: number;
  /** Memory of the process, in bytes. */
  readonly rss: number;
  readonly generatorCores: number;
}

/** Runs measurements one after the other. */
export interface LoadDriver {
  /** Measures a process after its warm-up. */
  load(target: Omit<LoadOptions, "ready">, options: { pid: number; seconds: number }): Promise<Measured>;
  /** Waits until the broker has counted further messages. */
  expectPublished(count: number): Promise<void>;
}

/** Makes a driver of the generator, whose messages go to the broker. */
export function createLoadDriver(generator: HelperProcess, broker: Pick<CountingBroker, "expect">): LoadDriver {
  let published = 0;

  async function expectPublished(count: number): Promise<void> {
    await broker.expect(published += count);
  }

  async function drive(
    target: Omit<LoadOptions, "ready">,
    { pid, seconds, rate }: { readonly pid: number; readonly seconds: number; readonly rate: number },
  ): Promise<Measured> {
    await generator.ask("prepare", { ...target, ready: Math.ceil(rate * seconds * 1.3) });
    const [before, ownBefore] = [await cpuMs(pid), await cpuMs(generator.pid)];
    const result = await generator.ask<LoadResult>("run", { seconds });
    const [after, ownAfter, rss] = [await cpuMs(pid), await cpuMs(generator.pid), await rssBytes(pid)];
    const checked = await generator.ask<number>("verify");
    if (checked !== result.requests) throw new Error(`${result.requests} requests, but ${checked} answers checked`);
    if (target.work.kind === "publish") await expectPublished(result.requests);
    return {
      ...result,
      rate: result.requests / result.seconds,
      cpuPerRequest: (after - before) / result.requests,
      rss,
      generatorCores: (ownAfter - ownBefore) / 1000 / result.seconds,
    };
  }

  return {
    async load(target, { pid, seconds }) {
      const warmUpTarget = { ...target, connections: WARM_UP.connections };
      const warmUp = await drive(warmUpTarget, { pid, seconds: WARM_UP.seconds, rate: 3000 });
      return await drive(target, { pid, seconds, rate: warmUp.rate });
    },
    expectPublished,
  };
}

/** Returns the name of a kind of request in reports. */
export function workName(work: Work): string {
  return work.kind === "publish" ? `Publish, QoS ${work.qos}` : "Jeedom call";
}
