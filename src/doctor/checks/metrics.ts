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

/** What the gateway says of itself. */
interface Readiness {
  readonly isReady: boolean;
  readonly failing: readonly string[];
}

/** The port for metrics and health. */
export const METRICS: Check = {
  name: "metrics",
  async look(house, signal) {
    const { config: { METRICS_HOST: host, METRICS_PORT: port }, machine, now } = house;
    if (port === "off") return skipped("Not used: METRICS_PORT is off");
    if (port === 0) return skipped("METRICS_PORT is 0, so that only the log tells the port");
    const asked = await ask(`http://${localHost(host)}:${port}/health/ready`, { fetch: machine.fetch, now, signal });
    if (asked.kind === "reply") {
      const readiness = readinessOf(jsonOf(asked), asked.status);
      return readiness === undefined ? taken(port, `answers HTTP ${asked.status}`) : tellReadiness(readiness);
    }
    const state = lookAtPort(machine, { hostname: host, port });
    if (state.kind === "taken") return taken(port, asked.words);
    if (state.kind === "closed") return failed(`Port ${port} ${state.words}`, "Mend METRICS_HOST and METRICS_PORT");
    const { kind } = await house.gateway(signal);
    if (kind !== "gateway") return ok(`Port ${port} is free`);
    return warning(`The gateway runs, and not with port ${port} for metrics`, "Restart the gateway");
  },
};

function localHost(host: string): string {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return name.includes(":") ? `[${name}]` : name;
}

function taken(port: number, words: string): Finding {
  return failed(
    `Port ${port} is taken by another program, which ${words}`,
    "Stop that program, or set METRICS_PORT to a free port, or to off",
  );
}

function readinessOf(value: unknown, status: number): Readiness | undefined {
  if (!isObject(value) || !Array.isArray(value["failing"]) || !isObject(value["parts"])) return undefined;
  const parts = Object.entries(value["parts"]).filter(([, state]) => state === "failed").map(([name]) => name);
  const known = /^[a-z_]{1,32}$/;
  const failing = [...new Set([...value["failing"].map(String), ...parts])].filter((name) => known.test(name));
  return { isReady: status === 200, failing };
}

function tellReadiness({ isReady, failing }: Readiness): Finding {
  const names = failing.join(", ");
  if (isReady && failing.length === 0) return ok("The gateway says that it is ready");
  if (isReady) {
    return warning(`The gateway works without: ${names}`, "See the lines for these above, and the gateway's log");
  }
  return failed(`The gateway is not ready: ${names}`, "See the lines for these above, and the gateway's log");
}
