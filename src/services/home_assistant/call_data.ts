/**
 * Rights that depend on the fields of a call.
 *
 * Home Assistant reads the target of a call out of its fields, and many services have fields of their own that name
 * entities: the members of a group, the states of a scene. Each entity that is named anywhere in them has to be granted.
 *
 * @module
 */
import { plainNumber } from "../../lib/exact_json.ts";
import { FieldError } from "../../protocol/payload.ts";
import { entitiesIn, listedNames } from "./entities.ts";
import type { ServiceCallRequest } from "./request.ts";
import type { HomeAssistantGrants } from "./rights.ts";

/** Members that name what rights cannot: groups of entities that change without the gateway. */
const GROUP_MEMBER = /^(?:area|device|floor|label)_ids?$/;

/** Members that name entities. Some services take `all` there as well, such as tts.speak in media_player_entity_id. */
const ENTITY_MEMBER = /^(?:\w+_)?(?:entity|entity_ids?|entities)$/;

/** Most values in the fields of a call. */
const MAX_VALUES = 5000;

/** Most entities that the fields of a call name. */
const MAX_ENTITIES = 1000;

/**
 * Requires that a key may make a call, with each entity that it names.
 *
 * @throws {ScopeError} if the key does not grant the service, or an entity
 * @throws {FieldError} if the fields do not show which entities they name
 */
export function authorizeCall(grants: HomeAssistantGrants, { service, entities, data }: ServiceCallRequest): void {
  if (entities.length === 0) grants.call(service, undefined);
  for (const entity of entities) grants.call(service, entity);
  if (Object.keys(data).some((name) => spellingOf(name) === "entity_id")) {
    throw new FieldError("Invalid field: data: must not hold entity_id: name the entities in target");
  }
  for (const entity of entitiesInData(data)) grants.call(service, entity);
}

/**
 * Lists the entities that the fields of a call name, at any depth.
 *
 * @throws {FieldError} if they name groups of entities, hold a template, or too many values or entities
 */
export function entitiesInData(data: ServiceCallRequest["data"]): ReadonlySet<string> {
  const found = new Set<string>();
  let count = 0;

  function visit(given: unknown, member: string): void {
    count += 1;
    if (count > MAX_VALUES) throw new FieldError(`Invalid field: data: must hold at most ${MAX_VALUES} values`);
    const value = plainNumber(given);
    if (typeof value === "string") visitText(value, member);
    else if (Array.isArray(value)) { for (const one of value) visit(one, member); }
    else if (typeof value === "object" && value !== null) {
      for (const [name, one] of Object.entries(value)) {
        const spelled = spellingOf(name);
        if (GROUP_MEMBER.test(spelled)) {
          throw new FieldError(`Invalid field: data: must not hold ${spelled}, as rights name entities`);
        }
        visitText(name, "");
        visit(one, spelled);
      }
    }
  }

  function visitText(text: string, member: string): void {
    // Some services evaluate templates, which read the states of all entities.
    if (/\{[{%#]/.test(text)) {
      throw new FieldError("Invalid field: data: must not hold templates: {{, {% and {# are refused");
    }
    if (ENTITY_MEMBER.test(member) && listedNames(text.toLowerCase()).length === 0) {
      throw new FieldError("Invalid field: data: a member such as entity_id or entities must be ids of entities");
    }
    for (const entity of entitiesIn(text)) found.add(entity);
    if (found.size > MAX_ENTITIES) {
      throw new FieldError(`Invalid field: data: must name at most ${MAX_ENTITIES} entities`);
    }
  }

  visit(data, "");
  return found;
}

/** Returns a name as a tolerant reader would take it. */
function spellingOf(name: string): string {
  return name.trim().toLowerCase();
}
