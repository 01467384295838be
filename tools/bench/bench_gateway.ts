/** The gateway as benchmarks run it: everything on as by default, and limits so wide that they refuse nothing. */
import type { Variables } from "../../src/config/rules.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../../tests/support/gateway_process.ts";

const WIDE = "1000000";

/** Limits that are counted, but not reached. */
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

/** Starts the gateway as its own process, for a scope that stops it. */
export async function startBenchGateway(
  scope: AsyncDisposableStack,
  { env, flags = [] }: { readonly env: Variables; readonly flags?: readonly string[] },
): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess({ ...WIDE_LIMITS, ...env }, { flags });
  scope.defer(async () => {
    await gateway.stop();
  });
  return gateway;
}
