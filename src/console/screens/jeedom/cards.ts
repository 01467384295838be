/**
 * Cards of rooms and scenarios.
 *
 * @module
 */
import type { CardGroup } from "../../components/card_groups.ts";
import type { JeedomHome } from "./load_home.ts";
import type { Equipment } from "./rooms.ts";
import type { Scenario } from "./scenarios.ts";

/** Content of a card. */
export type JeedomCard =
  | { readonly kind: "equipment"; readonly equipment: Equipment }
  | { readonly kind: "scenario"; readonly scenario: Scenario };

/** Names of groups that have none in Jeedom. */
export interface GroupNames {
  /** Name of the room of commands whose room is not known. */
  readonly noRoom: string;
  /** Name of the scenarios. */
  readonly scenarios: string;
}

/** Returns a group for each room, and one for all scenarios. */
export function cardGroups({ rooms, scenarios }: JeedomHome, names: GroupNames): readonly CardGroup<JeedomCard>[] {
  const groups: CardGroup<JeedomCard>[] = rooms.map(({ id, name, equipment }) => ({
    id: id === "" ? "commands" : id,
    name: name === "" ? names.noRoom : name,
    cards: equipment.map((one) => ({
      id: `equipment ${one.id}`,
      searched: [name, one.name, ...[...one.infos, ...one.actions].map((command) => command.name)].join("\n"),
      content: { kind: "equipment", equipment: one },
    })),
  }));
  if (scenarios.length > 0) {
    groups.push({
      id: "scenarios",
      name: names.scenarios,
      cards: scenarios.map((scenario) => ({
        id: `scenario ${scenario.id}`,
        searched: `${names.scenarios}\n${scenario.name}`,
        content: { kind: "scenario", scenario },
      })),
    });
  }
  return groups;
}
