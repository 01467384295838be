/**
 * Streams of one home, one for each service, and the counts of what happened to them.
 *
 * @module
 */
import { signal } from "@preact/signals";
import { type GatewayClient, GatewayError, type StreamEvent } from "@e2e-gateway/client";
import { Backoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Observable } from "../observable.ts";
import { isRefusal, isTemporary } from "./failures.ts";
import { SharedStream, type Subscription } from "./shared_stream.ts";
import type { Occurrence } from "./status.ts";
import { coversFilter, matchesEntity } from "./topic_match.ts";

/** Service that has streams. */
export type StreamService = "mqtt" | "home_assistant";

/** Numbers of what happened to the streams since the page was opened. */
export interface StreamCounts {
  /** Times at which messages may have been missed. */
  readonly gaps: number;
  /** Times at which a stream went on from where it broke off. */
  readonly resumes: number;
  /** Times at which the gateway ended a stream because this device was too slow. */
  readonly slow: number;
}

/** Parts that the streams are made of. */
export interface HomeStreamsOptions {
  /** Client that opens the streams. */
  readonly client: Pick<GatewayClient, "subscribeTo">;
  /** Clock for the waits between attempts. */
  readonly clock: Clock;
  /** Called with what the status follows from. */
  readonly onOccurrence: (occurrence: Occurrence) => void;
  /** Called with the reason when a stream fails. */
  readonly onFailed: (error: GatewayError) => void;
  /** Called when a stream ended that is resumed: the gateway or the key may be gone, too. */
  readonly onInterrupted: () => void;
}

/** Streams of one home; they are closed until they are resumed. */
export class HomeStreams {
  readonly #options: HomeStreamsOptions;
  readonly #counts = signal<StreamCounts>({ gaps: 0, resumes: 0, slow: 0 });
  readonly #streams: Readonly<Record<StreamService, SharedStream>>;

  /** Makes the streams of a client. */
  constructor(options: HomeStreamsOptions) {
    this.#options = options;
    this.#streams = {
      mqtt: this.#stream("mqtt", coversFilter, (topics) => ({ topics })),
      home_assistant: this.#stream("home_assistant", matchesEntity, (entities) => ({ entities })),
    };
    this.pause();
  }

  /** Numbers of gaps and resumes. */
  get counts(): Observable<StreamCounts> {
    return this.#counts;
  }

  /** Listens to a service. Returns a function that ends it. */
  subscribe(service: StreamService, subscription: Subscription): () => void {
    return this.#streams[service].add(subscription);
  }

  /** Closes the streams until they are resumed from where they ended. */
  pause(): void {
    for (const stream of Object.values(this.#streams)) stream.pause();
  }

  /** Opens the streams again. */
  resume(): void {
    for (const stream of Object.values(this.#streams)) stream.resume();
  }

  /** Opens at once the streams that wait before another attempt. */
  retryNow(): void {
    for (const stream of Object.values(this.#streams)) stream.retryNow();
  }

  #stream(
    service: StreamService,
    covers: (filter: string, wanted: string) => boolean,
    fields: (filters: readonly string[]) => Readonly<Record<string, unknown>>,
  ): SharedStream {
    const { client, clock, onOccurrence, onFailed } = this.#options;
    const backoff = new Backoff(Math.random);
    return new SharedStream({
      open: (filters, { since, signal }) => client.subscribeTo(service, fields(filters), { since, signal, keep: true }),
      covers,
      onEvent: (event) => {
        backoff.reset();
        this.#heard(service, event);
      },
      onOpening: () => onOccurrence({ type: "opening", stream: service }),
      onClosed: () => onOccurrence({ type: "closed", stream: service }),
      isRefusal,
      onFailed: (error) => {
        if (!(error instanceof GatewayError)) throw error;
        onFailed(error);
        if (!isTemporary(error)) {
          onOccurrence({ type: "closed", stream: service });
          return undefined;
        }
        return Math.max(backoff.next(), error.retryAfterMs ?? 0);
      },
      delay: (ms, run) => clock.after(ms, run),
    });
  }

  #heard(stream: StreamService, event: StreamEvent): void {
    const { clock, onOccurrence, onInterrupted } = this.#options;
    switch (event.type) {
      case "message":
        return;
      case "connected":
        onOccurrence({ type: "heard", at: clock.now() });
        onOccurrence({ type: "opened", stream });
        return;
      case "gap":
        return this.#count("gaps");
      case "offline":
        return onOccurrence({ type: "opening", stream });
      case "online":
        return onOccurrence({ type: "opened", stream });
      default:
        this.#count(event.code === "too_slow" ? "slow" : "resumes");
        onOccurrence({ type: "opening", stream });
        onInterrupted();
    }
  }

  #count(what: keyof StreamCounts): void {
    const counts = this.#counts.peek();
    this.#counts.value = { ...counts, [what]: counts[what] + 1 };
  }
}
