/**
 * Entities of Home Assistant, as the gateway's stream has them.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../../lib/json.ts";
import { timeOf } from "../../connection/device_info.ts";
import { visibleText } from "../../text/visible.ts";
import { domainOf } from "./access.ts";

/** Entity with its state. */
export interface Entity {
  /** Id, such as `light.hall`. */
  readonly id: string;
  /** Domain, such as `light`. */
  readonly domain: string;
  /** Name, safe to show. */
  readonly name: string;
  /** State, such as `on` or `21.5`; undefined where the key may not read it. */
  readonly state: string | undefined;
  /** Attributes. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Unit, safe to show; empty where there is none. */
  readonly unit: string;
  /** Time of the last change, in milliseconds since 1970. */
  readonly changedAt: number | undefined;
}

/** Reads the payload of a message; `removed` for an entity that is gone, undefined for anything malformed. */
export function readEntity(id: string, payload: string): Entity | "removed" | undefined {
  const value = tryParseJson(payload);
  return value === null ? "removed" : entityOf(id, value);
}

/** Reads a state of Home Assistant; undefined if it is malformed. */
export function entityOf(id: string, value: unknown): Entity | undefined {
  if (!isObject(value) || typeof value["state"] !== "string") return undefined;
  const attributes = isObject(value["attributes"]) ? value["attributes"] : {};
  const { friendly_name: name, unit_of_measurement: unit } = attributes;
  return {
    id,
    domain: domainOf(id),
    name: typeof name === "string" && name.trim() !== "" ? visibleText(name.trim()) : readableName(id),
    state: value["state"],
    attributes,
    unit: typeof unit === "string" ? visibleText(unit) : "",
    changedAt: timeOf(value["last_changed"]),
  };
}

/** Makes an entity that the key may call and not read. */
export function unreadEntity(id: string): Entity {
  return {
    id,
    domain: domainOf(id),
    name: readableName(id),
    state: undefined,
    attributes: {},
    unit: "",
    changedAt: undefined,
  };
}

/** Returns a name such as `Living room` for `light.living_room`. */
export function readableName(id: string): string {
  const words = id.slice(id.indexOf(".") + 1).replaceAll("_", " ").trim();
  return words === "" ? visibleText(id) : visibleText(words.charAt(0).toUpperCase() + words.slice(1));
}

/** Returns whether the state says that the device cannot be reached. */
export function isAway({ state }: Pick<Entity, "state">): boolean {
  return state === "unavailable";
}
