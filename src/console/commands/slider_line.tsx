/**
 * Control that sets a number within bounds.
 *
 * @module
 */
import { useEffect, useId, useState } from "preact/hooks";
import { Slider } from "../components/slider.tsx";
import { useFormat } from "../context.tsx";
import { decimalsOf, snap } from "../screens/home/actions/control.ts";
import { type ControlProps, Line } from "./line.tsx";

/** Time after the last step within which another one is waited for, in milliseconds. */
const SETTLE_MS = 500;

/** Properties of the control. */
export interface SliderLineProps extends ControlProps {
  /** Least value. */
  readonly min: number;
  /** Greatest value. */
  readonly max: number;
  /** Distance between values. */
  readonly step: number;
  /** Unit, safe to show; empty where there is none. */
  readonly unit: string;
  /** Value of the device; undefined where it is not known. */
  readonly value: number | undefined;
  /** Sets a value. */
  readonly onChoose: (value: number) => void;
}

/** Line with a slider. */
export function SliderLine({ min, max, step, unit, value: known, isDisabled, onChoose, ...line }: SliderLineProps) {
  const format = useFormat();
  const id = useId();
  const scale = { kind: "slider", param: "", min, max, step } as const;
  const [moved, setMoved] = useState<number | undefined>(undefined);
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const value = snap(moved ?? known ?? min, scale);
  const write = (number: number) => `${format.number(number, decimalsOf(step))}${unit === "" ? "" : `\u00a0${unit}`}`;

  // Several presses on a step are one command.
  useEffect(() => {
    if (chosen === undefined) return;
    const timer = setTimeout(() => {
      setChosen(undefined);
      setMoved(undefined);
      onChoose(chosen);
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [chosen]);

  return (
    <Line
      {...line}
      controlId={id}
      end={
        <output class="line-value num" for={id}>
          {moved === undefined && known === undefined ? "–" : write(value)}
        </output>
      }
    >
      <Slider
        id={id}
        label={line.about === undefined ? line.label : `${line.label}, ${line.about}`}
        min={min}
        max={max}
        step={step}
        value={value}
        valueText={write(value)}
        ends={[write(min), write(max)]}
        isDisabled={isDisabled}
        onMove={(value) => {
          setChosen(undefined);
          setMoved(snap(value, scale));
        }}
        onChoose={(value) => {
          setMoved(snap(value, scale));
          setChosen(snap(value, scale));
        }}
      />
    </Line>
  );
}
