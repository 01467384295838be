/**
 * Whether the port for metrics is the gateway's, and what the gateway itself says of its parts there.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import { ask, jsonOf, type Reply } from "../../lib/http_probe.ts";
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import type { DoctorContext } from "../context.ts";
import { findPortState } from "../port_state.ts";
import { NOT_RUNNING } from "./gateway.ts";
import { isJeedomSet, SET_JEEDOM } from "./jeedom.ts";

/** The port for metrics and health. */
export const METRICS: Check = {
  name: "metrics",
  async run(house, signal) {
    const { config: { metrics: { host, port } }, localUrl, machine, now } = house;
    if (port === "off") return skipped("Not used: METRICS_PORT is off");
    if (port === 0) return skipped("METRICS_PORT is 0, so that only the log tells the port");
    const url = localUrl({ host, port, tlsCertFile: undefined });
    const [asked, { kind }] = await Promise.all([
      ask(`${url}/health/ready`, { fetch: machine.fetch, now, signal }),
      house.gateway(signal),
    ]);
    if (asked.kind === "reply") {
      const health = healthOf(asked);
      if (health === undefined) return taken(port, `answers HTTP ${asked.status}`);
      if (kind === "free") {
        return warning(
          `A gateway answers on port ${port} for metrics, and not on PORT, which is ${house.config.server.port}`,
          "Restart the gateway: PORT has changed since its start",
        );
      }
      return reportHealth(health, house);
    }
    const state = findPortState(machine, { hostname: host, port });
    if (state.kind === "taken") {
      return kind === "silent" && asked.reason === "late"
        ? skipped(`Port ${port} does not answer either: see gateway`)
        : taken(port, asked.words);
    }
    if (state.kind === "closed") return failed(`Port ${port} ${state.words}`, "Mend METRICS_HOST and METRICS_PORT");
    if (kind === "gateway") {
      return warning(`The gateway runs, and not with port ${port} for metrics`, "Restart the gateway");
    }
    return skipped(
      kind === "veiled" || kind === "anywhere" ? `Port ${port} is free: the gateway is not found there` : NOT_RUNNING,
    );
  },
};

function taken(port: number, words: string): Finding {
  return failed(
    `Port ${port} is taken by another program, which ${words}`,
    "Stop that program, or set METRICS_PORT to a free port, or to off",
  );
}

/** Health as the gateway reports it. */
interface Health {
  readonly isReady: boolean;
  /** The parts that fail, and what else keeps it from being ready. */
  readonly failing: readonly string[];
  /** Seconds since its oldest check, as text; undefined where it does not report them. */
  readonly age: string | undefined;
}

/** Reads the health that a gateway reports; undefined where the answer is not a gateway's. */
function healthOf(reply: Reply): Health | undefined {
  const value = jsonOf(reply);
  if (!isObject(value) || !Array.isArray(value["failing"]) || !isObject(value["parts"])) return undefined;
  const parts = Object.entries(value["parts"]).filter(([, state]) => state === "failed").map(([name]) => name);
  const failing = [...new Set([...value["failing"].map(String), ...parts])].filter((name) =>
    /^[a-z_]{1,32}$/.test(name)
  );
  const age = /^\d{1,9}$/.exec(reply.headers.get("Age") ?? "")?.[0];
  return { isReady: reply.status === 200, failing, age };
}

/** Reports the gateway's own health and its age, as the other checks are newer and may contradict it. */
function reportHealth({ isReady, failing, age }: Health, house: DoctorContext): Finding {
  const isNeeded = house.config.health.needs.includes("jeedom");
  const isSet = isJeedomSet(house);
  const wanting = isReady && !isNeeded && !isSet ? failing.filter((name) => name !== "jeedom") : failing;
  const asOf = age === undefined ? "" : ` (as of ${age} s ago)`;
  if (isReady && wanting.length === 0) return ok(`The gateway says that it is ready${asOf}`);
  const names = wanting.join(", ") + asOf;
  if (isReady) return warning(`The gateway works without: ${names}`, remedyFor(house));
  const message = `The gateway is not ready: ${names}`;
  if (wanting.length > 1 || wanting[0] !== "jeedom") return failed(message, remedyFor(house));
  if (!isNeeded) return failed(message, "Restart the gateway: READY_NEEDS does not name jeedom any more");
  return isSet ? failed(message, remedyFor(house)) : warning(`${message}, which is not set`, SET_JEEDOM);
}

function remedyFor({ config: { health: { checkSeconds: seconds } } }: DoctorContext): string {
  return `See the lines for these above, and the gateway's log. It checks again every ${seconds} s; changed settings ` +
    "need a restart";
}
