/**
 * Client of the gateway. Needs `fetch` and WebCrypto, and nothing of Deno.
 *
 * @module
 */
import type { Position, StreamEvent } from "../protocol/event.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import type { Version } from "../protocol/exchange.ts";
import type { Answer } from "./answer.ts";
import { Channel, type ChannelOptions } from "./channel.ts";
import { withDeadline } from "../lib/async.ts";
import { UnreachableError } from "./gateway_error.ts";
import { toBase64 } from "../protocol/bytes.ts";
import { isObject, tryParseJson } from "../lib/json.ts";
import { followJeedom, type JeedomEvent } from "./jeedom_events.ts";
import { openStream, type StreamRequestOptions } from "./open_stream.ts";
import {
  brokerFields,
  type CallOptions,
  type JeedomEventsOptions,
  type PublishOptions,
  type ServiceCallOptions,
  type StreamOptions,
  type SubscribeOptions,
  type WaitOptions,
} from "./request_options.ts";
import { resume } from "./resume.ts";
import { type Fields, ServiceClient } from "./service_client.ts";
import { noAnswerWithin, TIMEOUT_MS } from "./transport.ts";

export * from "./gateway_error.ts";
export type * from "./request_options.ts";
export type * from "./service_client.ts";
export type { Answer, ChannelOptions, JeedomEvent, Version };
export type { Clock } from "../lib/clock.ts";
export type * from "../protocol/event.ts";
export { pair, type PairedKey, type PairOptions } from "./pair.ts";
export { formatPairingUri, type Pairing, parsePairingUri } from "../protocol/pairing.ts";
export {
  formatPairingAppLink,
  formatPairingLink,
  type PairingLink,
  parsePairingLink,
} from "../protocol/pairing_link.ts";
export { EnvelopeError } from "../protocol/aead.ts";
export { decryptPush, generatePushReceiver, type PushReceiver } from "../protocol/push/message_encryption.ts";
export { importSecretKey, parseKey, type SecretKey, secretKeyFrom, type SecretKeyV1 } from "../protocol/secret_key.ts";

/** Address of the gateway, the secret shared with it, and the platform's functions. */
export interface GatewayClientOptions extends ChannelOptions {
  /** Returns a number from 0 up to but not including 1, for waits between retries; `Math.random` by default. */
  readonly random?: (() => number) | undefined;
}

/** Longest wait of Jeedom for an event, in seconds: most proxies cut a silent connection after 60 s. */
const LONG_POLLING_SECONDS = 50;

/**
 * Client of one gateway under one key.
 *
 * @example A call, and errors by their code
 * ```ts
 * import { GatewayClient, GatewayError } from "@e2e-gateway/client";
 *
 * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
 * try {
 *   const answer = await gateway.callJeedom("cmd::byId", { id: 3 });
 *   console.log(answer.status, answer.body);
 * } catch (error) {
 *   if (!(error instanceof GatewayError)) throw error;
 *   console.error(error.code, error.message);
 * }
 * ```
 */
export class GatewayClient extends ServiceClient {
  readonly #channel: Channel;
  readonly #random: () => number;

  /**
   * Makes a client; sends nothing yet.
   *
   * @throws {TypeError} if the key is not 64 hexadecimal characters or an imported key, the address not one of HTTP, or the
   *   protocol unknown or not that of the key
   *
   * @example From a pairing code
   * ```ts
   * import { GatewayClient, parsePairingUri } from "@e2e-gateway/client";
   *
   * const code = `e2eg://pair?url=https%3A%2F%2Fhome.example&name=phone#key=${"0123456789abcdef".repeat(4)}`;
   * const { url, key, name } = parsePairingUri(code);
   * const gateway = new GatewayClient({ url, key, keyName: name });
   * console.log(await gateway.health());
   * ```
   */
  constructor(options: GatewayClientOptions) {
    super();
    this.#channel = new Channel(options);
    this.#random = options.random ?? Math.random;
  }

