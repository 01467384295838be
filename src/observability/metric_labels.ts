/**
 * The words that may stand in labels, as values: the types of `telemetry.ts` are gone when the gateway runs.
 *
 * Each list is made from a record, so that it does not compile when a word is missing.
 *
 * @module
 */
import type { AnsweredRequest, DropReason, Operation, RefusalReason, Result, StreamEnd } from "./telemetry.ts";

const wordsOf = <Word extends string>(words: Readonly<Record<Word, true>>): readonly string[] => Object.keys(words);

/** The parts of a request that take time. */
export const OPERATIONS: readonly string[] = wordsOf<Operation>({
  admission: true,
  opening: true,
  jeedom: true,
  mqtt: true,
  acknowledgement: true,
});

/** Why requests are refused. */
export const REFUSAL_REASONS: readonly string[] = wordsOf<RefusalReason>({
  envelope: true,
  payload: true,
  expired: true,
  replay: true,
  scope: true,
  field: true,
  address_rate: true,
  key_rate: true,
  busy: true,
  body: true,
  store: true,
  cross_site: true,
  stopping: true,
  route: true,
});

/** Why streams end. */
export const STREAM_ENDS: readonly string[] = wordsOf<StreamEnd>({
  left: true,
  refused: true,
  too_slow: true,
  revoked: true,
  broker: true,
  restart: true,
  failed: true,
});

/** Why events do not reach a listener. */
export const DROP_REASONS: readonly string[] = wordsOf<DropReason>({ too_slow: true, revoked: true, too_large: true });

const RUN = ["ok", "refused", "failed"] as const;
const NOT_RUN = ["repeat", "refused", "failed"] as const;

/**
 * What is to be expected of each route: these are shown as 0 before they first happen, as a rate needs two figures.
 * Anything else made of the words above is counted all the same.
 */
const EXPECTED: Readonly<
  Record<AnsweredRequest["route"], Readonly<Record<string, readonly Result[]>>>
> = {
  "/gateway": { jeedom: RUN, mqtt: RUN, none: NOT_RUN },
  "/subscribe": { mqtt: ["subscribed", "refused", "failed"], none: NOT_RUN },
  "/mqtt/publish": { mqtt: RUN, none: NOT_RUN },
  "/mqtt/subscribe": { mqtt: ["subscribed", "refused", "failed"], none: NOT_RUN },
  "/health": { none: RUN },
  "/health/live": { none: RUN },
  "/health/ready": { none: RUN },
  other: { none: ["refused", "failed"] },
};

/** Where requests go. */
export const ROUTES: readonly string[] = Object.keys(EXPECTED);

/** The requests to be expected, of those that the words can tell. */
export const EXPECTED_REQUESTS: readonly Readonly<Record<"route" | "service" | "result", string>>[] = Object
  .entries(EXPECTED).flatMap(([route, services]) =>
    Object.entries(services).flatMap(([service, results]) => results.map((result) => ({ route, service, result })))
  );
