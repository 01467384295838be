/** What streams cost in memory, at the gateway and at a server that does nothing else. After forced collections. */
import type { Variables } from "../../../src/config/rules.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import { type HelperProcess, startHelper } from "../../support/helper_process.ts";
import { prepareInspection } from "../../support/inspector.ts";
import { rssBytes } from "../../support/process_stats.ts";

/** Resident memory of a gateway in bytes, after a collection each. */
export interface GatewayMemory {
  readonly start: number;
  readonly idle: number;
  readonly loaded: number;
  readonly left: number;
  readonly later: number;
  /** Until the last stream had its first event, in milliseconds. */
  readonly connectedMs: number;
}

/** How long after all have left the last look is, in milliseconds. */
const LATER_MS = 10_000;

/** Measures a gateway with so many listeners, `load` of which gets some messages delivered to them. */
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
  const settled = async () => {
    await inspector.collectGarbage();
    return await rssBytes(gateway.pid);
  };
  const order = { port: Number(new URL(gateway.url).port), key: gateway.key };
  // The first streams bring code that stays.
  await listeners.ask("open", { ...order, count: 10 });
  await load();
  await listeners.ask("close");
  const start = await settled();
  const connectedMs = await listeners.ask<number>("open", { ...order, count });
  const idle = await settled();
  await load();
  const loaded = await settled();
  await listeners.ask("close");
  const left = await settled();
  await new Promise((resolve) => setTimeout(resolve, LATER_MS));
  return { start, idle, loaded, left, later: await settled(), connectedMs };
}

/** Measures what so many idle streams cost a bare server, in bytes. */
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
