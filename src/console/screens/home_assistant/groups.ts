/**
 * Groups of entities by their domain, and the search in them.
 *
 * @module
 */
import type { Entity } from "./entity.ts";

/** Domains in the order in which people look for them; others follow in the order of the alphabet. */
const ORDER: readonly string[] = [
  "light",
  "switch",
  "cover",
  "climate",
  "fan",
  "lock",
  "alarm_control_panel",
  "scene",
  "script",
  "button",
  "input_button",
  "media_player",
  "vacuum",
  "binary_sensor",
  "sensor",
];

/** Entities of one domain. */
export interface DomainGroup {
  /** Domain. */
  readonly domain: string;
  /** Entities, by name. */
  readonly entities: readonly Pick<Entity, "id" | "name">[];
}

/** Returns the groups of entities that match all words of a text, in their names and ids. */
export function groupEntities(
  entities: readonly Pick<Entity, "id" | "domain" | "name">[],
  text: string,
): readonly DomainGroup[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const groups = new Map<string, Pick<Entity, "id" | "name">[]>();
  for (const { id, domain, name } of entities) {
    const searched = `${id}\n${name}`.toLowerCase();
    if (!words.every((word) => searched.includes(word))) continue;
    const group = groups.get(domain);
    if (group === undefined) groups.set(domain, [{ id, name }]);
    else group.push({ id, name });
  }
  const rank = (domain: string) => ORDER.includes(domain) ? ORDER.indexOf(domain) : ORDER.length;
  return [...groups].sort(([one], [other]) => rank(one) - rank(other) || (one < other ? -1 : 1))
    .map(([domain, entities]) => ({
      domain,
      entities: entities.sort((one, other) => one.name.localeCompare(other.name)),
    }));
}
