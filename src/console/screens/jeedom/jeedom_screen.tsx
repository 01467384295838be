/**
 * Screen of Jeedom: rooms, equipment and commands, and scenarios.
 *
 * @module
 */
import { useMemo } from "preact/hooks";
import { CardGroupsScreen } from "../../components/card_groups_screen.tsx";
import { Empty } from "../../components/empty.tsx";
import { useTranslated } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";
import { cardGroups } from "./cards.ts";
import { EquipmentCard } from "./equipment_card.tsx";
import { ScenarioCard } from "./scenario_card.tsx";
import { JEEDOM_TEXTS } from "./texts.ts";
import { useHome } from "./use_home.ts";

/** Screen of Jeedom. */
export function JeedomScreen({ connection, rest }: ScreenProps) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const { state, values, scenarioStates, access, refresh, onRan } = useHome(connection);
  const isOffline = connection.status.value.kind === "offline";
  const home = state.kind === "known" ? state.home : undefined;
  const groups = useMemo(() => home === undefined ? [] : cardGroups(home, texts), [home, texts]);
  return (
    <CardGroupsScreen
      screen="jeedom"
      texts={texts}
      connection={connection}
      wanted={rest[0]}
      state={state.kind === "failed" ? { kind: "failed", detail: state.detail ?? texts.failedHow } : state}
      groups={groups}
      note={home !== undefined && home.left > 0 ? texts.left(home.left) : undefined}
      onRetry={refresh}
      card={({ id, content }) =>
        content.kind === "equipment"
          ? (
            <EquipmentCard
              key={id}
              equipment={content.equipment}
              access={access}
              connection={connection}
              values={values}
              isOffline={isOffline}
              onRan={onRan}
            />
          )
          : (
            <ScenarioCard
              key={id}
              scenario={content.scenario}
              states={scenarioStates}
              connection={connection}
              mayRun={access.may("scenario::changeState")}
              isOffline={isOffline}
            />
          )}
      empty={access.may("jeeObject::full")
        ? (
          <Empty icon="rooms" title={texts.empty}>
            <p>{texts.emptyHow}</p>
          </Empty>
        )
        : (
          <Empty icon="key" title={texts.notGranted}>
            <p>{texts.notGrantedHow}</p>
            <pre class="command"><code>{texts.notGrantedCommand(visibleText(connection.home.name))}</code></pre>
          </Empty>
        )}
    />
  );
}
