/**
 * Unit of a slider, where its name suggests one.
 *
 * @module
 */
import type { Control } from "./control.ts";

/** Returns `°` for temperatures and ` %` for percentages; empty for anything else. */
export function unitOf(
  { param, scale: { min, max } }: Extract<Control, { kind: "slider" }>,
  label: string,
): string {
  const words = `${param} ${label}`.toLowerCase();
  if (/degree|temp|celsius|heat|chauff|therm/.test(words) && max <= 100) return "°";
  return min === 0 && max === 100 ? "\u00a0%" : "";
}
