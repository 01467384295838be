/**
 * State of the screen: takes the events of the streams, and tells the components what changed once for each frame.
 *
 * @module
 */
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { StreamEvent } from "@e2e-gateway/client";
import type { StreamService } from "../../connection/home_streams.ts";
import { bytesOf, type Message } from "./model/message.ts";
import { Rate } from "./model/rate.ts";
import type { Topic } from "./model/topic.ts";
import { TopicStore } from "./model/topic_store.ts";
import { type Incident, StreamLog } from "./stream_log.ts";

/** Parts of the browser that the state uses. */
export interface SessionOptions {
  /** Returns the time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Calls a function before the next frame. */
  readonly requestFrame: (run: () => void) => void;
  /** Returns the lead of the gateway's clock, in milliseconds. */
  readonly clockDifference: () => number;
}

/** Shortest time between two updates of the rows themselves, in milliseconds: sorting them takes time. */
const STRUCTURE_MS = 250;

/** Most messages that are kept while the screen is paused, and their memory in bytes. */
const MAX_HELD = 20_000;
const MAX_HELD_BYTES = 16_000_000;

/** Distance from now, in milliseconds, from which a message counts as an earlier one: events have whole seconds. */
const LATE_MS = 3000;

/** State of the screen. */
export class LiveSession {
  /** Topics and messages. */
  readonly store = new TopicStore();
  readonly #options: SessionOptions;
  readonly #log = new StreamLog();
  readonly #rate = new Rate();
  readonly #versions = new Map<Topic, Signal<number>>();
  readonly #structure = signal(0);
  readonly #incidents = signal<readonly Incident[]>([]);
  readonly #isPaused = signal(false);
  readonly #heldCount = signal(0);
  #held: Message[] = [];
  #heldBytes = 0;
  #isScheduled = false;
  #hasNewTopics = false;
  #structureAt = 0;

  /** Makes the state of a screen that nothing came for yet. */
  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Changes when topics were added. */
  get structure(): ReadonlySignal<number> {
    return this.#structure;
  }

  /** What happened to the streams. */
  get incidents(): ReadonlySignal<readonly Incident[]> {
    return this.#incidents;
  }

  /** True while what comes is kept, but not shown. */
  get isPaused(): ReadonlySignal<boolean> {
    return this.#isPaused;
  }

  /** Number of messages that came since the screen was paused, as far as they are kept. */
  get held(): ReadonlySignal<number> {
    return this.#heldCount;
  }

  /** Returns the messages per second of all topics. */
  perSecond(): number {
    return this.#rate.perSecond(this.#options.now());
  }

  /** Changes with each frame before which a message of a topic came. */
  versionOf(topic: Topic): ReadonlySignal<number> {
    let version = this.#versions.get(topic);
    if (version === undefined) {
      version = signal(0);
      this.#versions.set(topic, version);
    }
    return version;
  }

  /** Takes an event of a stream. */
  hear(service: StreamService, event: StreamEvent): void {
    const now = this.#options.now();
    if (event.type !== "message") {
      if (this.#log.hear(service, event, now)) this.#incidents.value = this.#log.incidents;
      return;
    }
    const { topic, payload, payload_b64: base64, qos, retain: isRetained, timestamp } = event;
    const sentAt = timestamp * 1000 - this.#options.clockDifference();
    const at = Math.abs(now - sentAt) < LATE_MS ? now : sentAt;
    const message = { service, topic, payload, base64, qos, isRetained, at };
    if (!isRetained) this.#rate.count(now);
    if (this.#isPaused.peek()) this.#hold(message);
    else this.#add(message);
    this.#schedule();
  }

  /** Shows nothing new until it is resumed. */
  pause(): void {
    this.#isPaused.value = true;
  }

  /** Shows what came in the meantime. */
  resume(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const message of held) this.#add(message);
    batch(() => {
      this.#isPaused.value = false;
      this.#heldCount.value = 0;
    });
    this.#schedule();
  }

  #add(message: Message): void {
    if (this.store.add(message)) this.#hasNewTopics = true;
  }

  #hold(message: Message): void {
    this.#held.push(message);
    this.#heldBytes += bytesOf(message);
    if (this.#held.length <= MAX_HELD && this.#heldBytes <= MAX_HELD_BYTES) return;
    // The older half goes at once, which is told as a gap.
    const dropped = this.#held.splice(0, Math.ceil(this.#held.length / 2));
    this.#heldBytes = this.#held.reduce((bytes, one) => bytes + bytesOf(one), 0);
    this.#log.add("overflow", message.service, dropped.at(-1)?.at ?? message.at);
    this.#incidents.value = this.#log.incidents;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.requestFrame(() => this.#show());
  }

  #show(): void {
    this.#isScheduled = false;
    batch(() => {
      this.#heldCount.value = this.#held.length;
      for (const topic of this.store.takeDirty()) {
        const version = this.#versions.get(topic);
        if (version !== undefined) version.value += 1;
      }
      if (!this.#hasNewTopics) return;
      const now = this.#options.now();
      if (Math.abs(now - this.#structureAt) < STRUCTURE_MS) return this.#schedule();
      this.#hasNewTopics = false;
      this.#structureAt = now;
      this.#structure.value += 1;
    });
  }
}
