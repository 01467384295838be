/**
 * One stream of one service for everything on the page that listens to it. HTTP/1.1 allows six connections for each host
 * over all tabs.
 *
 * @module
 */
import type { GatewayError, Position, StreamEvent } from "@e2e-gateway/client";

/** Listener to a part of the stream. */
export interface Subscription {
  /** Topic filters, or patterns of entities. */
  readonly filters: readonly string[];
  /** Called with each message that matches, and with every event that is not a message. */
  readonly onEvent: (event: StreamEvent) => void;
  /** Called when the gateway refuses the filters. */
  readonly onRefused?: ((error: GatewayError) => void) | undefined;
}

/** Parts that a stream is made of. */
export interface SharedStreamOptions {
  /** Opens the events of filters after a position; they resume by themselves once they were connected. */
  readonly open: (
    filters: readonly string[],
    options: { readonly since: Position | undefined; readonly signal: AbortSignal },
  ) => AsyncIterable<StreamEvent>;
  /** Returns whether a filter matches a topic. */
  readonly matches: (filter: string, topic: string) => boolean;
  /** Called with each event, before the listeners. */
  readonly onEvent: (event: StreamEvent) => void;
  /** Called when a stream begins to open. */
  readonly onOpening: () => void;
  /** Called when no stream is wanted any more. */
  readonly onClosed: () => void;
  /** Called when the stream fails. Returns the wait before it is opened again, in milliseconds; undefined for never. */
  readonly onFailed: (error: unknown) => number | undefined;
  /** Calls a function after a time, in milliseconds. Returns a function that cancels the call. */
  readonly delay: (ms: number, run: () => void) => () => void;
}

/** Time in which several listeners of one screen are added, in milliseconds. */
const SETTLE_MS = 20;

/** Stream that opens again whenever its listeners ask for other filters. */
export class SharedStream {
  readonly #options: SharedStreamOptions;
  readonly #subscriptions = new Set<Subscription>();
  #filters: readonly string[] = [];
  #isPaused = false;
  #isConnected = false;
  #current = new AbortController();
  #position: Position | undefined;
  #cancel = () => {};

  /** Makes a stream that opens with its first listener. */
  constructor(options: SharedStreamOptions) {
    this.#options = options;
  }

  /** Adds a listener. Returns a function that removes it. */
  add(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    this.#settle();
    return () => {
      this.#subscriptions.delete(subscription);
      this.#settle();
    };
  }

  /** Closes the stream until it is resumed from where it ended. */
  pause(): void {
    this.#isPaused = true;
    this.#cancel();
    this.#current.abort();
    this.#options.onClosed();
  }

  /** Opens the stream again, after the last event that came. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#reopen(this.#position);
  }

  /** Opens the stream at once, if it waits before another attempt. */
  hurry(): void {
    if (!this.#isConnected) this.#reopen(this.#position);
  }

  #settle(): void {
    this.#cancel();
    this.#cancel = this.#options.delay(SETTLE_MS, () => {
      const filters = [...new Set([...this.#subscriptions].flatMap((subscription) => subscription.filters))].sort();
      const isSame = filters.length === this.#filters.length && filters.every((it) => this.#filters.includes(it));
      const isNarrower = filters.every((filter) => this.#filters.includes(filter));
      if (isSame) return;
      this.#filters = filters;
      // Only a new filter needs the retained messages, which a stream that resumes does not get.
      this.#reopen(isNarrower ? this.#position : undefined);
    });
  }

  #reopen(since: Position | undefined): void {
    this.#cancel();
    const previous = this.#current;
    if (this.#isPaused || this.#filters.length === 0) {
      previous.abort();
      this.#options.onClosed();
      return;
    }
    this.#current = new AbortController();
    this.#isConnected = false;
    this.#options.onOpening();
    void this.#run(this.#current, { previous, since, filters: this.#filters });
  }

  async #run(
    own: AbortController,
    { previous, since, filters }: {
      readonly previous: AbortController;
      readonly since: Position | undefined;
      readonly filters: readonly string[];
    },
  ): Promise<void> {
    const { signal } = own;
    try {
      for await (const event of this.#options.open(filters, { since, signal })) {
        if (signal.aborted) return;
        // The previous stream goes on until this one is connected, so that nothing is lost between the two.
        if (event.type === "connected") previous.abort();
        this.#deliver(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      previous.abort();
      this.#isConnected = false;
      const waitMs = this.#options.onFailed(error);
      if (waitMs === undefined) {
        this.#filters = [];
        for (const { onRefused } of this.#subscriptions) onRefused?.(error as GatewayError);
        return;
      }
      this.#cancel = this.#options.delay(waitMs, () => this.#reopen(this.#position));
    }
  }

  #deliver(event: StreamEvent): void {
    if (event.type === "connected") this.#isConnected = true;
    if (event.type === "error" || event.type === "disconnected" || event.type === "end") this.#isConnected = false;
    if (event.type === "message") {
      if (this.#wasDelivered(event)) return;
      this.#position = laterOf(this.#position, event);
    }
    this.#options.onEvent(event);
    for (const { filters, onEvent } of [...this.#subscriptions]) {
      if (event.type !== "message" || filters.some((filter) => this.#options.matches(filter, event.topic))) {
        onEvent(event);
      }
    }
  }

  /** Returns whether a message came by the previous stream already. Retained messages are for the new listeners. */
  #wasDelivered({ epoch, offset, retain }: Position & { readonly retain: boolean }): boolean {
    return !retain && epoch === this.#position?.epoch && offset <= this.#position.offset;
  }
}

/** Returns the later position; retained messages may be older than others that came already. */
function laterOf(position: Position | undefined, { epoch, offset }: Position): Position {
  return position?.epoch === epoch && position.offset > offset ? position : { epoch, offset };
}
