/**
 * A client of the gateway. Needs `fetch` and WebCrypto, and nothing of Deno.
 *
 * @module
 */
import type { Position, StreamEvent } from "../protocol/event.ts";
import { Channel, type ChannelOptions } from "./channel.ts";
import { GatewayError } from "./gateway_error.ts";
import { openStream } from "./open_stream.ts";
import { resume } from "./resume.ts";

export { GatewayError };

/** Where the gateway is, the secret shared with it, and what the client takes from its platform. */
export interface GatewayClientOptions extends ChannelOptions {
  /** Spreads the waits of resumed subscriptions: draws from 0 up to but not including 1; `Math.random` by default. */
  readonly random?: () => number;
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
  /** Goes on after the event with this `epoch` and `offset`, as far as the gateway still remembers. */
  readonly since?: Position;
  /** Whether to stay connected while the broker is away, and be told by `offline` and `online`. */
  readonly keep?: boolean;
  /** Whether to subscribe again by itself after a stream ended. On by default. */
  readonly resume?: boolean;
  /** Ends the subscription at once: it then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Speaks with one gateway under one key. */
export class GatewayClient {
  readonly #channel: Channel;
  readonly #random: () => number;

  /**
   * Makes a client; nothing is sent yet.
   *
   * @throws {TypeError} if the key is not 64 hexadecimal characters
   */
  constructor(options: GatewayClientOptions) {
    this.#channel = new Channel(options);
    this.#random = options.random ?? Math.random;
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
   * Listens to MQTT topics until the caller leaves the loop or aborts the signal. The latter also works while nothing
   * comes.
   *
   * Once it was connected, the subscription survives its streams: an `error` or `disconnected` event tells that one
   * ended, or broke off, and later a new `connected` that messages come again, from where they ended. A `gap` after it
   * tells that some may be missing. With `resume: false` such an event is the last.
   *
   * @param filters topic filters, such as `home/+/temperature`
   * @throws {GatewayError} if the gateway did not accept the key, or could not be reached at first; with
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
   * Asks whether the gateway runs.
   *
   * @returns its status and version
   * @throws {GatewayError} if it does not say that it is well
   */
  async health(): Promise<{ readonly status: string; readonly version: string }> {
    const response = await this.#channel.send("/health", {});
    const health: unknown = await response.json().catch(() => undefined);
    if (response.ok && isRecord(health) && typeof health["version"] === "string" && health["status"] === "ok") {
      return { status: health["status"], version: health["version"] };
    }
    throw new GatewayError(response.status, `No gateway answers at ${this.#channel.url}`);
  }

  async #call(path: string, request: Record<string, unknown>, signal?: AbortSignal): Promise<Answer> {
    const response = await this.#channel.post(path, request, signal);
    return parseAnswer(await this.#channel.open(await response.text()));
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
