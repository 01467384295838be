/** Gateway of the benchmarks: defaults, with limits so high that they refuse nothing. */
import project from "../../deno.json" with { type: "json" };
import type { Variables } from "../../src/config/rules.ts";
import {
  type GatewayProcess,
  type GatewayProcessOptions,
  startGatewayProcess,
  UNLIMITED,
} from "../../tests/support/gateway_process.ts";

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

const START = project.tasks.start.command.split(" ");

/** Variables of the allocator, as `deno task start` sets them. */
const ALLOCATOR: Variables = Object.fromEntries(
  START.filter((word) => word.startsWith("MALLOC_")).map((word) => word.split("=", 2)),
);

/** Flags of V8, as `deno task start` sets them. */
const V8_FLAGS = START.filter((word) => word.startsWith("--v8-flags="));

/** Starts the gateway as its own process, with the memory management of `deno task start`; `scope` stops it. */
export async function startBenchGateway(
  scope: AsyncDisposableStack,
  { env, flags = [], ...options }:
    & { readonly env: Variables }
    & Pick<GatewayProcessOptions, "checkout" | "directory" | "flags">,
): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess({ ...ALLOCATOR, ...WIDE_LIMITS, ...env }, {
    ...options,
    flags: [...V8_FLAGS, ...flags],
  });
  scope.defer(async () => {
    await gateway.stop();
  });
  return gateway;
}
