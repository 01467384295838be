/**
 * Client of the checks: sends valid and invalid requests to a gateway.
 *
 * @module
 */
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import { toHex } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import { type Exchange, openAnswer, sealRequest, type Version } from "../protocol/exchange.ts";
import { importSecretKey, type SecretKeyV1 } from "../protocol/secret_key.ts";
import { type CheckedAnswer, type Fields, parseAnswer, type Refusal } from "./answer.ts";
import { withDeadline } from "../lib/async.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { Mismatch } from "./mismatch.ts";
import { Stream } from "./stream.ts";

/** Request to `POST /gateway` that runs nothing, whatever rights the key has. */
export const HARMLESS: Fields = { service: "conformance" };

/** Answer to {@linkcode HARMLESS}, once it is admitted. */
export const HARMLESS_ANSWER: Refusal = { status: 403, error: 'Unknown service: must be "' };

/** Gateway to check, and what a probe uses of the platform. */
export interface ProbeOptions {
  /** Address of the gateway, without a slash at the end. */
  readonly url: string;
  /** Key, 32 bytes. */
  readonly secret: Bytes;
  /** Parent topic of all topics of the checks. */
  readonly topic: string;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Clock, which must agree with the gateway's. */
  readonly clock: Pick<Clock, "now" | "after">;
  /** Source of nonces, salts and names of topics. */
  readonly random: RandomBytes;
}

/** Plain HTTP response with its whole body. */
export interface ProbeReply {
  /** HTTP status. */
  readonly status: number;
  /** Headers. */
  readonly headers: Headers;
  /** Body. */
  readonly text: string;
}

/** Sealed request, which can be sent any number of times. */
export interface SealedRequest {
  /** Route that it was sealed for. */
  readonly route: Route;
  /** Body. */
  readonly text: string;
  /** Opens the answer. */
  readonly exchange: Exchange;
}

/** Request and its answer. */
export interface Asked {
  /** Request. */
  readonly request: SealedRequest;
  /** Response with the sealed answer. */
  readonly reply: ProbeReply;
  /** Opened answer. */
  readonly answer: CheckedAnswer;
}

/** Options for sealing a request. */
export interface SealOptions {
  /** Source of nonces and salts; that of the probe by default. */
  readonly random?: RandomBytes;
  /** Key; that of the probe by default. */
  readonly key?: SecretKeyV1;
}

/** Longest wait for an answer, in milliseconds: a gateway waits up to 30 s for Jeedom. */
const ANSWER_MS = 40_000;

/** Longest wait for a rate limit, in seconds: a minute refills every burst. */
const MAX_LIMITED_SECONDS = 120;

/** Client of one gateway in one version of the protocol. */
export class Probe {
  /** Version of the protocol. */
  readonly version: Version;
  /** Key. */
  readonly key: SecretKeyV1;
  readonly #options: ProbeOptions;

  private constructor(version: Version, key: SecretKeyV1, options: ProbeOptions) {
    this.version = version;
    this.key = key;
    this.#options = options;
  }

  /** Makes a probe. */
  static async make(version: Version, options: ProbeOptions): Promise<Probe> {
    return new Probe(version, await importSecretKey(options.secret), options);
  }

  /** Current time, in seconds since 1970, with fractions. */
  get seconds(): number {
    return this.#options.clock.now() / 1000;
  }

  /** Returns random bytes. */
  random(length: number): Bytes {
    return this.#options.random(length);
  }

  /** Returns an unused topic. */
  freshTopic(): string {
    return `${this.#options.topic}/${toHex(this.random(8))}`;
  }

