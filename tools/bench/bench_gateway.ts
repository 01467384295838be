/** Gateway of the benchmarks: defaults, with limits so high that they refuse nothing. */
import type { Variables } from "../../src/config/rules.ts";
import {
  type GatewayProcess,
  type GatewayProcessOptions,
  startGatewayProcess,
  UNLIMITED,
} from "../../tests/support/gateway_process.ts";
import { readStartTask } from "../support/start_task.ts";

const WIDE = "1000000";

/** Limits that are enforced but never reached. */
export const WIDE_LIMITS: Variables = {
  ...UNLIMITED,
  RATE_LIMITS: "on",
  ADDRESS_RATE: WIDE,
  ADDRESS_BURST: WIDE,
  FAILED_RATE: WIDE,
  FAILED_BURST: WIDE,
  KEY_RATE: WIDE,
  KEY_BURST: WIDE,
};

/** Starts the gateway as its own process, with the flags of its `deno task start`; `scope` stops it. */
export async function startBenchGateway(
  scope: AsyncDisposableStack,
  { env, flags = [], ...options }:
    & { readonly env: Variables }
    & Pick<GatewayProcessOptions, "checkout" | "directory" | "flags">,
): Promise<GatewayProcess> {
  const start = await readStartTask(options.checkout);
  // Before it starts: an interruption may come meanwhile.
  scope.defer(async () => {
    const gateway = await starting.catch(() => undefined);
    await gateway?.stop();
  });
  const starting = startGatewayProcess({ ...start.env, ...WIDE_LIMITS, ...env }, {
    ...options,
    flags: [...start.flags, ...flags],
  });
  return await starting;
}
