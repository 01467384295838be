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
  /** Called with each new text. */
  readonly onSearch: (text: string) => void;
}

/** Field with the number of what it finds. */
export function SearchField({ label, value, found, onSearch }: SearchFieldProps) {
  return (
    <label class="find">
      <Icon name="search" />
      <span class="visually-hidden">{label}</span>
      <input
        type="search"
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => onSearch(event.currentTarget.value)}
      />
      <span class="num" role="status">{found}</span>
    </label>
  );
}
