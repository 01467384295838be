/**
 * Control of an action that takes a value: a slider, a colour, a list.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { ChoiceLine } from "../../commands/choice_line.tsx";
import { ColorLine, colorOf } from "../../commands/color_line.tsx";
import { SliderLine } from "../../commands/slider_line.tsx";
import { SwitchLine } from "../../commands/switch_line.tsx";
import type { Connection } from "../../connection/connection.ts";
import { numberIn } from "../../text/scalar.ts";
import type { Action, SwitchPair } from "./rooms.ts";
import { useAction } from "./use_action.tsx";
import type { Values } from "./values.ts";

/** What the controls of Jeedom have. */
export interface JeedomControlProps {
  /** Connection to the home. */
  readonly connection: Connection;
  /** Values of commands. */
  readonly values: Values;
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
  /** Returns the button of a command's history; nothing for one without. */
  readonly historyOf: (infoId: number | undefined) => ComponentChildren;
  /** Called after each run. */
  readonly onRan: (action: Action) => void;
}

/** Control of one action. */
export function ActionLine({ action, connection, values, isOffline, historyOf, onRan }: JeedomControlProps & {
  readonly action: Action;
}) {
  const { command, start, question } = useAction(connection, onRan);
  const { run, news, shown } = command;
  const value = shown(action.infoId === undefined ? undefined : values.of(action.infoId).value);
  const isDisabled = isOffline || run.kind === "sent";
  const line = { label: action.name, run, news, isDisabled, extra: historyOf(action.infoId) };
  const choose = (option: string, value: string) => start({ action, options: { [option]: value }, value });
  return (
    <>
      {action.subType === "slider"
        ? (
          <SliderLine
            {...line}
            scale={action.range}
            unit={action.unit}
            value={numberIn(value)}
            onChoose={(value) => choose("slider", String(value))}
          />
        )
        : action.subType === "color"
        ? <ColorLine {...line} value={colorOf(value)} onChoose={(value) => choose("color", value)} />
        : (
          <ChoiceLine
            {...line}
            choices={action.choices}
            value={value === undefined ? undefined : String(value)}
            onChoose={(value) => choose("select", value)}
          />
        )}
      {question}
    </>
  );
}

/** Control of a pair of actions that switch one command. */
export function PairLine(
  { pair: { info, on, off }, connection, values, isOffline, historyOf, onRan }: JeedomControlProps & {
    readonly pair: SwitchPair;
  },
) {
  const { command: { run, news, shown }, start, question } = useAction(connection, onRan);
  const value = numberIn(shown(values.of(info.id).value));
  return (
    <>
      <SwitchLine
        label={info.name}
        run={run}
        news={news}
        isDisabled={isOffline || run.kind === "sent"}
        extra={historyOf(info.id)}
        isOn={value !== undefined && value !== 0}
        onSwitch={(isOn) => start({ action: isOn ? on : off, value: isOn ? 1 : 0 })}
      />
      {question}
    </>
  );
}
