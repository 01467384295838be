/**
 * Buttons for commands without a value.
 *
 * @module
 */
import type { ControlProps } from "./line.tsx";

/** One button. */
export interface ButtonChoice {
  /** Distinguishes it. */
  readonly id: string;
  /** Name, safe to show. */
  readonly label: string;
  /** Called when it is pressed. */
  readonly onPress: () => void;
}

/** Properties of the buttons. */
export interface ButtonsLineProps extends Omit<ControlProps, "label"> {
  /** Name of all of them, safe to show, for screen readers. */
  readonly label: string;
  /** Buttons. */
  readonly buttons: readonly ButtonChoice[];
}

/** Row of buttons, with one outcome for all of them. */
export function ButtonsLine({ buttons, label, isDisabled, run, news }: ButtonsLineProps) {
  return (
    <div class={`line ${run.kind}`} role="group" aria-label={label}>
      <div class="line-buttons">
        {buttons.map(({ id, label, onPress }) => (
          <button
            key={id}
            type="button"
            class="button plain small"
            aria-disabled={isDisabled}
            onClick={() => !isDisabled && onPress()}
          >
            <bdi>{label}</bdi>
          </button>
        ))}
      </div>
      <span class="news" role="status">{news ?? ""}</span>
    </div>
  );
}
