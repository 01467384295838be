/**
 * One stream of one service for everything on the page that listens to it. HTTP/1.1 allows six connections for each host
 * over all tabs.
 *
 * @module
 */
import type { GatewayError, Position, StreamEvent } from "@e2e-gateway/client";

import { laterOf, withoutPosition } from "./positions.ts";
import { findRefusals } from "./refusals.ts";
import { widestFilters } from "./topic_match.ts";

/** Listener to a part of the stream. */
export interface Subscription {
  /** Topic filters, or patterns of entities. */
  readonly filters: readonly string[];
  /** Called with each message that matches, and with every event that is not a message. */
  readonly onEvent: (event: StreamEvent) => void;
  /** Called when the gateway refuses these filters; an event `connected` follows where it accepts them later. */
  readonly onRefused?: ((error: GatewayError) => void) | undefined;
}

/** Parts that a stream is made of. */
export interface SharedStreamOptions {
  /** Opens the events of filters after a position; they resume by themselves once they were connected. */
  readonly open: (
    filters: readonly string[],
    options: { readonly since: Position | undefined; readonly signal: AbortSignal },
  ) => AsyncIterable<StreamEvent>;
  /** Returns whether a filter matches a topic, or all that another filter matches. */
  readonly covers: (filter: string, wanted: string) => boolean;
  /** Called with each event, before the listeners. */
  readonly onEvent: (event: StreamEvent) => void;
  /** Called when a stream begins to open. */
  readonly onOpening: () => void;
  /** Called when no stream is wanted any more. */
  readonly onClosed: () => void;
  /** Returns whether an error is a refusal that may concern only some of the filters. */
  readonly isRefusal: (error: unknown) => error is GatewayError;
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
  /** Subscriptions that the gateway refused: the others go on without them. */
  readonly #refused = new Set<Subscription>();
  #filters: readonly string[] = [];
  /** True until a stream is connected that brings the retained messages to new listeners. */
  #needsRetained = false;
  #hasNewListener = false;
  #isPaused = false;
  #isConnected = false;
  /** True from the end of a stream until one is connected. */
  #isBroken = false;
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
    this.#hasNewListener = true;
    this.#settle();
    return () => {
      this.#subscriptions.delete(subscription);
      this.#refused.delete(subscription);
      this.#settle();
    };
  }

  /** Closes the stream until it is resumed from where it ended. */
  pause(): void {
    this.#isPaused = true;
    this.#isBroken = true;
    this.#cancel();
    this.#current.abort();
    this.#options.onClosed();
  }

  /** Opens the stream again, after the last event that came, and with the filters that were refused before. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#retry();
  }

  /** Opens the stream at once, if it waits before another attempt. */
  retryNow(): void {
    if (!this.#isConnected) this.#retry();
  }

  #settle(): void {
    this.#cancel();
    this.#cancel = this.#options.delay(SETTLE_MS, () => {
      const previous = this.#filters;
      this.#filters = this.#filtersOf(this.#accepted());
      const isNarrower = this.#filters.every((filter) => previous.includes(filter));
      if (isNarrower && this.#filters.length === previous.length && !this.#hasNewListener) return;
      // A new listener needs the retained messages, which a stream that resumes does not get.
      if (!isNarrower || this.#hasNewListener) this.#needsRetained = true;
      this.#hasNewListener = false;
      this.#reopen();
    });
  }

  #retry(): void {
    if (this.#refused.size > 0) this.#needsRetained = true;
    this.#refused.clear();
    this.#filters = this.#filtersOf(this.#accepted());
    this.#reopen();
  }

  #accepted(): readonly Subscription[] {
    return [...this.#subscriptions].filter((subscription) => !this.#refused.has(subscription));
  }

  #filtersOf(subscriptions: readonly Subscription[]): readonly string[] {
    return widestFilters(subscriptions.flatMap(({ filters }) => filters), this.#options.covers);
  }

  #reopen(): void {
    this.#cancel();
    const previous = this.#current;
    if (this.#isPaused || this.#filters.length === 0) {
      previous.abort();
      this.#options.onClosed();
      return;
    }
    this.#current = new AbortController();
    // The previous stream goes on until this one is connected, so that nothing is lost between the two.
    this.#current.signal.addEventListener("abort", () => previous.abort(), { once: true });
    this.#isConnected = false;
    this.#options.onOpening();
    void this.#run(this.#current, previous);
  }

  async #run(own: AbortController, previous: AbortController): Promise<void> {
    const { signal } = own;
    const subscriptions = this.#accepted();
    try {
      const since = this.#needsRetained ? undefined : this.#position;
      let isNew = true;
      for await (const event of this.#options.open(this.#filters, { since, signal })) {
        if (signal.aborted) return;
        if (event.type !== "connected") {
          this.#deliver(event, own);
          continue;
        }
        previous.abort();
        const isGap = isNew && since === undefined && this.#isBroken && this.#position !== undefined;
        isNew = false;
        this.#deliver(isGap ? withoutPosition(event) : event, own);
        // It brings the retained messages, but not what was published since the previous one ended.
        if (isGap) this.#deliver({ type: "gap", message: "", timestamp: 0 }, own);
      }
    } catch (error) {
      if (this.#isOver(own)) return;
      await this.#fail(own, { error, subscriptions });
    }
  }

  /** Returns whether a stream was closed, or another one is about to take its place. */
  #isOver(own: AbortController): boolean {
    return own.signal.aborted || own !== this.#current;
  }

  /** Goes on without the subscriptions at fault, or opens the stream again later. */
  async #fail(
    own: AbortController,
    { error, subscriptions }: { readonly error: unknown; readonly subscriptions: readonly Subscription[] },
  ): Promise<void> {
    this.#isConnected = false;
    const refusals = this.#options.isRefusal(error)
      ? await findRefusals(subscriptions, { error, refusalOf: (some) => this.#refusalOf(some, own.signal) })
      : new Map<Subscription, GatewayError>();
    if (this.#isOver(own)) return;
    for (const [subscription, refusal] of refusals) {
      if (!this.#subscriptions.has(subscription)) continue;
      this.#refused.add(subscription);
      subscription.onRefused?.(refusal);
    }
    this.#filters = this.#filtersOf(this.#accepted());
    if (refusals.size > 0 && this.#filters.length > 0) return this.#reopen();
    // Also the previous one: the gateway may have room for no other beside it.
    own.abort();
    this.#isBroken = true;
    const waitMs = this.#options.onFailed(error);
    if (waitMs !== undefined) this.#cancel = this.#options.delay(waitMs, () => this.#retry());
  }

  /** Returns the refusal of a stream with some subscriptions alone; undefined if the gateway accepts it. */
  async #refusalOf(subscriptions: readonly Subscription[], signal: AbortSignal): Promise<GatewayError | undefined> {
    try {
      const events = this.#options.open(this.#filtersOf(subscriptions), { since: undefined, signal });
      for await (const { type } of events) if (type === "connected") break;
      return undefined;
    } catch (error) {
      // Any other failure is for the stream itself, which is opened again.
      return this.#options.isRefusal(error) ? error : undefined;
    }
  }

  #deliver(event: StreamEvent, own: AbortController): void {
    if (event.type === "connected") this.#isBroken = false;
    if (isFinal(event)) this.#isBroken = true;
    if (own === this.#current) {
      if (event.type === "connected") {
        this.#isConnected = true;
        this.#needsRetained = false;
      }
      if (isFinal(event)) this.#isConnected = false;
    }
    if (event.type === "message") {
      if (this.#wasDelivered(event)) return;
      this.#position = laterOf(this.#position, event);
    }
    this.#options.onEvent(event);
    for (const subscription of this.#accepted()) {
      const { filters, onEvent } = subscription;
      if (event.type !== "message" || filters.some((filter) => this.#options.covers(filter, event.topic))) {
        onEvent(event);
      }
    }
  }

  /** Returns whether a message came by the previous stream already. Retained messages are for the new listeners. */
  #wasDelivered({ epoch, offset, retain }: Position & { readonly retain: boolean }): boolean {
    return !retain && epoch === this.#position?.epoch && offset <= this.#position.offset;
  }
}

function isFinal({ type }: StreamEvent): boolean {
  return type === "error" || type === "disconnected" || type === "end";
}
