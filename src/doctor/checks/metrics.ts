/**
 * Check of the metrics port: it is the gateway's, and the gateway is ready.
 *
 * @module
 */
import { ask, type HttpReply } from "../../lib/http_probe.ts";
import { isObject, tryParseJson } from "../../lib/json.ts";
import { type Check, failed, type Finding, ok, skipped, warning } from "../check.ts";
import type { DoctorContext } from "../context.ts";
import { findPortState } from "../gateway_state.ts";
import { NOT_RUNNING } from "./gateway.ts";

/** Remedy where only the state in Redis fails, which the gateway alone can check. */
const STATE_REMEDY =
  "The gateway's log has the reason. If Redis was emptied, restore it from a backup, or restart all " +
  "gateways: then uses count from 0";

/** Check of the port for metrics and health. */
export const METRICS: Check = {
  name: "metrics",
  async run(context, signal) {
    const { config: { metrics: { host, port } }, localUrl, machine, now } = context;
    if (port === "off") return skipped("Not used: METRICS_PORT is off");
    if (port === 0) return skipped("METRICS_PORT is 0, so only the log shows the port");
    const url = localUrl({ host, port, tlsCertFile: undefined });
    const [answer, { kind }] = await Promise.all([
      ask(`${url}/health/ready`, { fetch: machine.fetch, now, signal }),
      context.gateway(signal),
    ]);
    if (answer.kind === "reply") {
      const health = healthOf(answer);
      if (health === undefined) return reportTaken(port, `answers HTTP ${answer.status}`);
      if (kind === "free") {
        return warning(
          `A gateway answers on port ${port} for metrics, and not on PORT, which is ${context.config.server.port}`,
          "Restart the gateway: PORT has changed since its start",
        );
      }
      return reportHealth(health, context);
    }
    const state = findPortState(machine, { hostname: host, port });
    if (state.kind === "taken") {
      return kind === "silent" && answer.reason === "late"
        ? skipped(`Port ${port} does not answer either: see gateway`)
        : reportTaken(port, answer.message);
    }
    if (state.kind === "unavailable") {
      return failed(`Port ${port} ${state.message}`, "Fix METRICS_HOST and METRICS_PORT");
    }
    if (kind === "gateway") {
      return warning(`The gateway runs, and not with port ${port} for metrics`, "Restart the gateway");
    }
    return skipped(
      kind === "tls_name_mismatch" || kind === "unknown_port"
        ? `Port ${port} is free: the gateway is not found there`
        : NOT_RUNNING,
    );
  },
};

function reportTaken(port: number, message: string): Finding {
  return failed(
    `Port ${port} is taken by another program, which ${message}`,
    "Stop that program, or set METRICS_PORT to a free port, or to off",
  );
}

/** Health that the gateway reports. */
interface Health {
  readonly isReady: boolean;
  /** Dependencies that fail, and other reasons for which it is not ready. */
  readonly failing: readonly string[];
  /** Seconds since its oldest health check, as text; undefined if it does not report them. */
  readonly age: string | undefined;
}

/** Reads the health in an answer; undefined if it is not a gateway's. */
function healthOf(reply: HttpReply): Health | undefined {
  const value = tryParseJson(reply.text);
  if (!isObject(value) || !Array.isArray(value["failing"]) || !isObject(value["parts"])) return undefined;
  const parts = Object.entries(value["parts"]).filter(([, state]) => state === "failed").map(([name]) => name);
  const failing = [...new Set([...value["failing"].map(String), ...parts])].filter((name) =>
    /^[a-z_]{1,32}$/.test(name)
  );
  const age = /^\d{1,9}$/.exec(reply.headers.get("Age") ?? "")?.[0];
  return { isReady: reply.status === 200, failing, age };
}

/** Reports the gateway's own health and its age: the other checks are newer and may contradict it. */
function reportHealth({ isReady, failing, age }: Health, context: DoctorContext): Finding {
  const { config: { health: { needs } }, services } = context;
  const unset = new Map(
    services.flatMap((service) =>
      service.dependency === undefined ? [] : [[service.dependency, service.remedyIfUnset?.(context)]]
    ),
  );
  const isUnused = (name: string) => !needs.includes(name) && unset.get(name) !== undefined;
  const relevant = isReady ? failing.filter((name) => !isUnused(name)) : failing;
  const asOf = age === undefined ? "" : ` (as of ${age} s ago)`;
  if (isReady && relevant.length === 0) return ok(`The gateway reports that it is ready${asOf}`);
  const names = relevant.join(", ") + asOf;
  if (isReady) {
    const remedy = relevant.join() === "state" ? STATE_REMEDY : remedyFor(context);
    return warning(`The gateway works without: ${names}`, remedy);
  }
  const message = `The gateway is not ready: ${names}`;
  const [only = "", ...others] = relevant;
  if (others.length > 0 || !unset.has(only)) return failed(message, remedyFor(context));
  if (!needs.includes(only)) return failed(message, `Restart the gateway: READY_NEEDS no longer names ${only}`);
  const remedy = unset.get(only);
  return remedy === undefined ? failed(message, remedyFor(context)) : warning(`${message}, which is not set`, remedy);
}

function remedyFor({ config: { health: { checkSeconds: seconds } } }: DoctorContext): string {
  return `See their lines above, and the gateway's log. It checks again every ${seconds} s; changed settings ` +
    "need a restart";
}
