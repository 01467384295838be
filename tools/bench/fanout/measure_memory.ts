/** Memory of streams, at the gateway and at a server that does nothing else, each after a forced collection. */
import type { Variables } from "../../../src/config/rules.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import { type HelperProcess, startHelper } from "../../support/helper_process.ts";
import { prepareInspection } from "../../support/inspector.ts";
import { rssBytes } from "../../support/process_stats.ts";

/** Resident memory of a gateway at several moments, in bytes, after a garbage collection each. */
export interface GatewayMemory {
  readonly start: number;
  readonly idle: number;
  readonly loaded: number;
  readonly disconnected: number;
  readonly later: number;
  /** Milliseconds until the last stream had its first event. */
  readonly connectedMs: number;
}

/** Milliseconds from the disconnection of all listeners to the last measurement. */
const LATER_MS = 10_000;

/** Measures a gateway with `count` listeners; `load` delivers some messages to them. */
export async function measureGatewayMemory(scope: AsyncDisposableStack, { env, listeners, count, load }: {
  readonly env: Variables;
  readonly listeners: HelperProcess;
  readonly count: number;
  readonly load: () => Promise<void>;
}): Promise<GatewayMemory> {
  const { flag, inspect } = prepareInspection();
  const gateway = await startBenchGateway(scope, { env, flags: [flag] });
  const inspector = await inspect();
  scope.defer(() => inspector.close());
  const collectedRss = async () => {
    await inspector.collectGarbage();
    return await rssBytes(gateway.pid);
  };
  const order = { port: Number(new URL(gateway.url).port), key: gateway.key };
  // The first streams load code that stays in memory.
  await listeners.ask("open", { ...order, count: 10 });
  await load();
  await listeners.ask("close");
  const start = await collectedRss();
  const connectedMs = await listeners.ask<number>("open", { ...order, count });
  const idle = await collectedRss();
  await load();
  const loaded = await collectedRss();
  await listeners.ask("close");
  const disconnected = await collectedRss();
  await new Promise((resolve) => setTimeout(resolve, LATER_MS));
  return { start, idle, loaded, disconnected, later: await collectedRss(), connectedMs };
}

/** Measures the memory of `count` idle streams at a bare server, in bytes. */
export async function measureFloor(scope: AsyncDisposableStack, count: number): Promise<number> {
  const { flag, inspect } = prepareInspection();
  const server = startHelper(new URL("bare_server.ts", import.meta.url), [flag]);
  scope.defer(() => server.stop());
  const port = await server.ask<number>("port");
  const inspector = await inspect();
  scope.defer(() => inspector.close());
  const streams = startHelper(new URL("idle_streams.ts", import.meta.url));
  scope.defer(() => streams.stop());
  await streams.ask("open", { port, count: 10 });
  await inspector.collectGarbage();
  const start = await rssBytes(server.pid);
  await streams.ask("open", { port, count });
  await inspector.collectGarbage();
  return await rssBytes(server.pid) - start;
}
