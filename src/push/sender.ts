/**
 * Sending of the messages that wait in the store: one at a time for each subscription, a few for each push service.
 *
 * @module
 */
import { withDeadline } from "../lib/async.ts";
import { Backoff } from "../lib/backoff.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import type { HostPattern } from "../net/egress.ts";
import type { Log } from "../observability/log.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import type { PushStore, QueuedMessage, SettledMessage, StoredSubscription } from "../store/state/push_store.ts";
import { DeliveryAttempts } from "./delivery_attempt.ts";
import type { DeliveryTelemetry } from "./delivery_telemetry.ts";
import type { PushNetwork } from "./push_connection.ts";
import type { VapidTokens } from "./vapid.ts";

/** Collaborators of the sender. */
export interface SenderOptions {
  /** Store with the messages. */
  readonly store: PushStore;
  /** Opens connections. */
  readonly network: PushNetwork;
  /** Tokens for the push services. */
  readonly tokens: VapidTokens;
  /** Hosts of push services that the operator allows besides those of the browsers. */
  readonly allowedHosts: readonly HostPattern[];
  /** Returns whether the key of a subscription is in force; its messages are given up while it is not. */
  readonly isInForce: (subscription: StoredSubscription) => boolean;
  /** Clock. */
  readonly clock: Clock;
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Makes salts. */
  readonly randomBytes: RandomBytes;
  /** Counts what becomes of messages. */
  readonly telemetry: DeliveryTelemetry;
  /** Logger, which gets neither endpoints nor texts. */
  readonly log: Log;
}

/** Most messages that are sent at a time. */
const MAX_SENDING = 16;

/** Most messages that are sent at a time to one push service: a slow one leaves room for the others. */
const MAX_SENDING_PER_HOST = 4;

/** Most messages that are sent at a time to the devices of one key, which may be at slow services of its holder. */
const MAX_SENDING_PER_KEY = 8;

/** Longest wait without looking into the store, in milliseconds: the clock may be set, and other processes may add. */
const MAX_IDLE_MS = 60_000;

/** Shortest wait after a look at messages that were due and could not be claimed, in milliseconds. */
const MIN_IDLE_MS = 100;

/** Longest wait at the end for answers to what was sent, in milliseconds. */
const STOP_TIMEOUT_MS = 1500;

/** Longest wait after that for the store, in milliseconds. */
const ABORT_TIMEOUT_MS = 300;

/** Message that is being sent. */
interface Sending {
  readonly host: string;
  readonly key: string;
  readonly done: Promise<void>;
}

/** Sends messages until it is stopped. */
export class PushSender {
  readonly #options: SenderOptions;
  readonly #attempts: DeliveryAttempts;
  /** Messages that are being sent, by their subscription. */
  readonly #sending = new Map<string, Sending>();
  readonly #stopping = new AbortController();
  readonly #aborting = new AbortController();
  #isAwake = false;
  /** True once no other process sends. */
  #isAlone = false;
  #wake = () => {};
  #running: Promise<void> | undefined;

  /** Sends nothing yet. */
  constructor(options: SenderOptions) {
    this.#options = options;
    this.#attempts = new DeliveryAttempts(options, { stop: this.#stopping.signal, abort: this.#aborting.signal });
  }

  /** Begins to send, once no other process does. What a process that was killed had marked is given up first. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Looks into the store at once: messages were added. */
  wake(): void {
    this.#isAwake = true;
    this.#wake();
  }

  /** Number of messages that are being sent. */
  get sending(): number {
    return this.#sending.size;
  }

  /**
   * Stops. A message that is not yet sent waits in the store for the next start; one that is sent has 1.5 s for its
   * answer.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    // While another process sends, the store lets this one wait until it is closed.
    if (!this.#isAlone) return;
    await this.#within(STOP_TIMEOUT_MS);
    this.#aborting.abort();
    await this.#within(ABORT_TIMEOUT_MS);
  }

  /** Waits until nothing is being sent, but no longer than a time in milliseconds. */
  async #within(timeout: number): Promise<void> {
    const ended = async () => {
      await this.#running;
      await Promise.all([...this.#sending.values()].map(({ done }) => done));
    };
    const { clock } = this.#options;
    await withDeadline(ended, { clock, timeout, timeoutError: () => new Error("Too slow") }).catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      let wait = MAX_IDLE_MS;
      await this.#untilDone("Push messages are not sent", async () => void (wait = await this.#startDue()));
      await this.#idle(wait);
    }
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Starts to send what is due, as far as the limits allow. Returns the wait until the next look, in milliseconds. */
  async #startDue(): Promise<number> {
    const { store, clock, telemetry } = this.#options;
    const interrupted = await store.dropInterrupted();
    if (interrupted > 0) telemetry.dropped("interrupted", interrupted);
    this.#isAlone = true;
    while (!this.#isStopped && this.#sending.size < MAX_SENDING) {
      const busy = await this.#busySubscriptions();
      const { due: [message], expired } = await store.claimMessages(clock.now(), 1, busy);
      if (expired > 0) telemetry.expired(expired);
      if (message === undefined) {
        const { next } = await store.queueState(busy);
        return next === undefined ? MAX_IDLE_MS : Math.max(MIN_IDLE_MS, next - clock.now());
      }
      await this.#startMessage(message);
    }
    // The end of any message wakes it.
    return MAX_IDLE_MS;
  }

