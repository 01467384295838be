/**
 * The device of a client: its key at the gateway.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import type { Answer } from "./answer.ts";
import { type Fields, fieldsOf, malformed } from "./service_answer.ts";

/** Rights of a key by service, as the gateway's file of keys has them. */
export type KeyRights = Readonly<Record<string, Fields>>;

/** Key of the client, as the gateway has it. Members that this client does not know are kept. */
export interface Device {
  /** Name of the key. */
  readonly name: string;
  /** Public id of the key. */
  readonly kid: string;
  /** True for the gateway's first key, which has every right and cannot be removed by a request. */
  readonly default: boolean;
  /** Text by which the device described itself when it was paired. */
  readonly label?: string;
  /** Time of its creation, in ISO 8601. */
  readonly created?: string;
  /** Time from which it is refused, in ISO 8601; absent for never. */
  readonly expires?: string;
  /** Oldest version of the protocol that it may use. */
  readonly minProtocol: number;
  /** Its rights. */
  readonly rights: KeyRights;
  /** Rights in words of English, one text for each service. */
  readonly summary: readonly string[];
  /** Names of the services that it may use. */
  readonly services: readonly string[];
  /** Uses by service, where their number is limited; null where they cannot be counted. */
  readonly uses?: Readonly<Record<string, Uses | null>>;
  /** Version of the gateway. */
  readonly version: string;
  /** Time of the gateway, in seconds since 1970, with fractions. */
  readonly time: number;
}

/** Uses of a service, where their number is limited. */
export interface Uses {
  /** Number that remains. */
  readonly left: number;
  /** Number in all. */
  readonly of: number;
}

/**
 * Parses the description of a key.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseDevice(answer: Answer): Device {
  const fields: unknown = fieldsOf(answer, "device");
  if (!isDevice(fields)) throw malformed("device");
  return fields;
}

function isDevice(value: unknown): value is Device {
  if (!isObject(value)) return false;
  const { label, created, expires, rights, uses } = value;
  return ["name", "kid", "version"].every((field) => typeof value[field] === "string") &&
    typeof value["default"] === "boolean" &&
    [label, created, expires].every((text) => text === undefined || typeof text === "string") &&
    [value["minProtocol"], value["time"]].every(Number.isFinite) &&
    isKeyRights(rights) &&
    isTexts(value["summary"]) && isTexts(value["services"]) &&
    (uses === undefined || (isObject(uses) && Object.values(uses).every(isUses)));
}

/** Returns whether a value can be the rights of a key. */
export function isKeyRights(value: unknown): value is KeyRights {
  return isObject(value) && Object.values(value).every(isObject);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isUses(value: unknown): boolean {
  return value === null || (isObject(value) && Number.isInteger(value["left"]) && Number.isInteger(value["of"]));
}
