/**
 * Slider with buttons for single steps.
 *
 * @module
 */
import { useTexts } from "../context.tsx";
import { Icon } from "./icon.tsx";

/** Properties of a slider. */
export interface SliderProps {
  /** Id, for its label. */
  readonly id: string;
  /** Name of what it changes, for its buttons. */
  readonly label: string;
  /** Least value. */
  readonly min: number;
  /** Greatest value. */
  readonly max: number;
  /** Distance between values. */
  readonly step: number;
  /** Value. */
  readonly value: number;
  /** Value in words, for screen readers. */
  readonly valueText: string;
  /** Ends of the scale in words. */
  readonly ends: readonly [string, string];
  /** True while it does nothing. */
  readonly isDisabled: boolean;
  /** Called while it is moved. */
  readonly onMove: (value: number) => void;
  /** Called with the value that was chosen. */
  readonly onChoose: (value: number) => void;
}

/** Slider between two buttons. */
export function Slider(props: SliderProps) {
  const { id, label, min, max, step, value, valueText, ends, isDisabled, onMove, onChoose } = props;
  const texts = useTexts().home;
  const share = (value - min) / (max - min);
  return (
    <>
      <div class="slide">
        <button
          type="button"
          class="step"
          aria-label={texts.less(label)}
          disabled={isDisabled || value <= min}
          onClick={() => onChoose(value - step)}
        >
          <Icon name="minus" />
        </button>
        <input
          id={id}
          type="range"
          style={{ "--share": String(share) }}
          min={min}
          max={max}
          step={step}
          value={value}
          aria-valuetext={valueText}
          disabled={isDisabled}
          onInput={(event) => onMove(event.currentTarget.valueAsNumber)}
          onChange={(event) => onChoose(event.currentTarget.valueAsNumber)}
        />
        <button
          type="button"
          class="step"
          aria-label={texts.more(label)}
          disabled={isDisabled || value >= max}
          onClick={() => onChoose(value + step)}
        >
          <Icon name="plus" />
        </button>
      </div>
      <div class="ends num" aria-hidden="true">
        <span>{ends[0]}</span>
        <span>{ends[1]}</span>
      </div>
    </>
  );
}
