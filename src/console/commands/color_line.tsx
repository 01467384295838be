/**
 * Control that chooses a colour.
 *
 * @module
 */
import { useId } from "preact/hooks";
import { type ControlProps, Line } from "./line.tsx";

/** Properties of the control. */
export interface ColorLineProps extends ControlProps {
  /** Colour of the device as `#rrggbb`; undefined where it is not known. */
  readonly value: string | undefined;
  /** Chooses a colour, as `#rrggbb`. */
  readonly onChoose: (value: string) => void;
}

/** Returns a colour as `#rrggbb`; undefined if it is none. */
export function colorOf(value: unknown): string | undefined {
  return typeof value === "string" && /^#?[0-9a-f]{6}$/i.test(value)
    ? `#${value.replace("#", "").toLowerCase()}`
    : undefined;
}

/** Line with a field for a colour. */
export function ColorLine({ value, isDisabled, onChoose, ...line }: ColorLineProps) {
  const id = useId();
  return (
    <Line
      {...line}
      controlId={id}
      end={
        <input
          id={id}
          class="color"
          type="color"
          value={value ?? "#808080"}
          disabled={isDisabled}
          onChange={(event) => onChoose(event.currentTarget.value)}
        />
      }
    />
  );
}
