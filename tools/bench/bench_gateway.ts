/** Gateway of the benchmarks: defaults, with limits so high that they refuse nothing. */
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

/** Environment and flags of V8 with which `deno task start` runs a gateway. */
export interface StartFlags {
  /** Variables of the allocator. */
  readonly env: Variables;
  /** Flags for `deno run`. */
  readonly flags: readonly string[];
}

/** Reads them from `deno.json`. */
async function readStartFlags(): Promise<StartFlags> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const words: readonly string[] = tasks.start.command.split(" ");
  const variables = words.filter((word) => word.startsWith("MALLOC_")).map((word) => word.split("=", 2));
  return { env: Object.fromEntries(variables), flags: words.filter((word) => word.startsWith("--v8-flags=")) };
}

/** Starts the gateway as its own process, with the flags of `deno task start`; `scope` stops it. */
export async function startBenchGateway(
  scope: AsyncDisposableStack,
  { env, flags = [], ...options }:
    & { readonly env: Variables }
    & Pick<GatewayProcessOptions, "checkout" | "directory" | "flags">,
): Promise<GatewayProcess> {
  const start = await readStartFlags();
  const gateway = await startGatewayProcess({ ...start.env, ...WIDE_LIMITS, ...env }, {
    ...options,
    flags: [...start.flags, ...flags],
  });
  scope.defer(async () => {
    await gateway.stop();
  });
  return gateway;
}
