/**
 * Pinned values, each with its sparkline.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Empty } from "../../../components/empty.tsx";
import { Sparkline } from "../../../components/sparkline.tsx";
import type { Connection } from "../../../connection/connection.ts";
import { mayReadAny } from "../../../connection/device_info.ts";
import { useFormat, useTexts } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import { stateText } from "../actions/state_text.ts";
import { type Pin, pinId } from "./pin.ts";
import { PinEditor } from "./pin_editor.tsx";
import { decimalsOf, trendOf } from "./series.ts";
import { mayRead, type PinReading, usePins } from "./use_pins.ts";

/** Shortest course whose change says something, in milliseconds. */
const TREND_MS = 60_000;

/** Section of pinned values; nothing for a key that may read none. */
export function Pins({ connection }: { readonly connection: Connection }) {
  const texts = useTexts().pins;
  const { pins, readings, choose } = usePins(connection);
  const [isEditing, setIsEditing] = useState(false);
  const device = connection.device.value;
  const mayPin = device !== undefined && mayReadAny(device);
  if (pins === undefined || pins.length === 0 && !mayPin) return null;
  return (
    <section class="pinned" aria-labelledby="pinned-title">
      <div class="section">
        <h2 id="pinned-title">{texts.title}</h2>
        {mayPin && pins.length > 0 && (
          <button type="button" class="text-button" onClick={() => setIsEditing(true)}>{texts.edit}</button>
        )}
      </div>
      {pins.length === 0
        ? (
          <Empty icon="pin" title={texts.none}>
            <p>{texts.noneHow}</p>
            <button type="button" class="button primary" onClick={() => setIsEditing(true)}>{texts.choose}</button>
          </Empty>
        )
        : (
          <ul class="pins">
            {pins.map((pin) => (
              <PinTile
                key={pinId(pin)}
                pin={pin}
                reading={readings.get(pinId(pin))}
                isReadable={readings.get(pinId(pin))?.isRefused !== true &&
                  (device === undefined || mayRead(device, pin))}
              />
            ))}
          </ul>
        )}
      {isEditing && (
        <PinEditor
          connection={connection}
          pins={pins}
          onChoose={choose}
          onClose={() => setIsEditing(false)}
        />
      )}
    </section>
  );
}

/** Properties of one pin. */
interface PinTileProps {
  readonly pin: Pin;
  readonly reading: PinReading | undefined;
  readonly isReadable: boolean;
}

function PinTile({ pin, reading, isReadable }: PinTileProps) {
  const texts = useTexts();
  const format = useFormat();
  const label = visibleText(pin.label);
  const series = reading?.series ?? [];
  const value = reading?.value ?? series.at(-1)?.value;
  const trend = trendOf(series);
  return (
    <li class={`pin ${toneOfUnit(pin.unit)}`}>
      <span class="pin-name" title={visibleText(pin.topic)}>
        <bdi>{label}</bdi>
      </span>
      {isReadable && value !== undefined
        ? (
          <span class="value num">
            {typeof value === "number"
              ? format.number(value, 2, decimalsOf(series))
              : stateText(value, { texts: texts.home, format })}
            {pin.unit !== "" && <small>{visibleText(pin.unit)}</small>}
          </span>
        )
        : <span class="waiting">{isReadable ? texts.pins.waiting : texts.pins.refused}</span>}
      {trend !== undefined && trend.overMs >= TREND_MS && (
        <span class="trend num">
          {trend.change === 0
            ? texts.pins.steady
            : texts.pins.trend(signed(trend.change, format.number), format.duration(trend.overMs))}
        </span>
      )}
      <Sparkline points={series} label={texts.pins.chart(label)} />
    </li>
  );
}

function signed(change: number, write: (value: number) => string): string {
  return `${change < 0 ? "−" : "+"}${write(Math.abs(change))}`;
}

/** Returns the colour of a value's line; it repeats nothing that only colour says. */
function toneOfUnit(unit: string): string {
  if (/°/.test(unit)) return "heat";
  if (/%/.test(unit)) return "cool";
  return /^(k?W|k?Wh|lx)$/.test(unit) ? "glow" : "accent";
}
