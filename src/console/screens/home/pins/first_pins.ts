/**
 * Choice of the pins of a home for which none were chosen yet.
 *
 * @module
 */
import { type Candidate, type Pin, pinId } from "./pin.ts";

/** Most pins that are chosen. */
const MAX_FIRST_PINS = 6;

/** Returns the measurements among values, numbers with a unit: temperatures first, then in the order of their topics. */
export function firstPinsOf(candidates: Iterable<Candidate>): readonly Pin[] {
  const rank = ({ service, unit }: Pin) => (service === "mqtt" ? 0 : 2) + (unit === "°C" ? 0 : 1);
  return [...candidates]
    .filter(({ value, unit }) => typeof value === "number" && unit !== "")
    .sort((one, other) => rank(one) - rank(other) || (pinId(one) < pinId(other) ? -1 : 1))
    .slice(0, MAX_FIRST_PINS)
    .map(({ service, topic, path, label, unit }) => ({ service, topic, path, label, unit }));
}
