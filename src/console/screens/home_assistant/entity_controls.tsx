/**
 * Controls of one entity.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { ButtonsLine } from "../../commands/buttons_line.tsx";
import { ChoiceLine } from "../../commands/choice_line.tsx";
import { ColorLine } from "../../commands/color_line.tsx";
import { SliderLine } from "../../commands/slider_line.tsx";
import { useCommand } from "../../commands/use_command.ts";
import { Confirm } from "../../components/confirm.tsx";
import type { Connection } from "../../connection/connection.ts";
import { useTexts, useTranslated } from "../../context.tsx";
import { commandOf } from "./call.ts";
import type { Control } from "./control.ts";
import { stateWord } from "./state_words.ts";
import { HOME_ASSISTANT_TEXTS } from "./texts.ts";

/** Properties of a control. */
export interface EntityControlProps<Kind extends Control["kind"]> {
  /** Control. */
  readonly control: Extract<Control, { kind: Kind }>;
  /** Entity; undefined for a call without. */
  readonly entity: string | undefined;
  /** Its name, safe to show. */
  readonly name: string;
  /** Connection to the home. */
  readonly connection: Connection;
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
}

/** Slider of an entity. */
export function EntitySlider({ control, entity, name, connection, isOffline }: EntityControlProps<"slider">) {
  const texts = useTranslated(HOME_ASSISTANT_TEXTS).controls;
  const { run, news, shown, send } = useCommand<number>(connection);
  return (
    <SliderLine
      label={texts[control.name]}
      about={name}
      run={run}
      news={news}
      isDisabled={isOffline || run.kind === "sent"}
      scale={control.scale}
      unit={control.unit}
      value={shown(control.value)}
      onChoose={(value) => void send(commandOf(control.call(value), { entity, value }))}
    />
  );
}

/** Colour of an entity. */
export function EntityColor({ control, entity, name, connection, isOffline }: EntityControlProps<"color">) {
  const texts = useTranslated(HOME_ASSISTANT_TEXTS).controls;
  const { run, news, shown, send } = useCommand<string>(connection);
  return (
    <ColorLine
      label={texts[control.name]}
      about={name}
      run={run}
      news={news}
      isDisabled={isOffline || run.kind === "sent"}
      value={shown(control.value)}
      onChoose={(value) => void send(commandOf(control.call(value), { entity, value }))}
    />
  );
}

/** List of an entity. */
export function EntityChoice({ control, entity, name, connection, isOffline }: EntityControlProps<"choice">) {
  const texts = useTranslated(HOME_ASSISTANT_TEXTS);
  const common = useTexts().home;
  const { run, news, shown, send } = useCommand<string>(connection);
  return (
    <ChoiceLine
      label={texts.controls[control.name]}
      about={name}
      run={run}
      news={news}
      isDisabled={isOffline || run.kind === "sent"}
      choices={control.values.map((value) => ({ value, label: stateWord(value, { common, own: texts }) }))}
      value={shown(control.value)}
      onChoose={(value) => void send(commandOf(control.call(value), { entity, value }))}
    />
  );
}

/** Buttons of an entity. */
export function EntityButtons({ control, entity, name, connection, isOffline }: EntityControlProps<"buttons">) {
  const texts = useTranslated(HOME_ASSISTANT_TEXTS);
  const { run, news, send } = useCommand<string>(connection);
  const [asked, setAsked] = useState<Extract<Control, { kind: "buttons" }>["buttons"][number] | undefined>(undefined);
  return (
    <>
      <ButtonsLine
        label={texts.actions(name)}
        run={run}
        news={news}
        isDisabled={isOffline || run.kind === "sent"}
        buttons={control.buttons.map((button) => ({
          id: button.name,
          label: texts.controls[button.name],
          onPress: () => button.asks ? setAsked(button) : void send(commandOf(button.call, { entity })),
        }))}
      />
      {asked !== undefined && (
        <Confirm
          title={name}
          question={texts.confirm(texts.controls[asked.name], name)}
          confirm={texts.controls[asked.name]}
          onConfirm={() => void send(commandOf(asked.call, { entity }))}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  );
}
