/**
 * Row of a command that has a value, with the button of its history.
 *
 * @module
 */
import { colorOf } from "../../commands/color_line.tsx";
import { HistoryButton } from "../../components/history_button.tsx";
import type { Connection } from "../../connection/connection.ts";
import { useApp, useFormat, useTexts, useTranslated } from "../../context.tsx";
import { numberIn } from "../../text/scalar.ts";
import { visibleText } from "../../text/visible.ts";
import { callJeedom } from "./call.ts";
import { formatTime, readHistory } from "./history.ts";
import type { Info } from "./rooms.ts";
import { stepStates } from "./step_states.ts";
import { JEEDOM_TEXTS } from "./texts.ts";
import type { Values } from "./values.ts";

/** Properties of a row. */
export interface InfoRowProps {
  /** Command. */
  readonly info: Info;
  /** Connection to the home. */
  readonly connection: Connection;
  /** Values of commands. */
  readonly values: Values;
  /** True if the key may read histories. */
  readonly mayReadHistory: boolean;
}

/** Row of a command. */
export function InfoRow({ info, connection, values, mayReadHistory }: InfoRowProps) {
  return (
    <li class="reading">
      <bdi class="reading-name">{info.name}</bdi>
      <InfoValue info={info} values={values} />
      {mayReadHistory && hasHistory(info) && <InfoHistory info={info} connection={connection} />}
    </li>
  );
}

/** Returns whether Jeedom keeps the past of a command, and a chart can show it. */
export function hasHistory({ isHistorized, subType }: Info): boolean {
  return isHistorized && subType !== "string";
}

/** Button of the history of a command. */
export function InfoHistory({ info, connection }: Pick<InfoRowProps, "info" | "connection">) {
  const { now } = useApp().browser;
  const { states } = useTexts().home;
  const [zero, one] = stepStates(info);
  async function load(periodMs: number) {
    const startTime = formatTime(now() - periodMs, new Date(now()).getTimezoneOffset());
    const data = readHistory(await callJeedom(connection, "cmd::getHistory", { id: info.id, startTime }));
    if (data === undefined) throw new Error("Jeedom's answer is no history");
    return data;
  }
  return (
    <HistoryButton
      title={info.name}
      unit={info.unit}
      stepTexts={info.subType === "binary" ? [states[zero] ?? zero, states[one] ?? one] : undefined}
      isUtc
      load={load}
      now={() => now() - new Date(now()).getTimezoneOffset() * 60_000}
    />
  );
}

/** Characters from which on a text is not shown as a figure. */
const LONG_TEXT = 30;

/** Value of a command with its unit; it alone is rendered again when the value changes. */
function InfoValue({ info, values }: Pick<InfoRowProps, "info" | "values">) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const { states } = useTexts().home;
  const format = useFormat();
  const value = values.of(info.id).value;
  const number = numberIn(value);
  if (value === undefined || value === "") return <span class="quiet">{texts.noValue}</span>;
  if (info.subType === "binary" && number !== undefined) {
    return <b class="reading-value">{states[stepStates(info)[number === 0 ? 0 : 1]]}</b>;
  }
  const color = colorOf(value);
  if (info.subType === "string" && String(value).length > LONG_TEXT) {
    const text = visibleText(String(value));
    return <span class="reading-text" title={text}>{text}</span>;
  }
  return (
    <b class="reading-value num">
      {color !== undefined && info.subType === "string" && <i class="swatch" style={{ background: color }} />}
      {info.subType === "numeric" && number !== undefined ? format.number(number) : visibleText(String(value))}
      {info.unit !== "" && <small>{info.unit}</small>}
    </b>
  );
}
