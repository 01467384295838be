/**
 * Card of one entity: its state, its age and its controls.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { useCommand } from "../../commands/use_command.ts";
import { HistoryButton } from "../../components/history_button.tsx";
import { Icon } from "../../components/icon.tsx";
import { Switch } from "../../components/switch.tsx";
import type { Connection } from "../../connection/connection.ts";
import { useApp, useFormat, useTexts, useTranslated } from "../../context.tsx";
import type { Observable } from "../../observable.ts";
import { visibleText } from "../../text/visible.ts";
import type { EntityAccess } from "./access.ts";
import { commandOf } from "./call.ts";
import { CameraPicture } from "./camera_picture.tsx";
import type { Control } from "./control.ts";
import { controlsOf } from "./controls.ts";
import { type Entity, isAway } from "./entity.ts";
import { EntityButtons, EntityChoice, EntityColor, EntitySlider } from "./entity_controls.tsx";
import { entityIcon } from "./entity_icon.ts";
import { historyForm, historyPoints } from "./history.ts";
import { stateWords } from "./state_words.ts";
import { HOME_ASSISTANT_TEXTS } from "./texts.ts";

/** Properties of a card. */
export interface EntityCardProps {
  /** Entity; the card follows it. */
  readonly entity: Observable<Entity>;
  /** Access of the key. */
  readonly access: EntityAccess;
  /** Connection to the home. */
  readonly connection: Connection;
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
  /** Time for ages, in milliseconds since 1970. */
  readonly now: number;
}

/** Shortest age that is told, in milliseconds. */
const MIN_AGE_MS = 60_000;

/** Card of an entity. */
export function EntityCard({ entity: { value: entity }, access, connection, isOffline, now }: EntityCardProps) {
  const own = useTranslated(HOME_ASSISTANT_TEXTS);
  const common = useTexts().home;
  const format = useFormat();
  const id = useId();
  const { run, news, shown, send } = useCommand<boolean>(connection);
  const controls = controlsOf(entity, access.mayCall);
  const power = controls.find((control) => control.kind === "switch");
  const isOn = shown(power?.isOn) ?? false;
  const { icon, tone } = entityIcon(entity);
  const state = stateWords(entity, { common, own, format });
  const ageMs = entity.changedAt === undefined ? undefined : now - entity.changedAt;
  const age = ageMs === undefined ? undefined : ageMs < MIN_AGE_MS ? own.now : own.ago(format.duration(ageMs));
  const props = { entity: entity.id, name: entity.name, connection, isOffline };
  const name = <bdi>{entity.name}</bdi>;
  return (
    <article
      class={`unit entity ${tone} ${run.kind}${isActive(entity) ? " active" : ""}`}
      aria-labelledby={`${id}-name`}
    >
      <div class="entity-top">
        <span class="badge" aria-hidden="true">
          <Icon name={icon} />
        </span>
        <div class="entity-text">
          <h3 id={`${id}-name`} title={visibleText(entity.id)}>
            {power === undefined ? name : <label for={id}>{name}</label>}
          </h3>
          <p class="entity-state num">
            {entity.state === undefined ? <span>{own.notReadable}</span> : (
              <>
                {state !== undefined && <b>{state}</b>}
                {age !== undefined && <span>{age}</span>}
              </>
            )}
          </p>
        </div>
        <History entity={entity} connection={connection} />
        {power !== undefined && (
          <Switch
            id={id}
            isOn={isOn}
            isDisabled={isOffline || run.kind === "sent"}
            onSwitch={(isOn) => void send(commandOf(isOn ? power.on : power.off, { entity: entity.id, value: isOn }))}
          />
        )}
      </div>
      {power !== undefined && <span class="news" role="status">{news ?? ""}</span>}
      {entity.domain === "camera" && entity.state !== undefined && !isAway(entity) && <CameraPicture {...props} />}
      {controls.map((control) => <ControlOf key={keyOf(control)} control={control} {...props} />)}
    </article>
  );
}

/** Control of an entity, except for its switch, which is beside its name. */
function ControlOf({ control, ...props }: {
  readonly control: Control;
  readonly entity: string;
  readonly name: string;
  readonly connection: Connection;
  readonly isOffline: boolean;
}) {
  switch (control.kind) {
    case "slider":
      return <EntitySlider control={control} {...props} />;
    case "choice":
      return <EntityChoice control={control} {...props} />;
    case "color":
      return <EntityColor control={control} {...props} />;
    case "buttons":
      return <EntityButtons control={control} {...props} />;
    case "switch":
      return null;
  }
}

function History({ entity, connection }: { readonly entity: Entity; readonly connection: Connection }) {
  const { now } = useApp().browser;
  const own = useTranslated(HOME_ASSISTANT_TEXTS);
  const common = useTexts().home;
  const format = useFormat();
  const form = historyForm(entity);
  if (entity.state === undefined || form === undefined) return null;
  async function load(periodMs: number) {
    const [start, end] = [(now() - periodMs) / 1000, now() / 1000];
    const [past = []] = await connection.request(
      { service: "home_assistant", history: { entities: [entity.id], start, end } },
      (client) => client.homeAssistantHistory([entity.id], { start, end, compress: "gzip", timeout: 30_000 }),
    );
    return historyPoints(past, now());
  }
  const wordsOf = (state: string) => stateWords({ ...entity, state }, { common, own, format }) ?? state;
  return (
    <HistoryButton
      title={entity.name}
      unit={entity.unit}
      stepTexts={form === "steps" ? [wordsOf("off"), wordsOf("on")] : undefined}
      isUtc={false}
      load={load}
      now={now}
    />
  );
}

/** Returns whether a device is at work, which the colour of its icon repeats. */
function isActive({ state }: Entity): boolean {
  return state !== undefined && ["on", "open", "unlocked", "heat", "cool", "playing", "home"].includes(state);
}

function keyOf(control: Control): string {
  return "name" in control ? `${control.kind} ${control.name}` : control.kind;
}
