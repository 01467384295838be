/**
 * What happened to the streams while the screen is open: interruptions, gaps, resumes.
 *
 * @module
 */
import type { StreamEvent } from "@e2e-gateway/client";
import type { StreamService } from "../../connection/home_streams.ts";

/** Kind of an incident. */
export type IncidentKind =
  /** The stream broke off, and is opened again. */
  | "interrupted"
  /** The gateway ended the stream, as this device was too slow for it. */
  | "slow"
  /** The stream goes on from where it ended: nothing is missing. */
  | "resumed"
  /** Messages may be missing. */
  | "gap"
  /** The gateway lost the broker, or the service. */
  | "offline"
  /** The gateway reached it again. */
  | "online"
  /** The gateway left out one message, which is too large. */
  | "omitted"
  /** Messages came while the screen was paused that it could not keep. */
  | "overflow";

/** Something that happened to a stream. */
export interface Incident {
  /** Number, in the order of the incidents. */
  readonly id: number;
  /** Kind. */
  readonly kind: IncidentKind;
  /** Service of the stream. */
  readonly service: StreamService;
  /** Topic that it is about; undefined for the whole stream. */
  readonly topic?: string | undefined;
  /** Time, in milliseconds since 1970. */
  readonly at: number;
}

/** Message of a `gap` that stands for one message, with its topic. */
const OMITTED = /^(?:Message on|State of) (.+) is larger than \d+ bytes: left out$/s;

/** Most incidents that are kept. */
const MAX_INCIDENTS = 100;

/** Incidents, the oldest first. */
export class StreamLog {
  #incidents: readonly Incident[] = [];
  readonly #interrupted = new Set<StreamService>();
  #count = 0;

  /** Incidents that are kept. */
  get incidents(): readonly Incident[] {
    return this.#incidents;
  }

  /** Takes an event. Returns whether it is an incident. */
  hear(service: StreamService, event: StreamEvent, at: number): boolean {
    const kind = this.#kindOf(service, event);
    if (kind === undefined) return false;
    this.add(kind, service, at, event.type === "gap" ? omittedTopic(event.message) : undefined);
    return true;
  }

  /** Adds an incident. Of one pause, which may last for hours, the newest overflow stands for all. */
  add(kind: IncidentKind, service: StreamService, at: number, topic?: string): void {
    this.#count += 1;
    const before = kind === "overflow" && this.#incidents.at(-1)?.kind === kind
      ? this.#incidents.slice(0, -1)
      : this.#incidents;
    this.#incidents = [...before.slice(1 - MAX_INCIDENTS), { id: this.#count, kind, service, at, topic }];
  }

  #kindOf(service: StreamService, event: StreamEvent): IncidentKind | undefined {
    switch (event.type) {
      case "message":
        return undefined;
      case "gap":
        return omittedTopic(event.message) === undefined ? "gap" : "omitted";
      case "offline":
        return "offline";
      case "online":
        return "online";
      case "connected":
        // Without a position, a gap follows.
        return this.#interrupted.delete(service) && event.offset !== undefined ? "resumed" : undefined;
      default:
        this.#interrupted.add(service);
        return event.code === "too_slow" ? "slow" : "interrupted";
    }
  }
}

/** Returns the topic of a message that the gateway left out; undefined for any other gap. */
function omittedTopic(message: string): string | undefined {
  return OMITTED.exec(message)?.[1];
}
