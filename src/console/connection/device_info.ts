/**
 * Key of this device, as the gateway describes it.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../lib/json.ts";
import type { Answer } from "@e2e-gateway/client";

/** Description of the key that a request is sealed with. */
export interface DeviceInfo {
  /** Name of the key. */
  readonly name: string;
  /** Public id of the key. */
  readonly kid: string;
  /** Label that the device gave itself. */
  readonly label?: string | undefined;
  /** End of the key's validity, in milliseconds since 1970. */
  readonly expiresAt?: number | undefined;
  /** Time at which the key was made, in milliseconds since 1970. */
  readonly createdAt?: number | undefined;
  /** Rights by service, as the keys file has them. */
  readonly rights: Readonly<Record<string, unknown>>;
  /** Rights in words, one for each service. */
  readonly summary: readonly string[];
  /** Names of the services that the key can use. */
  readonly services: readonly string[];
  /** Oldest version of the protocol that the gateway accepts with the key. */
  readonly minProtocol?: number | undefined;
  /** Version of the gateway. */
  readonly version?: string | undefined;
}

/** Parses the answer to a `device` request; undefined if it is anything else. */
export function parseDeviceInfo({ status, body }: Pick<Answer, "status" | "body">): DeviceInfo | undefined {
  return status === 200 ? readDeviceInfo(typeof body === "string" ? tryParseJson(body) : body) : undefined;
}

/** Reads a description, also one that the page has kept; undefined if it is malformed. */
export function readDeviceInfo(value: unknown): DeviceInfo | undefined {
  if (!isObject(value) || typeof value["name"] !== "string" || typeof value["kid"] !== "string") return undefined;
  const { name, kid, label, minProtocol, version } = value;
  return {
    name,
    kid,
    label: typeof label === "string" ? label : undefined,
    expiresAt: timeOf(value["expiresAt"] ?? value["expires"]),
    createdAt: timeOf(value["createdAt"] ?? value["created"]),
    rights: isObject(value["rights"]) ? value["rights"] : {},
    summary: textsOf(value["summary"]),
    services: textsOf(value["services"]),
    minProtocol: typeof minProtocol === "number" ? minProtocol : undefined,
    version: typeof version === "string" ? version : undefined,
  };
}

/** Largest number that stands for seconds since 1970; larger ones are milliseconds. */
const MAX_SECONDS = 1e11;

/** Returns a time in milliseconds since 1970 from ISO 8601, or from a number; undefined for what no calendar has. */
export function timeOf(value: unknown): number | undefined {
  const time = typeof value === "string" ? Date.parse(value) : typeof value === "number" ? value : NaN;
  const ms = typeof value === "number" && time < MAX_SECONDS ? time * 1000 : time;
  return Number.isNaN(new Date(ms).getTime()) ? undefined : ms;
}

/** Returns the topic filters that the key may subscribe to. */
export function readableTopics({ rights }: Pick<DeviceInfo, "rights">): readonly string[] {
  return listOf(rights, "mqtt", "subscribe");
}

/** Returns the patterns of entities that the key may read. */
export function readableEntities({ rights }: Pick<DeviceInfo, "rights">): readonly string[] {
  return listOf(rights, "home_assistant", "read");
}

/** Returns the topic filters that the key may publish below. */
export function publishableTopics({ rights }: Pick<DeviceInfo, "rights">): readonly string[] {
  return listOf(rights, "mqtt", "publish");
}

/** Returns whether the key may read any topic or entity. */
export function mayReadAny(device: Pick<DeviceInfo, "rights">): boolean {
  return readableTopics(device).length + readableEntities(device).length > 0;
}

function listOf(rights: DeviceInfo["rights"], service: string, member: string): readonly string[] {
  const own = rights[service];
  return isObject(own) ? textsOf(own[member]) : [];
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === "string") : [];
}
