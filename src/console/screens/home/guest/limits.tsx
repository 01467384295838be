/**
 * Limits of a key: runs that are left, and its end.
 *
 * @module
 */
import { useApp, useFormat, useTexts } from "../../../context.tsx";
import type { Uses } from "../actions/action_list.ts";

/** Properties of the limits. */
export interface LimitsProps {
  /** Runs that are left; undefined where they are not limited. */
  readonly uses: Uses | undefined;
  /** End of the key's validity, in milliseconds since 1970; undefined where it has none. */
  readonly expiresAt: number | undefined;
}

/** Limits in words, such as `2 of 3 left, until 16:00`; nothing where there are none. */
export function Limits({ uses, expiresAt }: LimitsProps) {
  const texts = useTexts().home;
  const format = useFormat();
  const { now } = useApp().browser;
  const parts = [
    ...uses === undefined ? [] : [texts.usesLeft(format.number(uses.left), format.number(uses.of))],
    ...expiresAt === undefined ? [] : [texts.until(format.time(expiresAt, now()))],
  ];
  return parts.length === 0 ? null : <p class="limits num">{parts.join(", ")}</p>;
}
