/**
 * Card of one equipment: its values and its controls.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { CARD_GROUPS_TEXTS } from "../../components/card_groups_texts.ts";
import { useTranslated } from "../../context.tsx";
import type { JeedomAccess } from "./access.ts";
import { ActionButtons } from "./action_buttons.tsx";
import { ActionLine, type JeedomControlProps, PairLine } from "./action_line.tsx";
import { hasHistory, InfoHistory, InfoRow } from "./info_row.tsx";
import { type Equipment, switchPairs } from "./rooms.ts";
import { JEEDOM_TEXTS } from "./texts.ts";

/** Properties of a card. */
export interface EquipmentCardProps extends Omit<JeedomControlProps, "historyOf"> {
  /** Equipment. */
  readonly equipment: Equipment;
  /** Access of the key. */
  readonly access: JeedomAccess;
}

/** Commands that are shown before a button shows the others. */
const MAX_COMMANDS = 40;

/** Types of actions with a control of their own. */
const WITH_VALUE: readonly string[] = ["slider", "color", "select"];

/** Card of equipment. */
export function EquipmentCard({ equipment, access, ...props }: EquipmentCardProps) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const { more } = useTranslated(CARD_GROUPS_TEXTS);
  const mayRun = access.may("cmd::execCmd");
  const actions = mayRun ? equipment.actions : [];
  const pairs = mayRun ? switchPairs(equipment) : [];
  const paired = new Set(pairs.flatMap(({ on, off }) => [on.id, off.id]));
  const lines = actions.filter(({ subType, choices }) =>
    WITH_VALUE.includes(subType) && (subType !== "select" || choices.length > 0)
  );
  const buttons = actions.filter(({ id, subType }) =>
    !paired.has(id) && (subType === "other" || subType === "message")
  );
  // A control shows the value that it sets, and its history.
  const shown = new Set([...lines.map(({ infoId }) => infoId), ...pairs.map(({ info }) => info.id)]);
  const mayReadHistory = access.may("cmd::getHistory");
  const infos = equipment.infos.filter(({ id }) => !shown.has(id));
  const historyOf = (infoId: number | undefined) => {
    const info = mayReadHistory ? equipment.infos.find(({ id }) => id === infoId) : undefined;
    return info !== undefined && hasHistory(info) ? <InfoHistory info={info} connection={props.connection} /> : null;
  };
  const [isWhole, setIsWhole] = useState(false);
  const hidden = isWhole ? 0 : pairs.length + lines.length + buttons.length + infos.length - MAX_COMMANDS;
  let left = isWhole ? Infinity : MAX_COMMANDS;
  const take = <T,>(commands: readonly T[]) => {
    const first = commands.slice(0, left);
    left -= first.length;
    return first;
  };
  // Controls first: an equipment of hundreds of commands is mostly values.
  const [ownPairs, ownLines, ownButtons, ownInfos] = [take(pairs), take(lines), take(buttons), take(infos)];
  const name = equipment.name === "" ? texts.noRoom : equipment.name;
  return (
    <article class="unit" aria-label={name}>
      {equipment.name !== "" && (
        <h3>
          <bdi>{equipment.name}</bdi>
        </h3>
      )}
      {ownInfos.length > 0 && (
        <ul class="readings">
          {ownInfos.map((info) => (
            <InfoRow
              key={info.id}
              info={info}
              connection={props.connection}
              values={props.values}
              mayReadHistory={mayReadHistory}
            />
          ))}
        </ul>
      )}
      {ownPairs.map((pair) => <PairLine key={pair.info.id} pair={pair} historyOf={historyOf} {...props} />)}
      {ownLines.map((action) => <ActionLine key={action.id} action={action} historyOf={historyOf} {...props} />)}
      {ownButtons.length > 0 && <ActionButtons label={texts.actions(name)} actions={ownButtons} {...props} />}
      {hidden > 0 && (
        <button type="button" class="button plain small" onClick={() => setIsWhole(true)}>{more(hidden)}</button>
      )}
    </article>
  );
}
