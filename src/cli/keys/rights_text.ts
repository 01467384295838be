/**
 * What a key may do, in words.
 *
 * @module
 */
import { DANGEROUS_METHODS, type Rights } from "../../security/key_record.ts";

/** So many entries of a list still fit into a line. */
const FEW = 3;

/** Describes rights in full: one line for each, with its label. */
export function describeRights(rights: Rights): (readonly [label: string, text: string])[] {
  const { services, publish, subscribe, methods, refusedMethods, endpoints, brokers, ownApikey } = rights;
  const all = (values: readonly string[]) => values.join(", ") || "none";
  const lines: (readonly [string, string])[] = [];
  if (services.includes("jeedom")) {
    lines.push(["Jeedom methods", `${all(methods)}${exceptions(methods)}`]);
    if (refusedMethods.length > 0) lines.push(["refused methods", all(refusedMethods)]);
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
  const part = (label: string, values: readonly string[]) => values.length === 0 ? [] : [`${label}${few(values)}`];
  const jeedom = [
    ...part("", methods),
    ...part("without ", refusedMethods),
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

/** `*` promises more than it grants. */
function exceptions(methods: readonly string[]): string {
  if (!methods.includes("*")) return "";
  const left = DANGEROUS_METHODS.filter((method) => !methods.includes(method));
  return left.length === 0 ? "" : `, but not ${few(left)}`;
}

function few(values: readonly string[]): string {
  const more = values.length - FEW;
  return values.slice(0, FEW).join(" ") + (more > 0 ? ` and ${more} more` : "");
}
