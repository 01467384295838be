/**
 * A client of the gateway. Needs `fetch` and WebCrypto, and nothing of Deno.
 *
 * @module
 */
import { ServerSentEventParseStream } from "@std/http/server-sent-event-parse-stream";
import {
  importKey,
  openEnvelope,
  parseEnvelope,
  parseKey,
  randomBytes,
  type SealedText,
  sealEnvelope,
} from "../protocol/envelope.ts";
import { deriveKeyId, KEY_ID_HEADER } from "../protocol/key_id.ts";
import type { StreamEvent } from "../protocol/event.ts";

/** Where the gateway is, and the secret shared with it. */
export interface GatewayClientOptions {
  /** The gateway's address, such as `https://home.example.ts.net`. */
  readonly url: string;
  /** The key: 64 hexadecimal characters. */
  readonly key: string;
  /**
   * Whether to name the key by its public id, so that a gateway with many keys tries this one alone. Whoever sees the
   * headers can then tell the requests of this key from those of others. Off by default.
   */
  readonly nameKey?: boolean;
  /** Sends HTTP requests; the platform's own by default. */
  readonly fetch?: typeof fetch;
}

/** What the gateway answered, opened. */
export interface Answer {
  /** 200 for a success; otherwise what went wrong, in the way of HTTP. */
  readonly status: number;
  /** The service's answer; on errors a string with `{"error": …}` in it. */
  readonly body: unknown;
  /** The gateway's clock, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** Choices for a Jeedom call. */
export interface CallOptions {
  /** Jeedom's API key, where the gateway has none of its own. */
  readonly apikey?: string;
  /** Path of the API on the Jeedom server. */
  readonly endpoint?: string;
  /** Gives up the waiting; the call itself may still run. */
  readonly signal?: AbortSignal;
}

/** A broker other than the gateway's own, and a login for it. */
export interface BrokerOptions {
  /** Host name or address. */
  readonly brokerHost?: string;
  /** TCP port. */
  readonly brokerPort?: number;
  /** User name. */
  readonly username?: string;
  /** Password. */
  readonly password?: string;
}

/** Choices for a message. */
export interface PublishOptions extends BrokerOptions {
  /** Quality of service: 0, 1 or 2. */
  readonly qos?: 0 | 1 | 2;
  /** Whether the broker shall keep the message for later subscribers. */
  readonly retain?: boolean;
  /** Gives up the waiting; the message may still go out. */
  readonly signal?: AbortSignal;
}

/** Choices for a subscription. */
export interface SubscribeOptions extends BrokerOptions {
  /** Highest quality of service. */
  readonly qos?: 0 | 1 | 2;
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
}

/** The gateway refused a request, did not answer, or its answer could not be understood. */
export class GatewayError extends Error {
  /** Makes the error from the gateway's status, or 0 when nobody answered, and its words. */
  constructor(readonly status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "GatewayError";
  }
}

/** Speaks with one gateway under one key. */
export class GatewayClient {
  readonly #url: string;
  readonly #key: Promise<CryptoKey>;
  readonly #headers: Promise<Record<string, string>>;
  readonly #fetch: typeof fetch;

  /**
   * Makes a client; nothing is sent yet.
   *
   * @throws {TypeError} if the key is not 64 hexadecimal characters
   */
  constructor(options: GatewayClientOptions) {
    const secret = parseKey(options.key);
    if (secret === undefined) throw new TypeError("Key must be 64 hexadecimal characters");
    this.#url = options.url.replace(/\/+$/, "");
    this.#key = importKey(secret);
    this.#headers = options.nameKey
      ? deriveKeyId(secret).then((kid) => ({ [KEY_ID_HEADER]: kid }))
      : Promise.resolve({});
    this.#fetch = options.fetch ?? fetch;
  }

  /**
   * Calls a method of Jeedom's JSON-RPC API.
   *
   * @param method its name, such as `event::changes`
   * @param params its parameters
   * @returns Jeedom's answer, with its HTTP status
   * @throws {GatewayError} if the gateway did not accept the key
   */
  callJeedom(method: string, params?: Record<string, unknown>, options: CallOptions = {}): Promise<Answer> {
    const { signal, ...fields } = options;
    return this.#call("/gateway", { service: "jeedom", jsonrpc: method, params, ...fields }, signal);
  }

