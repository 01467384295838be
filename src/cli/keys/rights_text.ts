/**
 * What a key may do, in words.
 *
 * @module
 */
import type { KeyRecord, Rights } from "../../keys/schema.ts";
import { formatDuration, formatTime } from "../../keys/duration.ts";

/** So many entries of a list still fit into a line. */
const FEW = 3;

/**
 * Describes all that can be changed of a key: one line for each, with its label.
 *
 * @param now the time, in milliseconds since 1970
 */
export function describeKey(record: KeyRecord, now: number): (readonly [label: string, text: string])[] {
  const { rate, expires, minProtocol } = record;
  const isOver = expires !== undefined && expires <= now;
  return [
    ...describeRights(record),
    ["pace", rate === undefined ? "as configured" : `${rate.perSecond} a second, ${rate.burst} at once`],
    ["protocol", minProtocol === 2 ? "version 2 only" : "versions 1 and 2"],
    [
      "expires",
      expires === undefined ? "never" : formatTime(expires) + (isOver ? "" : `, in ${formatDuration(expires - now)}`),
    ],
  ];
}

/** Describes rights in full: one line for each, with its label. */
export function describeRights(rights: Rights): (readonly [label: string, text: string])[] {
  const { services, publish, subscribe, methods, refusedMethods, endpoints, brokers, ownApikey } = rights;
  const all = (values: readonly (string | number)[]) => values.join(", ") || "none";
  const isLimited = rights.commands !== undefined || rights.scenarios !== undefined;
  const limit = (ids: readonly number[] | undefined) => isLimited ? all(ids ?? []) : "any";
  const lines: (readonly [string, string])[] = [];
  if (services.includes("jeedom")) {
    lines.push(["Jeedom methods", all(methods.map((text) => text === "*" ? "* (what reads and controls)" : text))]);
    if (refusedMethods.length > 0) lines.push(["refused methods", all(refusedMethods)]);
    lines.push(["commands", limit(rights.commands)], ["scenarios", limit(rights.scenarios)]);
    lines.push(["further endpoints", all(endpoints)], ["own API key", ownApikey ? "allowed" : "refused"]);
  }
  if (services.includes("mqtt")) {
    lines.push(["MQTT publish", all(publish)], ["MQTT subscribe", all(subscribe)], ["other brokers", all(brokers)]);
  }
  return lines;
}

/** Sums rights up in one line: only what is granted, and of long lists the beginning. */
export function summarizeRights(rights: Rights): string {
  const { services, publish, subscribe, methods, refusedMethods, endpoints, brokers, ownApikey } = rights;
  const part = (label: string, values: readonly (string | number)[] = []) =>
    values.length === 0 ? [] : [`${label}${few(values)}`];
  const jeedom = [
    ...part("", methods),
    ...part("without ", refusedMethods),
    ...limits(rights),
    ...part("endpoints ", endpoints),
    ...(ownApikey ? ["own API key"] : []),
  ];
  const mqtt = [...part("publish ", publish), ...part("subscribe ", subscribe), ...part("brokers ", brokers)];
  const summary = [
    ...(services.includes("jeedom") ? [`Jeedom ${jeedom.join(", ")}`] : []),
    ...(services.includes("mqtt") ? [`MQTT ${mqtt.join(", ")}`] : []),
  ];
  return summary.join("; ") || "nothing";
}

/** Says which commands and scenarios a limited key reaches: it reaches nothing else. */
function limits({ commands, scenarios }: Rights): string[] {
  const parts = [["commands", commands], ["scenarios", scenarios]] as const;
  return parts.flatMap(([label, ids]) => ids === undefined ? [] : [`only ${label} ${few(ids) || "none"}`]);
}

function few(values: readonly (string | number)[]): string {
  const more = values.length - FEW;
  return values.slice(0, FEW).join(" ") + (more > 0 ? ` and ${more} more` : "");
}
