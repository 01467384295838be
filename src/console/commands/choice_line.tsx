/**
 * Control that chooses one of some values.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { type Choice, fitsInRow } from "./choice.ts";
import { type ControlProps, Line } from "./line.tsx";
import { Segments } from "../components/segments.tsx";

/** Properties of the control. */
export interface ChoiceLineProps extends ControlProps {
  /** Values. */
  readonly choices: readonly Choice[];
  /** Value of the device; undefined where it is not known. */
  readonly value: string | undefined;
  /** Chooses a value. */
  readonly onChoose: (value: string) => void;
}

/** Line with buttons for a few values, or a list for many. */
export function ChoiceLine({ choices, value, isDisabled, onChoose, ...line }: ChoiceLineProps) {
  const id = useId();
  if (fitsInRow(choices.map(({ label }) => label))) {
    return (
      <Line {...line}>
        <Segments
          choices={choices.map(({ value }) => value)}
          value={value}
          text={(value) => choices.find((choice) => choice.value === value)?.label ?? value}
          isDisabled={isDisabled}
          onChoose={onChoose}
        />
      </Line>
    );
  }
  const isKnown = choices.some((choice) => choice.value === value);
  return (
    <Line {...line} controlId={id}>
      <select
        id={id}
        class="field"
        value={isKnown ? value : ""}
        disabled={isDisabled}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          // The state of the home is shown, not that of the finger.
          event.currentTarget.value = isKnown && value !== undefined ? value : "";
          onChoose(chosen);
        }}
      >
        {!isKnown && <option value="" disabled>–</option>}
        {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}
      </select>
    </Line>
  );
}
