/**
 * Status of the connection to a gateway: a pure function of what happened.
 *
 * @module
 */

/** Status as people see it. */
export type Status =
  /** Nothing is known yet. */
  | { readonly kind: "connecting" }
  /** Answers and events come. */
  | { readonly kind: "live"; readonly latencyMs: number | undefined }
  /** The gateway answers, and a stream is being opened or resumed. */
  | { readonly kind: "catching_up" }
  /** The gateway cannot be reached since a time, in milliseconds since 1970; undefined where there was no contact. */
  | { readonly kind: "offline"; readonly since: number | undefined }
  /** The gateway does not accept the key any more. */
  | { readonly kind: "revoked" };

/** Facts that the status follows from. */
export interface Facts {
  /** True once the gateway answered, false once it did not; undefined before. */
  readonly reachable: boolean | undefined;
  /** True once the gateway refused the key. */
  readonly refused: boolean;
  /** Time of the last answer or event, in milliseconds since 1970. */
  readonly lastContact: number | undefined;
  /** Duration of the last request that needs nothing but the gateway, in milliseconds. */
  readonly latencyMs: number | undefined;
  /** Streams that are not connected yet or again. */
  readonly opening: ReadonlySet<string>;
}

/** Facts of a connection at its start. */
export function initialFacts(lastContact: number | undefined): Facts {
  return { reachable: undefined, refused: false, lastContact, latencyMs: undefined, opening: new Set() };
}

/** Something that happened. */
export type Occurrence =
  | { readonly type: "answered"; readonly at: number; readonly latencyMs?: number | undefined }
  | { readonly type: "heard"; readonly at: number }
  | { readonly type: "unreachable" }
  | { readonly type: "refused" }
  | { readonly type: "opening" | "opened" | "closed"; readonly stream: string };

/** Returns the facts after an occurrence. */
export function after(facts: Facts, occurrence: Occurrence): Facts {
  switch (occurrence.type) {
    case "answered":
      return {
        ...facts,
        reachable: true,
        refused: false,
        lastContact: occurrence.at,
        latencyMs: occurrence.latencyMs ?? facts.latencyMs,
      };
    case "heard":
      return { ...facts, reachable: true, lastContact: occurrence.at };
    case "unreachable":
      return { ...facts, reachable: false, latencyMs: undefined };
    case "refused":
      return { ...facts, refused: true };
    case "opening":
      return { ...facts, opening: new Set([...facts.opening, occurrence.stream]) };
    case "opened":
    case "closed":
      return { ...facts, opening: new Set([...facts.opening].filter((stream) => stream !== occurrence.stream)) };
  }
}

/** Returns the status that follows from the facts. */
export function statusOf({ reachable, refused, lastContact, latencyMs, opening }: Facts): Status {
  if (refused) return { kind: "revoked" };
  if (reachable === undefined) return { kind: "connecting" };
  if (!reachable) return { kind: "offline", since: lastContact };
  return opening.size > 0 ? { kind: "catching_up" } : { kind: "live", latencyMs };
}
