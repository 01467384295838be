/**
 * A client of the gateway. Needs `fetch` and WebCrypto, and nothing of Deno.
 *
 * @module
 */
import type { Position, StreamEvent } from "../protocol/event.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import type { Version } from "../protocol/exchange.ts";
import type { Answer } from "./answer.ts";
import { Channel, type ChannelOptions } from "./channel.ts";
import { withDeadline } from "../lib/async.ts";
import { noAnswerWithin, UnreachableError } from "./gateway_error.ts";
import { toBase64 } from "../protocol/bytes.ts";
import { isObject } from "../lib/json.ts";
import { followJeedom, type JeedomEvent } from "./jeedom_events.ts";
import { openStream } from "./open_stream.ts";
import {
  brokerFields,
  type CallOptions,
  type JeedomEventsOptions,
  type PublishOptions,
  type SubscribeOptions,
  type WaitOptions,
} from "./request_options.ts";
import { resume } from "./resume.ts";

export * from "./gateway_error.ts";
export type * from "./request_options.ts";
export type { Answer, ChannelOptions, JeedomEvent, Version };
export type { Clock } from "../lib/clock.ts";
export type * from "../protocol/event.ts";
export { formatPairingUri, type Pairing, parsePairingUri } from "../protocol/pairing.ts";

/** Where the gateway is, the secret shared with it, and what the client takes from its platform. */
export interface GatewayClientOptions extends ChannelOptions {
  /** Spreads the waits between tries: draws from 0 up to but not including 1; `Math.random` by default. */
  readonly random?: (() => number) | undefined;
}

/** Longest wait for an answer, in milliseconds: longer than the gateway waits for Jeedom or a broker. */
const TIMEOUT_MS = 40_000;

/** How long Jeedom may wait for something to happen, in seconds: most proxies cut a silent connection after 60 s. */
const LONG_POLLING_SECONDS = 50;

/** Speaks with one gateway under one key. */
export class GatewayClient {
  readonly #channel: Channel;
  readonly #random: () => number;

  /**
   * Makes a client; nothing is sent yet.
   *
   * @throws {TypeError} if the key is not 64 hexadecimal characters, the address none of HTTP, or the protocol unknown
   */
  constructor(options: GatewayClientOptions) {
    this.#channel = new Channel(options);
    this.#random = options.random ?? Math.random;
  }

  /**
   * The version of the protocol; undefined before the first request found it. Store 2, and give it to the next client:
   * it then needs not ask, and nobody on the way can talk it into version 1.
   */
  get protocol(): Version | undefined {
    return this.#channel.protocol;
  }

  /**
   * Calls a method of Jeedom's JSON-RPC API.
   *
   * @param method its name, such as `event::changes`
   * @param params its parameters
   * @returns Jeedom's answer, with its HTTP status
   * @throws {GatewayError} if there is no answer of Jeedom's
   */
  callJeedom(method: string, params?: Record<string, unknown>, options: CallOptions = {}): Promise<Answer> {
    const { signal, timeout, ...fields } = options;
    return this.#call("/gateway", { service: "jeedom", jsonrpc: method, params, ...fields }, { signal, timeout });
  }

  /**
   * Listens to the events of Jeedom until the caller leaves the loop or aborts the signal. Each comes once. Failures
   * that may pass are waited out in silence; what happened meanwhile still comes, as far as Jeedom remembers: of each
   * command's values, the newest.
   *
   * @throws {JeedomError} if Jeedom refuses
   * @throws {GatewayError} if the gateway refuses, or something is not what it should be; after five minutes of nothing
   *   but failures that may pass, the last of them. Listen again with `since`, the time of the last event
   */
  jeedomEvents(options: JeedomEventsOptions = {}): AsyncGenerator<JeedomEvent, void> {
    const { since, longPolling = LONG_POLLING_SECONDS, filter, signal, ...jeedom } = options;
    return followJeedom(
      (method, params, patience) =>
        this.callJeedom(method, params, { ...jeedom, signal, timeout: patience * 1000 + TIMEOUT_MS }),
      { since, longPolling, filter, signal, clock: this.#channel.clock, random: this.#random },
    );
  }

  /**
   * Publishes an MQTT message, and waits until the broker has it.
   *
   * @param message the payload, as text or as bytes; null sends an empty one
   * @throws {GatewayError} if that did not happen, or it is not known
   */
  publish(topic: string, message: string | Uint8Array | null, options: PublishOptions = {}): Promise<Answer> {
    const { signal, timeout, qos, retain, ...broker } = options;
    const payload = message instanceof Uint8Array ? { payload_b64: toBase64(new Uint8Array(message)) } : { message };
    const request = { service: "mqtt", topic, ...payload, qos, retain, ...brokerFields(broker) };
    return this.#call("/mqtt/publish", request, { signal, timeout });
  }

  /**
   * Listens to MQTT topics until the caller leaves the loop or aborts the signal. The latter also works while nothing
   * comes.
   *
   * Once it was connected, the subscription survives its streams: an `error`, `disconnected` or `end` event tells that
   * one ended, or broke off, and later a new `connected` that messages come again, from where they ended. A `gap` after
   * it tells that some may be missing. After an `end` with `retry` it waits at least that long. With
   * `resume: false` such an event is the last.
   *
   * @param filters topic filters, such as `home/+/temperature`
   * @throws {GatewayError} if the gateway could not be reached at first, or refused, at first or later; with
   *   `resume: false`, if the stream broke off without a last event
   */
  subscribe(filters: readonly string[], options: SubscribeOptions = {}): AsyncGenerator<StreamEvent, void> {
    const { signal, qos, since: begin, keep, resume: resumes = true, ...broker } = options;
    const request = { topics: filters, qos, keep, ...brokerFields(broker) };
    const open = (since: Position | undefined) => openStream(this.#channel, { ...request, since }, { signal });
    if (!resumes) return open(begin);
    return resume(open, { since: begin, clock: this.#channel.clock, random: this.#random, signal });
  }

  /**
   * Asks whether the gateway runs. Needs no key, and so proves nothing.
   *
   * @returns its status and version
   * @throws {GatewayError} if it does not say that it is well
   */
  async health(options: WaitOptions = {}): Promise<{ readonly status: string; readonly version: string }> {
    const { transport } = this.#channel;
    return await this.#inTime(options, async (signal) => {
      const health = parseHealth(await transport.readText(await transport.send("/health", { signal }), signal));
      if (health !== undefined) return health;
      throw new UnreachableError(`No gateway answers at ${transport.url}: something else does`);
    });
  }

  #call(route: Route, request: Record<string, unknown>, options: WaitOptions): Promise<Answer> {
    return this.#inTime(options, (signal) => this.#channel.call(request, { route, signal }));
  }

  #inTime<T>({ timeout = TIMEOUT_MS, signal }: WaitOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(work, {
      clock: this.#channel.clock,
      timeout,
      timeoutError: () => noAnswerWithin(timeout),
      signal,
    });
  }
}

function parseHealth(json: string): { readonly status: string; readonly version: string } | undefined {
  try {
    const health: unknown = JSON.parse(json);
    if (!isObject(health) || health["status"] !== "ok" || typeof health["version"] !== "string") return undefined;
    return { status: health["status"], version: health["version"] };
  } catch {
    return undefined;
  }
}
