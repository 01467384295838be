/**
 * Tile that sets a number within bounds.
 *
 * @module
 */
import { useEffect, useId, useState } from "preact/hooks";
import { Icon } from "../../../components/icon.tsx";
import { Slider } from "../../../components/slider.tsx";
import { useFormat } from "../../../context.tsx";
import { type Control, decimalsOf, numberOfState, snap } from "./control.ts";
import type { TileProps } from "./tile.ts";
import { unitOf } from "./unit.ts";

/** Time after the last step within which another one is waited for, in milliseconds. */
const SETTLE_MS = 600;

/** Tile with a slider. */
export function SliderTile(props: TileProps & { readonly control: Extract<Control, { kind: "slider" }> }) {
  const { action, label, icon, tone, news, isCounting, state, run, pending, isDisabled, control, start } = props;
  const format = useFormat();
  const id = useId();
  const [moved, setMoved] = useState<number | undefined>(undefined);
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const sent = typeof pending === "number" ? pending : undefined;
  const isSent = run.kind === "sent" || run.kind === "done";
  const known = moved ?? (isSent ? sent : undefined) ?? numberOfState(action.state) ?? sent;
  const value = snap(known ?? (control.min + control.max) / 2, control);
  const unit = unitOf(control, label);
  const write = (number: number) => format.number(number, decimalsOf(control.step)) + unit;

  // Several presses on a step are one run.
  useEffect(() => {
    if (chosen === undefined) return;
    const timer = setTimeout(() => {
      setChosen(undefined);
      setMoved(undefined);
      start({ [control.param]: chosen });
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [chosen]);

  return (
    <div class={`tile slider ${known === undefined ? "unset" : tone} ${run.kind}`}>
      <div class="top">
        <span class="badge">
          <Icon name={icon} />
        </span>
        <div class="text">
          <label class="name" for={id}>{label}</label>
          <span class="state num" role={isCounting ? undefined : "status"}>
            {news ?? (known === undefined ? state : "")}
          </span>
        </div>
        <output class="target num" for={id}>{known === undefined ? "–" : write(value)}</output>
      </div>
      <Slider
        id={id}
        label={label}
        {...control}
        value={value}
        valueText={write(value)}
        ends={[write(control.min), write(control.max)]}
        isDisabled={isDisabled}
        onMove={(value) => {
          setChosen(undefined);
          setMoved(snap(value, control));
        }}
        onChoose={(value) => {
          setMoved(snap(value, control));
          setChosen(snap(value, control));
        }}
      />
    </div>
  );
}
