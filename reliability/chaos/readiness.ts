/** Whether a gateway says that it is ready, asked at its own port for that. */
import type { GatewayProcess } from "../../tests/system/gateway_process.ts";

/** What it answers; `silent` where it does not, or has no such port. */
export type Readiness = "ready" | "unavailable" | "silent";

/** Finds the port in the log; undefined for a gateway that has none. */
export function metricsUrl({ output }: GatewayProcess): string | undefined {
  const line = output.lines.find((text) => text.includes("Metrics and health on"));
  if (line === undefined) return undefined;
  const { host, port }: { host: string; port: number } = JSON.parse(line);
  return `http://${host}:${port}`;
}

/** Asks once. */
export async function readinessOf(gateway: GatewayProcess): Promise<Readiness> {
  const url = metricsUrl(gateway);
  if (url === undefined) return "silent";
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.status === 200 ? "ready" : "unavailable";
  } catch {
    return "silent";
  }
}
