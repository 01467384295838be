/**
 * Pins of a home for which none were chosen yet: the first measurements that come.
 *
 * @module
 */
import { useEffect, useRef } from "preact/hooks";
import type { Connection } from "../../../connection/connection.ts";
import { type Candidate, type Pin, pinId } from "./pin.ts";
import { useCandidates } from "./use_candidates.ts";

/** Most pins that are chosen. */
const MAX_FIRST_PINS = 6;

/** Time for which values are waited for, in milliseconds: retained messages come at once. */
const WAIT_MS = 3000;

/** Returns the measurements among values, numbers with a unit: temperatures first, then in the order of their topics. */
export function firstPinsOf(candidates: Iterable<Candidate>): readonly Pin[] {
  const rank = ({ service, unit }: Pin) => (service === "mqtt" ? 0 : 2) + (unit === "°C" ? 0 : 1);
  return [...candidates]
    .filter(({ value, unit }) => typeof value === "number" && unit !== "")
    .sort((one, other) => rank(one) - rank(other) || (pinId(one) < pinId(other) ? -1 : 1))
    .slice(0, MAX_FIRST_PINS)
    .map(({ service, topic, path, label, unit }) => ({ service, topic, path, label, unit }));
}

/**
 * Returns the first pins of a home, as far as they have come.
 *
 * @param onKnown called with them once no others are waited for
 */
export function useFirstPins(
  connection: Connection,
  { isWanted, onKnown }: { readonly isWanted: boolean; readonly onKnown: (pins: readonly Pin[]) => void },
): readonly Pin[] {
  const isListening = isWanted && connection.device.value !== undefined;
  const candidates = useCandidates(connection, isListening);
  const pins = firstPinsOf(candidates.values());
  const latest = useRef(pins);
  latest.current = pins;
  useEffect(() => {
    if (!isListening) return;
    const timer = setTimeout(() => onKnown(latest.current), WAIT_MS);
    return () => clearTimeout(timer);
  }, [isListening]);
  return pins;
}
