/**
 * Whether the port for metrics is the gateway's, and what the gateway itself says of its parts there.
 *
 * @module
 */
import { isObject } from "../../protocol/is_object.ts";
import { ask, jsonOf } from "../ask.ts";
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import { lookAtPort } from "../port_state.ts";

/** The port for metrics and health. */
export const METRICS: Check = {
  name: "metrics",
  async look(house, signal) {
    const { config: { METRICS_HOST: host, METRICS_PORT: port }, localUrl, machine, now } = house;
    if (port === "off") return skipped("Not used: METRICS_PORT is off");
    if (port === 0) return skipped("METRICS_PORT is 0, so that only the log tells the port");
    const url = localUrl({ HOST: host, PORT: port, TLS_CERT_FILE: undefined });
    const asked = await ask(`${url}/health/ready`, { fetch: machine.fetch, now, signal });
    if (asked.kind === "reply") {
      const failing = failingParts(jsonOf(asked));
      if (failing === undefined) return taken(port, `answers HTTP ${asked.status}`);
      return tellReadiness(asked.status === 200, failing);
    }
    const state = lookAtPort(machine, { hostname: host, port });
    if (state.kind === "taken") return taken(port, asked.words);
    if (state.kind === "closed") return failed(`Port ${port} ${state.words}`, "Mend METRICS_HOST and METRICS_PORT");
    const { kind } = await house.gateway(signal);
    if (kind !== "gateway") return ok(`Port ${port} is free`);
    return warning(`The gateway runs, and not with port ${port} for metrics`, "Restart the gateway");
  },
};

function taken(port: number, words: string): Finding {
  return failed(
    `Port ${port} is taken by another program, which ${words}`,
    "Stop that program, or set METRICS_PORT to a free port, or to off",
  );
}

/** Reads which parts fail; undefined where no gateway says so. */
function failingParts(value: unknown): string[] | undefined {
  if (!isObject(value) || !Array.isArray(value["failing"]) || !isObject(value["parts"])) return undefined;
  const parts = Object.entries(value["parts"]).filter(([, state]) => state === "failed").map(([name]) => name);
  return [...new Set([...value["failing"].map(String), ...parts])].filter((name) => /^[a-z_]{1,32}$/.test(name));
}

function tellReadiness(isReady: boolean, failing: readonly string[]): Finding {
  if (isReady && failing.length === 0) return ok("The gateway says that it is ready");
  const names = failing.join(", ");
  const remedy = "See the lines for these above, and the gateway's log";
  return isReady
    ? warning(`The gateway works without: ${names}`, remedy)
    : failed(`The gateway is not ready: ${names}`, remedy);
}