  /**
   * Version of the protocol; undefined until the first request found it. Store 2, and pass it to the next client: that
   * one need not ask, and an attacker in between cannot downgrade it to version 1.
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const options = { url: "https://home.example", key: "0123456789abcdef".repeat(4) };
   * const first = new GatewayClient(options);
   * await first.callJeedom("ping");
   * const next = new GatewayClient({ ...options, protocol: first.protocol });
   * console.log(next.protocol); // 2
   * ```
   */
  get protocol(): Version | undefined {
    return this.#channel.protocol;
  }

  /**
   * Calls a service.
   *
   * @param service name of the service, such as `influxdb`
   * @param fields further fields of the request
   * @returns the answer of the service, whatever its status
   * @throws {GatewayError} if there is no answer of the service
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { status, body, members } = await gateway.call("http", { target: "frigate", path: "/api" });
   * console.log(status, body, members["headers"]);
   * ```
   */
  call(service: string, fields: Fields = {}, options: ServiceCallOptions = {}): Promise<Answer> {
    const { signal, timeout, compress } = options;
    return this.#call("/gateway", { ...fields, service, compress }, { signal, timeout });
  }

  /**
   * Yields the events of a service, as {@linkcode GatewayClient.subscribe} does those of MQTT topics.
   *
   * @param service name of the service
   * @param fields further fields of the request
   * @throws {GatewayError} as `subscribe` does
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * for await (const event of gateway.subscribeTo("mqtt", { topics: ["home/#"] })) {
   *   if (event.type !== "message") continue;
   *   console.log(event.topic, event.payload);
   *   break; // or go on
   * }
   * ```
   */
  subscribeTo(service: string, fields: Fields = {}, options: StreamOptions = {}): AsyncGenerator<StreamEvent, void> {
    return this.#subscribe({ ...fields, service }, "/subscribe", options);
  }

  /**
   * Calls a method of Jeedom's JSON-RPC API.
   *
   * @param method name of the method, such as `event::changes`
   * @param params parameters of the method
   * @returns Jeedom's answer, with its HTTP status
   * @throws {GatewayError} if there is no answer of Jeedom
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { status, body } = await gateway.callJeedom("cmd::byId", { id: 3 }, { timeout: 10_000 });
   * console.log(status, body);
   * ```
   */
  callJeedom(method: string, params?: Record<string, unknown>, options: CallOptions = {}): Promise<Answer> {
    const { signal, timeout, ...fields } = options;
    return this.#call("/gateway", { service: "jeedom", jsonrpc: method, params, ...fields }, { signal, timeout });
  }

