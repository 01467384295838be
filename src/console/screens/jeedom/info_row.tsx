/**
 * Row of a command that has a value; a press shows its history.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { colorOf } from "../../commands/color_line.tsx";
import { HistoryDialog } from "../../components/history_dialog.tsx";
import { HISTORY_TEXTS } from "../../components/history_texts.ts";
import { Icon } from "../../components/icon.tsx";
import type { Connection } from "../../connection/connection.ts";
import { useApp, useFormat, useTexts, useTranslated } from "../../context.ts";
import { visibleText } from "../../text/visible.ts";
import { callJeedom } from "./call.ts";
import { formatTime, readHistory } from "./history.ts";
import { type Info, numberOf } from "./rooms.ts";
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
  const history = useTranslated(HISTORY_TEXTS);
  const { now } = useApp().browser;
  const [isOpen, setIsOpen] = useState(false);
  const hasHistory = mayReadHistory && info.isHistorized && info.subType !== "string";
  const content = (
    <>
      <bdi class="reading-name">{info.name}</bdi>
      <InfoValue info={info} values={values} />
      {hasHistory && <Icon name="chart" />}
    </>
  );
  async function load(periodMs: number) {
    const zoneMinutes = new Date(now()).getTimezoneOffset();
    const startTime = formatTime(now() - periodMs, zoneMinutes);
    const data = readHistory(await callJeedom(connection, "cmd::getHistory", { id: info.id, startTime }));
    if (data === undefined) throw new Error("Jeedom's answer is no history");
    return data;
  }
  return (
    <li>
      {hasHistory
        ? (
          <button type="button" class="reading" onClick={() => setIsOpen(true)}>
            {content}
            <span class="visually-hidden">{history.open(info.name)}</span>
          </button>
        )
        : <div class="reading">{content}</div>}
      {isOpen && (
        <HistoryDialog
          title={info.name}
          unit={info.unit}
          isStepped={info.subType === "binary"}
          isUtc
          load={load}
          onClose={() => setIsOpen(false)}
        />
      )}
    </li>
  );
}

/** Value of a command with its unit; it alone is rendered again when the value changes. */
function InfoValue({ info, values }: Pick<InfoRowProps, "info" | "values">) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const { states } = useTexts().home;
  const format = useFormat();
  const value = values.of(info.id).value;
  const number = numberOf(value);
  if (value === undefined || value === "") return <span class="quiet">{texts.noValue}</span>;
  if (info.subType === "binary" && number !== undefined) {
    return <b class="reading-value">{number === 0 ? states["off"] : states["on"]}</b>;
  }
  const color = colorOf(value);
  return (
    <b class="reading-value num">
      {color !== undefined && info.subType === "string" && <i class="swatch" style={{ background: color }} />}
      {info.subType === "numeric" && number !== undefined ? format.number(number) : visibleText(String(value))}
      {info.unit !== "" && <small>{info.unit}</small>}
    </b>
  );
}
