/**
 * Pins of a home for which none were chosen yet: the first measurements that come.
 *
 * @module
 */
import { useEffect, useRef } from "preact/hooks";
import type { Connection } from "../../../connection/connection.ts";
import { firstPinsOf } from "./first_pins.ts";
import type { Pin } from "./pin.ts";
import { useCandidates } from "./use_candidates.ts";

/** Time for which values are waited for, in milliseconds: retained messages come at once. */
const WAIT_MS = 3000;

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
