/**
 * Cards of entities, by their domain, and of services without entities.
 *
 * @module
 */
import type { CardGroup } from "../../components/card_groups.ts";
import { type Entity, readableName } from "./entity.ts";
import { plainWords } from "./state_words.ts";
import type { HomeAssistantTexts } from "./texts.ts";

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
  "camera",
  "binary_sensor",
  "sensor",
];

/** Content of a card. */
export type EntityCardContent =
  | { readonly kind: "entity"; readonly id: string }
  | { readonly kind: "service"; readonly service: string };

/** What is shown. */
export interface CardsOptions {
  /** Entities. */
  readonly entities: readonly Pick<Entity, "id" | "domain" | "name">[];
  /** Services that are called without an entity. */
  readonly services: readonly string[];
  /** Texts. */
  readonly texts: Pick<HomeAssistantTexts, "domains" | "services">;
}

/** Returns a group for each domain, with its entities by name, and one for the services. */
export function cardGroups({ entities, services, texts }: CardsOptions): readonly CardGroup<EntityCardContent>[] {
  const domains = new Map<string, Pick<Entity, "id" | "name">[]>();
  for (const { id, domain, name } of entities) {
    const group = domains.get(domain);
    if (group === undefined) domains.set(domain, [{ id, name }]);
    else group.push({ id, name });
  }
  const rank = (domain: string) => ORDER.includes(domain) ? ORDER.indexOf(domain) : ORDER.length;
  const { compare } = new Intl.Collator();
  const groups: CardGroup<EntityCardContent>[] = [...domains]
    .sort(([one], [other]) => rank(one) - rank(other) || (one < other ? -1 : 1))
    .map(([domain, own]) => {
      const title = Object.hasOwn(texts.domains, domain) ? texts.domains[domain] : undefined;
      return {
        id: domain,
        name: title ?? plainWords(domain),
        cards: own.sort((one, other) => compare(one.name, other.name)).map(({ id, name }) => ({
          id,
          searched: `${id}\n${name}\n${title ?? ""}`,
          content: { kind: "entity", id },
        })),
      };
    });
  if (services.length > 0) {
    groups.push({
      id: "calls",
      name: texts.services,
      cards: services.map((service) => ({
        id: `call ${service}`,
        searched: `${service}\n${readableName(service)}`,
        content: { kind: "service", service },
      })),
    });
  }
  return groups;
}
