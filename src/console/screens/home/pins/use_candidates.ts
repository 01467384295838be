/**
 * Values that can be pinned, out of all that the key may read.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import type { Connection } from "../../../connection/connection.ts";
import { readableEntities, readableTopics } from "../../../connection/device_info.ts";
import { type Candidate, candidatesOf, type Pin, pinId } from "./pin.ts";

/** Most values that are kept. */
const MAX_CANDIDATES = 5000;

/** Time between two updates of the list, in milliseconds. */
const UPDATE_MS = 400;

/**
 * Returns the values that came since they were wanted, by their ids.
 *
 * @param isWanted false to listen to nothing
 */
export function useCandidates(connection: Connection, isWanted = true): ReadonlyMap<string, Candidate> {
  const [candidates, setCandidates] = useState<ReadonlyMap<string, Candidate>>(new Map());
  useEffect(() => {
    const device = connection.device.peek();
    if (device === undefined || !isWanted) return;
    const found = new Map<string, Candidate>();
    let hasNew = false;
    const listen = (service: Pin["service"], filters: readonly string[]) =>
      filters.length === 0 ? () => {} : connection.subscribe(service, {
        filters,
        onEvent(event) {
          if (event.type !== "message" || event.payload === null) return;
          for (const candidate of candidatesOf({ service, topic: event.topic, payload: event.payload })) {
            if (found.size >= MAX_CANDIDATES && !found.has(pinId(candidate))) continue;
            found.set(pinId(candidate), candidate);
            hasNew = true;
          }
        },
      });
    const stops = [listen("mqtt", readableTopics(device)), listen("home_assistant", readableEntities(device))];
    const timer = setInterval(() => {
      if (!hasNew) return;
      hasNew = false;
      const order = [...found].sort(([one], [other]) => one < other ? -1 : 1);
      setCandidates(new Map(order));
    }, UPDATE_MS);
    return () => {
      clearInterval(timer);
      stops.forEach((stop) => stop());
    };
  }, [connection, isWanted]);
  return candidates;
}
