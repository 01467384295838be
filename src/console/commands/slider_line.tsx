/**
 * Control that sets a number within bounds.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { Slider } from "../components/slider.tsx";
import { type ControlProps, Line } from "./line.tsx";
import { type SliderOptions, useSlider } from "./use_slider.ts";

/** Properties of the control. */
export type SliderLineProps = ControlProps & SliderOptions;

/** Line with a slider. */
export function SliderLine({ scale, unit, value, onChoose, isDisabled, ...line }: SliderLineProps) {
  const id = useId();
  const { words, slider } = useSlider({ scale, unit: unit === "" ? "" : `\u00a0${unit}`, value, onChoose });
  return (
    <Line {...line} controlId={id} end={<output class="line-value num" for={id}>{words ?? "–"}</output>}>
      <Slider
        id={id}
        label={line.about === undefined ? line.label : `${line.label}, ${line.about}`}
        isDisabled={isDisabled}
        {...slider}
      />
    </Line>
  );
}
