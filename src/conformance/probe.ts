/**
 * What the checks reach a gateway with: requests as they should be, and as they should not.
 *
 * @module
 */
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import { toHex } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import { type Exchange, openAnswer, sealRequest, type Version } from "../protocol/exchange.ts";
import { importSecretKey, type SecretKey } from "../protocol/secret_key.ts";
import { type Answer, type Fields, parseAnswer, type Refusal } from "./answer.ts";
import { withDeadline } from "../lib/async.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { Mismatch } from "./mismatch.ts";
import { Stream } from "./stream.ts";

/** For `POST /gateway`. */
export const HARMLESS: Fields = { service: "conformance" };

/** What it is answered with, once it is admitted. */
export const HARMLESS_ANSWER: Refusal = { status: 403, error: 'Unknown service: must be "jeedom" or "mqtt"' };

/** What the kit works with. */
export interface ProbeOptions {
  /** Address of the gateway, without a slash at the end. */
  readonly url: string;
  /** The key, 32 bytes. */
  readonly secret: Bytes;
  /** Topics of the checks are below this one. */
  readonly topic: string;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Where time comes from. It must agree with the gateway's. */
  readonly clock: Pick<Clock, "now" | "after">;
  /** Where nonces, salts and names of topics come from. */
  readonly random: RandomBytes;
}

/** A plain HTTP answer, read to its end. */
export interface Reply {
  /** HTTP status. */
  readonly status: number;
  /** Headers. */
  readonly headers: Headers;
  /** Body. */
  readonly text: string;
}

/** A request that is ready to be sent, any number of times. */
export interface SealedRequest {
  /** Where it is meant to go. */
  readonly route: Route;
  /** The body. */
  readonly text: string;
  /** Opens its answer. */
  readonly exchange: Exchange;
}

/** A request, and what came back. */
export interface Asked {
  /** The request. */
  readonly request: SealedRequest;
  /** The answer as it came. */
  readonly reply: Reply;
  /** What it says. */
  readonly answer: Answer;
}

/** How to seal otherwise than usual. */
export interface SealChoices {
  /** Another source of nonces and salts. */
  readonly random?: RandomBytes;
  /** Another key. */
  readonly key?: SecretKey;
}

/** Longest wait for an answer, in milliseconds: a gateway waits up to 30 s for Jeedom. */
const ANSWER_MS = 40_000;

/** Longest wait for a gateway that asks for patience, in seconds. A minute fills every burst again. */
const PATIENCE_SECONDS = 120;

/** Speaks one version with one gateway. */
export class Probe {
  /** Which version. */
  readonly version: Version;
  /** The key. */
  readonly key: SecretKey;
  readonly #options: ProbeOptions;

  private constructor(version: Version, { key, ...options }: ProbeOptions & { readonly key: SecretKey }) {
    this.version = version;
    this.key = key;
    this.#options = options;
  }

  /** Makes a probe. */
  static async make(version: Version, options: ProbeOptions): Promise<Probe> {
    return new Probe(version, { ...options, key: await importSecretKey(options.secret) });
  }

  /** The time, in seconds since 1970, with fractions. */
  get seconds(): number {
    return this.#options.clock.now() / 1000;
  }

  /** Random bytes. */
  random(length: number): Bytes {
    return this.#options.random(length);
  }

  /** A topic that nobody has used before. */
  freshTopic(): string {
    return `${this.#options.topic}/${toHex(this.random(8))}`;
  }

  /** Sends a plain HTTP request, again while the gateway asks for patience. */
  async send(path: string, init: () => RequestInit & { readonly method: string }): Promise<Reply> {
    const response = await this.#fetch(path, init);
    return { status: response.status, headers: response.headers, text: await this.#soon(response.text()) };
  }

  /** Posts a body as it is. */
  post(route: Route, body: string | Bytes, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send(route, () => ({ method: "POST", body, headers }));
  }

  /**
   * Seals a request.
   *
   * @param payload its text, or its fields; those get the time where they have no field `timestamp`
   */
  async seal(route: Route, payload: string | Fields, choices: SealChoices = {}): Promise<SealedRequest> {
    const { key = this.key, random = this.#options.random } = choices;
    const text = typeof payload === "string" ? payload : JSON.stringify({ timestamp: this.seconds, ...payload });
    return { route, ...await sealRequest(key, text, { version: this.version, route, random }) };
  }

  /**
   * Opens the answer to a request.
   *
   * @throws {Mismatch} if it is none
   */
  async open({ exchange }: SealedRequest, { status, text }: Reply): Promise<Answer> {
    if (status !== 200) throw new Mismatch(`HTTP ${status} instead of a sealed answer: ${text}`);
    const opened = await openAnswer(exchange, text).catch(() => {
      throw new Mismatch(`Answer does not open with the key of its request: ${text}`);
    });
    return parseAnswer(opened);
  }

  /** Seals a request, posts it and opens the answer; a new one while the key is over its pace. */
  async ask(route: Route, payload: string | Fields): Promise<Asked> {
    return await this.paced(async () => {
      const request = await this.seal(route, payload);
      const reply = await this.post(route, request.text);
      return { request, reply, answer: await this.open(request, reply) };
    }, ({ answer }) => answer.status === 429);
  }

  /** Asks for a stream; once more while the key is over its pace. The stream is to be closed. */
  async subscribe(fields: Fields): Promise<Stream> {
    return await this.paced(
      async () => await this.follow(await this.seal("/mqtt/subscribe", fields)),
      async (stream) => {
        const { type, message } = stream.first.event;
        const isOver = type === "error" && String(message).startsWith("Too many ");
        if (isOver) await stream[Symbol.asyncDispose]();
        return isOver;
      },
    );
  }

  /** Sends a sealed subscribe request. The stream is to be closed. */
  async follow({ route, text, exchange }: SealedRequest): Promise<Stream> {
    const response = await this.#fetch(route, () => ({ method: "POST", body: text }));
    return await Stream.begin(response, { exchange, clock: this.#options.clock });
  }

  /** Tries, and tries again a second later while that is over the pace of the key. */
  async paced<T>(attempt: () => Promise<T>, isOverPace: (result: T) => boolean | Promise<boolean>): Promise<T> {
    for (let tries = 0; tries < PATIENCE_SECONDS; tries++) {
      const result = await attempt();
      if (!await isOverPace(result)) return result;
      await sleep(1000, this.#options);
    }
    throw new Mismatch(`Key was over its pace for ${PATIENCE_SECONDS} s, with one request a second`);
  }

  async #fetch(path: string, init: () => RequestInit): Promise<Response> {
    for (let waited = 0; waited <= PATIENCE_SECONDS;) {
      const response = await this.#soon(this.#options.fetch(this.#options.url + path, init()));
      if (response.status !== 429) return response;
      await response.body?.cancel();
      const seconds = Number(response.headers.get("Retry-After"));
      if (!(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60)) {
        throw new Mismatch("HTTP 429 has no Retry-After of 1 to 60 s");
      }
      waited += seconds;
      await sleep(seconds * 1000, this.#options);
    }
    throw new Mismatch(`HTTP 429 for ${PATIENCE_SECONDS} s, although each Retry-After was kept`);
  }

  #soon<T>(work: Promise<T>): Promise<T> {
    return withDeadline(() => work, {
      clock: this.#options.clock,
      timeout: ANSWER_MS,
      timeoutError: () => new Mismatch(`No answer within ${ANSWER_MS / 1000} s`),
    });
  }
}
