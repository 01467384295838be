/**
 * Slider that sends one command for several presses on a step.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import type { SliderProps } from "../components/slider.tsx";
import { useFormat } from "../context.tsx";
import { decimalsOf, type Scale, snap } from "./scale.ts";

/** Time after the last step within which another one is waited for, in milliseconds. */
const SETTLE_MS = 500;

/** Scale and value of a slider. */
export interface SliderOptions {
  /** Scale. */
  readonly scale: Scale;
  /** Unit behind numbers, with its space, safe to show. */
  readonly unit: string;
  /** Value of the device; undefined where it is not known. */
  readonly value: number | undefined;
  /** Sets a value. */
  readonly onChoose: (value: number) => void;
}

/** Slider as its control shows it. */
export interface SliderState {
  /** Value in words; undefined where it is not known. */
  readonly words: string | undefined;
  /** Properties of the slider. */
  readonly slider: Omit<SliderProps, "id" | "label" | "isDisabled">;
}

/** Returns the state of a slider. One whose value is not known stands in the middle. */
export function useSlider({ scale, unit, value: known, onChoose }: SliderOptions): SliderState {
  const format = useFormat();
  const [moved, setMoved] = useState<number | undefined>(undefined);
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const current = moved ?? known;
  const value = snap(current ?? (scale.min + scale.max) / 2, scale);
  const write = (number: number) => format.number(number, decimalsOf(scale.step)) + unit;

  useEffect(() => {
    if (chosen === undefined) return;
    const timer = setTimeout(() => {
      setChosen(undefined);
      setMoved(undefined);
      onChoose(chosen);
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [chosen]);

  return {
    words: current === undefined ? undefined : write(value),
    slider: {
      ...scale,
      value,
      valueText: write(value),
      ends: [write(scale.min), write(scale.max)],
      onMove(value) {
        setChosen(undefined);
        setMoved(snap(value, scale));
      },
      onChoose(value) {
        setMoved(snap(value, scale));
        setChosen(snap(value, scale));
      },
    },
  };
}
