/**
 * Field that filters a list.
 *
 * @module
 */
import { Icon } from "./icon.tsx";

/** Properties of the field. */
export interface SearchFieldProps {
  /** What it finds, in words. */
  readonly label: string;
  /** Text of the field. */
  readonly value: string;
  /** Number of what is found, in words. */
  readonly found: string;
  /** False where that number changes all the time, and is not read out. */
  readonly isFoundAnnounced?: boolean | undefined;
  /** Example of a text; the label by default. */
  readonly placeholder?: string | undefined;
  /** Id of the element that says why the text is wrong; undefined where it is not. */
  readonly faultId?: string | undefined;
  /** Called with each new text. */
  readonly onSearch: (text: string) => void;
}

/** Field with the number of what it finds. */
export function SearchField(
  { label, value, found, isFoundAnnounced = true, placeholder = label, faultId, onSearch }: SearchFieldProps,
) {
  return (
    <label class="find">
      <Icon name="search" />
      <span class="visually-hidden">{label}</span>
      <input
        type="search"
        placeholder={placeholder}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={value}
        aria-invalid={faultId !== undefined}
        aria-describedby={faultId}
        onInput={(event) => onSearch(event.currentTarget.value)}
      />
      <span class="num" role={isFoundAnnounced ? "status" : undefined}>{found}</span>
    </label>
  );
}
