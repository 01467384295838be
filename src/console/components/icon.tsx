/**
 * Icons: drawn on 24 × 24 with the stroke of the text.
 *
 * @module
 */
import { type IconName, ICONS } from "./icons.ts";

/** Icon. It is hidden from screen readers: the text beside it says the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}
