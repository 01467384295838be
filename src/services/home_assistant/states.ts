/**
 * Parts of Home Assistant's answers that a key may read.
 *
 * @module
 */
import { plainNumber } from "../../lib/exact_json.ts";
import { isObject } from "../../lib/json.ts";
import { isKnownEntity, isName, listedNames } from "./entities.ts";

/** Returns whether an entity may be read. */
export type MayRead = (entity: string) => boolean;

/** State of an entity, as it is passed on. */
export type EntityState = Readonly<Record<string, unknown>> & { readonly "entity_id": string };

/** Members of a state that are passed on: not its context, which names the user that caused it. */
const STATE_MEMBERS = ["entity_id", "state", "attributes", "last_changed", "last_reported", "last_updated"] as const;

/** Attributes with a token, with which anyone can fetch a camera's picture, and with the user that a person is. */
const SECRETS: ReadonlySet<string> = new Set(["access_token", "user_id"]);

/** Address with such a token, with a signature, or with a password. */
const ADDRESS_WITH_SECRET = /[?&](?:token|access_token|authSig)=|:\/\/[^\s/@:]*:[^\s/@]*@/i;

/** Returns the states of a list that may be read; undefined if it is no list of states. */
export function limitStates(value: unknown, mayRead: MayRead): EntityState[] | undefined {
  return Array.isArray(value) ? value.flatMap((one) => limitState(one, mayRead) ?? []) : undefined;
}

/** Returns a state as it may be read; undefined if it may not, or is no state. */
export function limitState(value: unknown, mayRead: MayRead): EntityState | undefined {
  const entity = isObject(value) ? value["entity_id"] : undefined;
  if (!isObject(value) || typeof entity !== "string" || !isName(entity) || !mayRead(entity)) return undefined;
  const members = STATE_MEMBERS.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]);
  return {
    ...Object.fromEntries(members),
    "attributes": limitValue(value["attributes"] ?? {}, mayRead),
    "entity_id": entity,
  };
}

/** Returns attributes without tokens. */
export function withoutTokens(attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const limited = limitValue(attributes, () => true);
  return isObject(limited) ? limited : {};
}

/**
 * Returns a value without tokens, and without the names of entities that may not be read: as a text, which may list
 * several, as an entry of a list, or as a member's name.
 */
export function limitValue(value: unknown, mayRead: MayRead): unknown {
  if (Array.isArray(value)) return value.filter(isVisible).map((one) => limitValue(one, mayRead));
  // A number whose digits are kept is an object, too.
  if (!isObject(value) || plainNumber(value) !== value) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, one]) => !SECRETS.has(name) && isVisible(name) && isVisible(one))
      .map(([name, one]) => [name, limitValue(one, mayRead)]),
  );

  function isVisible(one: unknown): boolean {
    if (typeof one !== "string") return true;
    return !ADDRESS_WITH_SECRET.test(one) && !listedNames(one).some((name) => isKnownEntity(name) && !mayRead(name));
  }
}