  /** Sends a plain HTTP request; repeats it while the address is over its rate limit. */
  async send(path: string, init: () => RequestInit & { readonly method: string }): Promise<ProbeReply> {
    const response = await this.#fetch(path, init);
    return { status: response.status, headers: response.headers, text: await this.#withDeadline(response.text()) };
  }

  /** Posts a body unchanged. */
  post(route: Route, body: string | Bytes, headers: Record<string, string> = {}): Promise<ProbeReply> {
    return this.send(route, () => ({ method: "POST", body, headers }));
  }

  /**
   * Seals a request.
   *
   * @param payload text, or fields, which get the current time where they have no field `timestamp`
   */
  async seal(route: Route, payload: string | Fields, options: SealOptions = {}): Promise<SealedRequest> {
    const { key = this.key, random = this.#options.random } = options;
    const text = typeof payload === "string" ? payload : JSON.stringify({ timestamp: this.seconds, ...payload });
    return { route, ...await sealRequest(key, text, { version: this.version, route, random }) };
  }

  /**
   * Opens the answer to a request.
   *
   * @throws {Mismatch} if there is none, or it does not open
   */
  async open({ exchange }: SealedRequest, { status, text }: ProbeReply): Promise<CheckedAnswer> {
    if (status !== 200) throw new Mismatch(`HTTP ${status} instead of a sealed answer: ${text}`);
    const opened = await openAnswer(exchange, text).catch(() => {
      throw new Mismatch(`Answer does not open with the key of its request: ${text}`);
    });
    return parseAnswer(opened);
  }

  /** Seals a request, posts it and opens the answer; sends a new one while the key is over its rate limit. */
  async ask(route: Route, payload: string | Fields): Promise<Asked> {
    return await this.retryWhileLimited(async () => {
      const request = await this.seal(route, payload);
      const reply = await this.post(route, request.text);
      return { request, reply, answer: await this.open(request, reply) };
    }, ({ answer }) => answer.status === 429);
  }

  /** Subscribes; again while the key is over its rate limit. The caller closes the stream. */
  async subscribe(fields: Fields): Promise<Stream> {
    return await this.retryWhileLimited(
      async () => await this.openStream(await this.seal("/mqtt/subscribe", fields)),
      async (stream) => {
        const { type, message } = stream.first.event;
        const isLimited = type === "error" && String(message).startsWith("Too many ");
        if (isLimited) await stream[Symbol.asyncDispose]();
        return isLimited;
      },
    );
  }

  /** Sends a sealed subscribe request. The caller closes the stream. */
  async openStream({ route, text, exchange }: SealedRequest): Promise<Stream> {
    const response = await this.#fetch(route, () => ({ method: "POST", body: text }));
    return await Stream.begin(response, { exchange, clock: this.#options.clock });
  }

  /** Repeats an attempt once a second while the key is over its rate limit. */
  async retryWhileLimited<T>(
    attempt: () => Promise<T>,
    isLimited: (result: T) => boolean | Promise<boolean>,
  ): Promise<T> {
    for (let tries = 0; tries < MAX_LIMITED_SECONDS; tries++) {
      const result = await attempt();
      if (!await isLimited(result)) return result;
      await sleep(1000, this.#options);
    }
    throw new Mismatch(`Key was over its rate limit for ${MAX_LIMITED_SECONDS} s, with one request a second`);
  }

  async #fetch(path: string, init: () => RequestInit): Promise<Response> {
    for (let waited = 0; waited <= MAX_LIMITED_SECONDS;) {
      const response = await this.#withDeadline(this.#options.fetch(this.#options.url + path, init()));
      if (response.status !== 429) return response;
      await response.body?.cancel();
      const seconds = Number(response.headers.get("Retry-After"));
      if (!(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60)) {
        throw new Mismatch("HTTP 429 has no Retry-After of 1 to 60 s");
      }
      waited += seconds;
      await sleep(seconds * 1000, this.#options);
    }
    throw new Mismatch(`HTTP 429 for ${MAX_LIMITED_SECONDS} s, although each Retry-After was kept`);
  }

  #withDeadline<T>(work: Promise<T>): Promise<T> {
    return withDeadline(() => work, {
      clock: this.#options.clock,
      timeout: ANSWER_MS,
      timeoutError: () => new Mismatch(`No answer within ${ANSWER_MS / 1000} s`),
    });
  }
}