  /**
   * Publishes an MQTT message, and waits until the broker has it.
   *
   * @param message the payload; null sends an empty one
   * @throws {GatewayError} if the gateway did not accept the key
   */
  publish(topic: string, message: string | null, options: PublishOptions = {}): Promise<Answer> {
    const { signal, qos, retain, ...broker } = options;
    const request = { service: "mqtt", topic, message, qos, retain, ...brokerFields(broker) };
    return this.#call("/mqtt/publish", request, signal);
  }

  /**
   * Listens to MQTT topics. The last event says why the stream ended.
   *
   * @param filters topic filters, such as `home/+/temperature`
   * @throws {GatewayError} if the gateway did not accept the key, or the stream broke off without a last event
   */
  async *subscribe(filters: readonly string[], options: SubscribeOptions = {}): AsyncGenerator<StreamEvent, void> {
    const { signal, qos, ...broker } = options;
    const response = await this.#post("/mqtt/subscribe", { topics: filters, qos, ...brokerFields(broker) }, signal);
    if (response.body === null) throw new GatewayError(502, "Answer has no body");
    const events: ReadableStream<{ data?: string }> = response.body
      .pipeThrough(new ServerSentEventParseStream({ ignoreComments: true }));
    for await (const { data } of events) {
      if (data === undefined) continue;
      const event = parseEvent(await this.#open(data));
      yield event;
      if (event.type === "error" || event.type === "disconnected") return;
    }
    throw new GatewayError(0, "Stream broke off without a last event");
  }

  /**
   * Asks whether the gateway runs.
   *
   * @returns its status and version
   * @throws {GatewayError} if it does not say that it is well
   */
  async health(): Promise<{ readonly status: string; readonly version: string }> {
    const response = await this.#send("/health", {});
    const health: unknown = await response.json().catch(() => undefined);
    if (response.ok && isRecord(health) && typeof health["version"] === "string" && health["status"] === "ok") {
      return { status: health["status"], version: health["version"] };
    }
    throw new GatewayError(response.status, `No gateway answers at ${this.#url}`);
  }

  async #call(path: string, request: Record<string, unknown>, signal?: AbortSignal): Promise<Answer> {
    const response = await this.#post(path, request, signal);
    return parseAnswer(await this.#open(await response.text()));
  }

  async #post(path: string, request: Record<string, unknown>, signal?: AbortSignal): Promise<Response> {
    const body = await this.#seal({ ...request, timestamp: Date.now() / 1000 });
    const response = await this.#send(path, {
      method: "POST",
      headers: { ...await this.#headers, "Content-Type": "application/octet-stream" },
      body,
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.ok) return response;
    const refusal: unknown = await response.json().catch(() => undefined);
    const reason = isRecord(refusal) && typeof refusal["error"] === "string" ? refusal["error"] : response.statusText;
    throw new GatewayError(response.status, reason);
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(this.#url + path, init);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new GatewayError(0, `No gateway answers at ${this.#url}`, { cause: error });
    }
  }

  async #seal(value: unknown): Promise<SealedText> {
    return await sealEnvelope(await this.#key, JSON.stringify(value), randomBytes);
  }

  async #open(text: string): Promise<unknown> {
    try {
      return JSON.parse(await openEnvelope(await this.#key, parseEnvelope(text)));
    } catch (error) {
      throw new GatewayError(502, "Answer is not sealed with this key: is this the gateway?", { cause: error });
    }
  }
}

function brokerFields({ brokerHost, brokerPort, ...login }: BrokerOptions): Record<string, unknown> {
  return { broker_host: brokerHost, broker_port: brokerPort, ...login };
}

function parseAnswer(value: unknown): Answer {
  if (isRecord(value) && typeof value["status"] === "number" && typeof value["timestamp"] === "number") {
    return { status: value["status"], body: value["body"], timestamp: value["timestamp"] };
  }
  throw new GatewayError(502, "Answer has no status and timestamp");
}

const EVENT_TYPES: readonly unknown[] = ["connected", "message", "error", "disconnected"];

function parseEvent(value: unknown): StreamEvent {
  if (isStreamEvent(value)) return value;
  throw new GatewayError(502, "Event is of no known type");
}

function isStreamEvent(value: unknown): value is StreamEvent {
  return isRecord(value) && EVENT_TYPES.includes(value["type"]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