  /** Returns the subscriptions whose push service or whose key gets as many messages as it may at a time. */
  async #busySubscriptions(): Promise<readonly string[]> {
    const hosts = mostFrequent([...this.#sending.values()].map(({ host }) => host), MAX_SENDING_PER_HOST);
    const keys = mostFrequent([...this.#sending.values()].map(({ key }) => key), MAX_SENDING_PER_KEY);
    if (hosts.size === 0 && keys.size === 0) return [];
    const subscriptions = await this.#options.store.listSubscriptions();
    return subscriptions.filter((one) => hosts.has(serviceOf(one)) || keys.has(one.key)).map(({ id }) => id);
  }

  async #startMessage(message: QueuedMessage): Promise<void> {
    const { store, log } = this.#options;
    const { subscription: id } = message;
    // Marked already, so it must be settled whatever happens.
    const found = await store.listSubscriptions().catch((error) => {
      log.warn("Subscriptions for push messages cannot be read: {reason}", { reason: errorText(error) });
      return undefined;
    });
    const subscription = found?.find((one) => one.id === id);
    const work = found === undefined
      ? this.#settle(message, { type: "retry", at: this.#options.clock.now() + MIN_IDLE_MS })
      : this.#deliver(message, subscription);
    const done = work.finally(() => {
      this.#sending.delete(id);
      this.wake();
    });
    const host = subscription === undefined ? "" : serviceOf(subscription);
    this.#sending.set(id, { host, key: subscription?.key ?? "", done });
  }

  /** Sends a message, and ends its attempt in the store. Never rejects. */
  async #deliver(message: QueuedMessage, subscription: StoredSubscription | undefined): Promise<void> {
    const { telemetry, log, store, clock } = this.#options;
    if (subscription === undefined) {
      telemetry.dropped("removed", 1);
      await this.#settle(message, { type: "dropped", now: clock.now() });
      return;
    }
    const { outcome, reason } = await this.#attempts.attempt(message, subscription);
    const about = { host: serviceOf(subscription), id: subscription.id, key: subscription.key };
    switch (outcome.type) {
      case "sent":
        telemetry.sent();
        break;
      case "expired":
        telemetry.expired(1);
        break;
      case "gone":
        log.info("Push service {host} has ended the subscription {id} of {key}: it is removed", about);
        await this.#untilDone("A subscription that has ended is not removed", async () => {
          const waiting = await store.removeSubscription(subscription.id);
          telemetry.dropped("gone", 1 + (waiting ?? 0));
        });
        return;
      case "dropped":
        telemetry.dropped(outcome.reason, 1);
        log.warn("A push message for the subscription {id} of {key} at {host} is given up: {reason}", {
          ...about,
          reason: reason ?? outcome.reason,
        });
        break;
      case "retry":
        if (reason !== undefined && message.attempts === 1) {
          log.warn("A push message for the subscription {id} of {key} at {host} waits: {reason}", { ...about, reason });
        }
        break;
    }
    const now = clock.now();
    switch (outcome.type) {
      case "sent":
        return await this.#settle(message, { type: "sent", now });
      case "retry":
        return await this.#settle(message, outcome);
      default:
        return await this.#settle(message, { type: "dropped", now });
    }
  }

  async #settle({ id }: QueuedMessage, outcome: SettledMessage): Promise<void> {
    const { store, telemetry } = this.#options;
    await this.#untilDone("The outcome of a push message is not stored", async () => {
      const result = await store.settleMessage(id, outcome);
      // What was sent or given up is counted already.
      if (outcome.type !== "retry") return;
      if (result === "replaced") telemetry.replaced(1);
      if (result === "gone") telemetry.dropped("removed", 1);
    });
  }

  /** Repeats work with the store until it succeeds, or the sender is stopped, and reports each reason once. Never rejects. */
  async #untilDone(problem: string, work: () => Promise<void>): Promise<void> {
    const { log, random, clock } = this.#options;
    const backoff = new Backoff(random);
    let reported: string | undefined;
    while (true) {
      try {
        return await work();
      } catch (error) {
        if (this.#isStopped) return;
        const reason = errorText(error);
        if (reason !== reported) log.error(`${problem}: {reason}`, { reason });
        reported = reason;
      }
      await sleep(backoff.next(), { clock, signal: this.#stopping.signal }).catch(() => {});
    }
  }

  /** Waits, until it is woken. */
  async #idle(ms: number): Promise<void> {
    if (!this.#isAwake) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const { clock, store } = this.#options;
      const cancel = clock.after(Math.min(ms, store.pollMs ?? MAX_IDLE_MS), resolve);
      await promise;
      cancel();
    }
    this.#isAwake = false;
  }
}

/** Returns the texts that occur at least so often. */
function mostFrequent(texts: readonly string[], times: number): ReadonlySet<string> {
  const groups = Map.groupBy(texts, (text) => text);
  return new Set([...groups].filter(([, same]) => same.length >= times).map(([text]) => text));
}

/** Returns the host and port of a subscription's push service; the endpoint itself is secret. */
function serviceOf({ endpoint }: StoredSubscription): string {
  return URL.parse(endpoint)?.host ?? "";
}