  /**
   * Yields the events of Jeedom until the caller leaves the loop or aborts the signal. Each comes once. Temporary
   * failures are retried without notice; events of that time still come, as far as Jeedom keeps them: of the values of
   * one command, the newest.
   *
   * @throws {JeedomError} if Jeedom refuses
   * @throws {GatewayError} if the gateway refuses, or an answer is malformed; after five minutes of nothing but temporary
   *   failures, the last of them. Call again with `since`, the time of the last event
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * for await (const event of gateway.jeedomEvents()) {
   *   console.log(event.name, event.option);
   *   break; // or go on
   * }
   * ```
   */
  jeedomEvents(options: JeedomEventsOptions = {}): AsyncGenerator<JeedomEvent, void> {
    const { since, longPolling = LONG_POLLING_SECONDS, filter, signal, ...jeedom } = options;
    return followJeedom(
      (method, params, waitSeconds) =>
        this.callJeedom(method, params, { ...jeedom, signal, timeout: waitSeconds * 1000 + TIMEOUT_MS }),
      { since, longPolling, filter, signal, clock: this.#channel.clock, random: this.#random },
    );
  }

  /**
   * Publishes an MQTT message, and waits until the broker acknowledged it.
   *
   * @param message payload, as text or as bytes; null sends an empty one
   * @throws {GatewayError} if it was not published, or that is unknown
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * await gateway.publish("home/mode", "night", { qos: 1, retain: true });
   * await gateway.publish("home/picture", new Uint8Array([0xff, 0xd8, 0xff]));
   * ```
   */
  publish(topic: string, message: string | Uint8Array | null, options: PublishOptions = {}): Promise<Answer> {
    const { signal, timeout, qos, retain, ...broker } = options;
    const payload = message instanceof Uint8Array ? { payload_b64: toBase64(new Uint8Array(message)) } : { message };
    const request = { service: "mqtt", topic, ...payload, qos, retain, ...brokerFields(broker) };
    return this.#call("/mqtt/publish", request, { signal, timeout });
  }

  /**
   * Yields the events of MQTT topics until the caller leaves the loop or aborts the signal. The signal also works while
   * no event comes.
   *
   * Once it was connected, the subscription reconnects: an `error`, `disconnected` or `end` event says that its stream
   * ended or broke off, and a later `connected` that messages come again, from where they ended. A `gap` after it says
   * that some may be missing. After an `end` with `retry` it waits at least that long. With `resume: false` such an event
   * is the last.
   *
   * @param filters topic filters, such as `home/+/temperature`
   * @throws {GatewayError} if the gateway could not be reached at first, or refused, at first or later; with
   *   `resume: false`, if the stream broke off without a last event
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * for await (const event of gateway.subscribe(["home/#"], { signal: AbortSignal.timeout(60_000) })) {
   *   if (event.type !== "message") continue;
   *   console.log(event.topic, event.payload);
   *   break; // or go on
   * }
   * ```
   */
  subscribe(filters: readonly string[], options: SubscribeOptions = {}): AsyncGenerator<StreamEvent, void> {
    const { signal, qos, since, keep, resume, ...broker } = options;
    const request = { topics: filters, qos, ...brokerFields(broker) };
    return this.#subscribe(request, "/mqtt/subscribe", { signal, since, keep, resume });
  }

  /**
   * Asks whether the gateway runs. The answer is not authenticated, so it proves nothing.
   *
   * @returns status and version of the gateway
   * @throws {GatewayError} if the gateway does not answer, or is not healthy
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { version } = await gateway.health({ timeout: 5000 });
   * console.log(`Gateway ${version} runs`);
   * ```
   */
  async health(options: WaitOptions = {}): Promise<{ readonly status: string; readonly version: string }> {
    const { transport } = this.#channel;
    return await this.#withTimeout(options, async (signal) => {
      const health = parseHealth(await transport.readText(await transport.send("/health", { signal }), signal));
      if (health !== undefined) return health;
      throw new UnreachableError(`No gateway answers at ${transport.url}: something else does`);
    });
  }

  #call(route: Route, request: Record<string, unknown>, options: WaitOptions): Promise<Answer> {
    return this.#withTimeout(options, (signal) => this.#channel.call(request, { route, signal }));
  }

  #subscribe(
    fields: Fields,
    route: StreamRequestOptions["route"],
    { signal, since: begin, keep, resume: resumes = true }: StreamOptions,
  ): AsyncGenerator<StreamEvent, void> {
    const open = (since: Position | undefined) =>
      openStream(this.#channel, { ...fields, keep, since }, { route, signal });
    if (!resumes) return open(begin);
    return resume(open, { since: begin, clock: this.#channel.clock, random: this.#random, signal });
  }

  #withTimeout<T>(
    { timeout = TIMEOUT_MS, signal }: WaitOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return withDeadline(work, {
      clock: this.#channel.clock,
      timeout,
      timeoutError: () => noAnswerWithin(timeout),
      signal,
    });
  }
}

function parseHealth(json: string): { readonly status: string; readonly version: string } | undefined {
  const health = tryParseJson(json);
  if (!isObject(health) || health["status"] !== "ok" || typeof health["version"] !== "string") return undefined;
  return { status: health["status"], version: health["version"] };
}
