/**
 * Row of buttons of which one is chosen.
 *
 * @module
 */

/** Properties of the row. */
export interface SegmentsProps<Choice> {
  /** What is chosen, in words; undefined where `labelledBy` or an element around the row says it. */
  readonly label?: string | undefined;
  /** Id of the element that says what is chosen. */
  readonly labelledBy?: string | undefined;
  /** Choices. */
  readonly choices: readonly Choice[];
  /** Present choice; undefined where there is none. */
  readonly value: Choice | undefined;
  /** Returns a choice in words. */
  readonly text: (choice: Choice) => string | undefined;
  /** True while nothing can be chosen. */
  readonly isDisabled?: boolean | undefined;
  /** Called with the choice. */
  readonly onChoose: (choice: Choice) => void;
}

/** The row. */
export function Segments<Choice extends string | number | boolean>(
  { label, labelledBy, choices, value, text, isDisabled, onChoose }: SegmentsProps<Choice>,
) {
  const isLabelled = label !== undefined || labelledBy !== undefined;
  return (
    <div class="segments" role={isLabelled ? "group" : undefined} aria-label={label} aria-labelledby={labelledBy}>
      {choices.map((choice) => (
        <button
          key={String(choice)}
          type="button"
          aria-pressed={choice === value}
          aria-disabled={isDisabled}
          onClick={() => isDisabled !== true && onChoose(choice)}
        >
          {text(choice)}
        </button>
      ))}
    </div>
  );
}
