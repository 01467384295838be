/**
 * One attempt to send a message: from the stored message to what becomes of it.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import type { HostPattern } from "../net/egress.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { formatNotification, parseNotification } from "../protocol/push/notification.ts";
import type { QueuedMessage, SettledMessage, StoredSubscription } from "../store/state/push_store.ts";
import { type DeliveryStep, nextStep, type PushAnswer } from "./delivery.ts";
import type { DeliveryDropReason } from "./delivery_telemetry.ts";
import { BROWSER_PUSH_HOSTS, parseEndpoint, resolvedAddressFault } from "./endpoint.ts";
import { type PushNetwork, sendPush, type SendResult } from "./push_connection.ts";
import { makePushRequest, type PushRequest } from "./push_request.ts";
import type { VapidTokens } from "./vapid.ts";

/** Collaborators of an attempt. */
export interface DeliveryOptions {
  /** Opens connections. */
  readonly network: PushNetwork;
  /** Tokens for the push services. */
  readonly tokens: VapidTokens;
  /** Hosts of push services that the operator allows besides those of the browsers. */
  readonly allowedHosts: readonly HostPattern[];
  /** Returns whether the key of a subscription is in force. */
  readonly isInForce: (subscription: StoredSubscription) => boolean;
  /** Clock. */
  readonly clock: Clock;
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Makes salts. */
  readonly randomBytes: RandomBytes;
}

/** Signals that end attempts. */
export interface DeliverySignals {
  /** Ends attempts that have sent nothing yet. */
  readonly stop: AbortSignal;
  /** Ends all. */
  readonly abort: AbortSignal;
}

/** Outcome of an attempt. */
export interface DeliveryResult {
  /** What becomes of the message. */
  readonly outcome: DeliveryOutcome;
  /** Reason for the log; it holds neither the endpoint nor the text. */
  readonly reason?: string | undefined;
}

/** What becomes of a message. */
export type DeliveryOutcome =
  | {
    /** Distinguishes it: sent, expired, or the subscription is gone. */
    readonly type: "sent" | "expired" | "gone";
  }
  | Extract<SettledMessage, { readonly type: "retry" }>
  | {
    /** Distinguishes it: the message is given up. */
    readonly type: "dropped";
    /** Reason. */
    readonly reason: DeliveryDropReason;
  };

/** Longest time of an attempt, in milliseconds. */
const SEND_TIMEOUT_MS = 30_000;

/** Longest text of a message that was too large, in bytes: a quarter of what every push service must accept. */
const SHORTENED_BYTES = 1000;

/** Attempts to send messages. */
export class DeliveryAttempts {
  readonly #options: DeliveryOptions;
  readonly #signals: DeliverySignals;
  readonly #allowed: readonly HostPattern[];

  /** Sends nothing yet. */
  constructor(options: DeliveryOptions, signals: DeliverySignals) {
    this.#options = options;
    this.#signals = signals;
    this.#allowed = [...BROWSER_PUSH_HOSTS, ...options.allowedHosts];
  }

  /** Sends a message to its subscription once. Never rejects. */
  async attempt(message: QueuedMessage, subscription: StoredSubscription): Promise<DeliveryResult> {
    const { clock, isInForce } = this.#options;
    if (!isInForce(subscription)) return dropped("key");
    const endpoint = this.#parse(subscription);
    if (endpoint instanceof Error) return dropped("not_allowed", `the endpoint ${endpoint.message}`);
    if (message.expires <= clock.now()) return { outcome: { type: "expired" } };
    const request = await this.#makeRequest(message, subscription, endpoint);
    if (request instanceof Error) return dropped("invalid", errorText(request));
    const result = await this.#send(request, endpoint);
    switch (result.type) {
      case "not_allowed":
        return dropped("not_allowed", `the host ${result.reason}`);
      case "unconfirmed":
        return dropped("unconfirmed", result.reason);
      case "unsent":
        // It waits for the next start.
        if (this.#signals.stop.aborted) return { outcome: { type: "retry", at: clock.now() } };
        return { outcome: this.#next(message, undefined), reason: result.reason };
      case "answered":
        // A new token may be accepted, such as after a step of the clock.
        if ([401, 403].includes(result.answer.status)) this.#options.tokens.forget(endpoint);
        return { outcome: this.#next(message, result.answer), reason: `HTTP ${result.answer.status}` };
    }
  }

  #parse({ endpoint }: StoredSubscription): URL | Error {
    try {
      return parseEndpoint(endpoint, this.#allowed);
    } catch (error) {
      return error instanceof Error ? error : new Error("is not valid");
    }
  }

  async #makeRequest(
    message: QueuedMessage,
    { p256dh, auth }: StoredSubscription,
    endpoint: URL,
  ): Promise<PushRequest | Error> {
    const { tokens, clock, randomBytes } = this.#options;
    try {
      const now = clock.now();
      const authorization = await tokens.authorization(endpoint, now);
      return await makePushRequest(message, { keys: { p256dh, auth } }, { authorization, now, randomBytes });
    } catch (error) {
      return error instanceof Error ? error : new Error("It cannot be encrypted");
    }
  }

  async #send(request: PushRequest, endpoint: URL): Promise<SendResult> {
    const { network, clock, allowedHosts } = this.#options;
    const timeout = new AbortController();
    const cancel = clock.after(SEND_TIMEOUT_MS, () => timeout.abort());
    try {
      return await sendPush(network, {
        ...request,
        endpoint,
        addressFault: (address) => resolvedAddressFault(address, endpoint, allowedHosts),
        signal: AbortSignal.any([timeout.signal, this.#signals.abort]),
        connectSignal: this.#signals.stop,
      });
    } finally {
      cancel();
    }
  }

  #next(message: QueuedMessage, answer: PushAnswer | undefined): DeliveryOutcome {
    const { clock, random } = this.#options;
    const { attempts: count, expires, isShortened } = message;
    const now = clock.now();
    return outcomeOf(nextStep({ answer, count, expires, isShortened }, { now, random }), message, now);
  }
}

function outcomeOf(step: DeliveryStep, { text }: QueuedMessage, now: number): DeliveryOutcome {
  switch (step.type) {
    case "shorten": {
      const shortened = shorten(text);
      return shortened === undefined ? { type: "dropped", reason: "too_large" } : { type: "retry", at: now, shortened };
    }
    case "dropped":
      return step.reason === "expired" ? { type: "expired" } : { type: "dropped", reason: step.reason };
    default:
      return step;
  }
}

/** Returns a shorter text of a message; undefined if there is none. */
function shorten(text: string): string | undefined {
  const notification = parseNotification(text);
  if (notification === undefined) return undefined;
  try {
    const shortened = formatNotification(notification, SHORTENED_BYTES);
    return shortened.length < text.length ? shortened : undefined;
  } catch {
    return undefined;
  }
}

function dropped(reason: DeliveryDropReason, text?: string): DeliveryResult {
  return { outcome: { type: "dropped", reason }, reason: text };
}
