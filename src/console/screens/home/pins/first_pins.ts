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

/** Time for which further values are waited for after the first, in milliseconds: retained messages come at once. */
const WAIT_MS = 800;

/** Returns the measurements among values, numbers with a unit: temperatures first, then in the order of their topics. */
export function firstPinsOf(candidates: Iterable<Candidate>): readonly Pin[] {
  const rank = ({ service, unit }: Pin) => (service === "mqtt" ? 0 : 2) + (unit === "°C" ? 0 : 1);
  return [...candidates]
    .filter(({ value, unit }) => typeof value === "number" && unit !== "")
    .sort((one, other) => rank(one) - rank(other) || (pinId(one) < pinId(other) ? -1 : 1))
    .slice(0, MAX_FIRST_PINS)
    .map(({ service, topic, path, label, unit }) => ({ service, topic, path, label, unit }));
}

/** Chooses the first pins of a home. */
export function useFirstPins(
  connection: Connection,
  { isWanted, choose }: { readonly isWanted: boolean; readonly choose: (pins: readonly Pin[]) => void },
): void {
  const candidates = useCandidates(connection, isWanted && connection.device.value !== undefined);
  const pins = firstPinsOf(candidates.values());
  const latest = useRef(pins);
  latest.current = pins;
  const hasPins = pins.length > 0;
  useEffect(() => {
    if (!isWanted || !hasPins) return;
    const timer = setTimeout(() => choose(latest.current), WAIT_MS);
    return () => clearTimeout(timer);
  }, [isWanted, hasPins]);
}
