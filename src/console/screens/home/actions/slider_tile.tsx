/**
 * Tile that sets a number within bounds.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { useSlider } from "../../../commands/use_slider.ts";
import { Icon } from "../../../components/icon.tsx";
import { Slider } from "../../../components/slider.tsx";
import type { Control } from "./control.ts";
import { numberIn } from "../../../text/scalar.ts";
import type { TileProps } from "./tile.ts";
import { unitOf } from "./unit.ts";

/** Tile with a slider. */
export function SliderTile(props: TileProps & { readonly control: Extract<Control, { kind: "slider" }> }) {
  const { label, icon, tone, news, isCounting, state, shown, run, isDisabled, control, start } = props;
  const id = useId();
  const { words, slider } = useSlider({
    scale: control.scale,
    unit: unitOf(control, label),
    value: numberIn(shown),
    onChoose: (value) => start({ [control.param]: value }),
  });
  return (
    <div class={`tile slider ${words === undefined ? "unset" : tone} ${run.kind}`}>
      <div class="top">
        <span class="badge">
          <Icon name={icon} />
        </span>
        <div class="text">
          <label class="name" for={id}>{label}</label>
          <span class="state num" role={isCounting ? undefined : "status"}>
            {news ?? (words === undefined ? state : "")}
          </span>
        </div>
        <output class="target num" for={id}>{words ?? "–"}</output>
      </div>
      <Slider id={id} label={label} isDisabled={isDisabled} {...slider} />
    </div>
  );
}
