/**
 * Sealed requests to one gateway, in the version that it speaks, stamped with the time that it has.
 *
 * @module
 */
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import { type Exchange, openAnswer, sealRequest, type Version } from "../protocol/exchange.ts";
import { importSecretKey, KEY_ID_HEADER, parseKey, type SecretKey } from "../protocol/secret_key.ts";
import { type Answer, type OpenedAnswer, parseAnswer } from "./answer.ts";
import { type Clock, SYSTEM_CLOCK } from "../lib/clock.ts";
import { ExpiredError, NoWebCryptoError, TamperedError, WrongKeyError } from "./gateway_error.ts";
import { Negotiation } from "./negotiation.ts";
import { sealedRefusal } from "./refusal.ts";
import { Transport } from "./transport.ts";

/** Where the gateway is, and the secret shared with it. */
export interface ChannelOptions {
  /** The gateway's address, such as `https://home.example.ts.net`. */
  readonly url: string;
  /** The key: 64 hexadecimal characters. */
  readonly key: string;
  /** The key's name, from the pairing code: errors about the key tell it. */
  readonly keyName?: string | undefined;
  /**
   * The version of the protocol to speak. By default, `auto`, the client asks the gateway once, before its first
   * request. Keep what {@linkcode Channel.protocol} tells then: with 2, nobody on the way can talk a client into
   * version 1.
   */
  readonly protocol?: Version | "auto" | undefined;
  /**
   * Whether to name the key by its public id in version 1 as well, so that a gateway with many keys tries this one
   * alone. Whoever sees the headers can then tell the requests of this key from those of others. Off by default;
   * version 2 always names it.
   */
  readonly tellKeyId?: boolean | undefined;
  /** Sends HTTP requests; the platform's own by default. */
  readonly fetch?: typeof fetch | undefined;
  /** The time, for the stamps of requests and for waiting; the platform's own by default. */
  readonly clock?: Clock | undefined;
}

/** Where a request goes, and how long it is of interest. */
export interface RequestOptions {
  /** The route, to which it is bound in version 2. */
  readonly route: Route;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

/** A request that was sent, and what came back so far. */
export interface Sent {
  /** The beginning of the answer. */
  readonly response: Response;
  /** Opens what is in it. */
  readonly exchange: Exchange;
  /** When the request was stamped. */
  readonly stamp: RequestTimestamp;
}

/** The way to one gateway under one key. */
export class Channel {
  /** The platform's time; requests of version 2 are stamped with the gateway's. */
  readonly clock: Clock;
  /** Plain HTTP to the same gateway. */
  readonly transport: Transport;
  readonly #secret: Bytes;
  #key: Promise<SecretKey> | undefined;
  readonly #tellKeyId: boolean;
  readonly #negotiation: Negotiation;
  /** How far the gateway's clock is ahead, in milliseconds. */
  #offsetMs = 0;
  /** Whether the gateway has told of an answer that it made it itself: an older one never does. */
  #tellsMaker = false;

  /**
   * Makes a channel; nothing is sent yet.
   *
   * @throws {TypeError} if the key is not 64 hexadecimal characters, the address none of HTTP, or the protocol unknown
   */
  constructor({ url, key, keyName, protocol = "auto", tellKeyId = false, fetch, clock }: ChannelOptions) {
    const secret = parseKey(key);
    if (secret === undefined) throw new TypeError("Key must be 64 hexadecimal characters");
    if (![1, 2, "auto"].includes(protocol)) throw new TypeError(`Protocol must be 1, 2 or "auto", not ${protocol}`);
    this.transport = new Transport({ url, fetch, keyLabel: keyName === undefined ? "this key" : `key "${keyName}"` });
    this.clock = clock ?? SYSTEM_CLOCK;
    this.#secret = secret;
    this.#tellKeyId = tellKeyId;
    const version = protocol === "auto" ? undefined : protocol;
    this.#negotiation = new Negotiation(version, (signal) => this.#probe(signal));
  }

  /** The version of the protocol; undefined while it is not known. */
  get protocol(): Version | undefined {
    return this.#negotiation.version;
  }

  /**
   * Sends a request, and opens the answer. In version 2 a request that the gateway refused for its time, and that can
   * never have run, is sealed anew and sent once more; besides, nothing is ever sent twice.
   *
   * @throws {GatewayError} if there is no answer, or it is the gateway's own error
   */
  async call(request: Record<string, unknown>, options: RequestOptions): Promise<Answer> {
    const sent = await this.post(request, options);
    try {
      return await this.#accept(sent, options);
    } catch (error) {
      const gatewayTime = this.learnTime(error);
      if (gatewayTime === undefined || !sent.stamp.wasAlwaysTooOld(gatewayTime)) throw error;
    }
    return await this.#accept(await this.post(request, options), options);
  }

  /**
   * Seals a request, stamped with the time, and sends it.
   *
   * @throws {GatewayError} if nobody answered, or it was refused
   */
  async post(request: Record<string, unknown>, options: RequestOptions): Promise<Sent> {
    return await this.#post(request, { ...options, version: await this.#negotiation.agree(options.signal) });
  }

  /**
   * Corrects the time of later requests from a refusal. Not in version 1, where somebody on the way could play back an
   * old refusal, and so have a command sent twice.
   *
   * @returns the gateway's time as the refusal tells it, in seconds since 1970; undefined if it is none
   */
  learnTime(error: unknown): number | undefined {
    if (this.protocol !== 2 || !(error instanceof ExpiredError) || error.gatewayTime === undefined) return undefined;
    this.#correct(error.gatewayTime);
    return error.gatewayTime;
  }

  /** The error for an answer or event that is not what it should be. */
  tampered(what: string, cause?: unknown): TamperedError {
    const { keyLabel, url } = this.transport;
    return new TamperedError(`${what} is not sealed with ${keyLabel} for this request: check who answers at ${url}`, {
      cause,
    });
  }

  async #accept(sent: Sent, { route, signal }: RequestOptions): Promise<Answer> {
    const { answer, maker } = await this.#answer(sent, signal);
    // Of publishes, all answers are the gateway's.
    const isService = maker === "service" || maker === undefined && this.#tellsMaker && route !== "/mqtt/publish";
    const refusal = isService ? undefined : sealedRefusal(answer, { isTold: maker === "gateway" });
    if (refusal !== undefined) throw refusal;
    return answer;
  }

  /** Finds the version with a request that can run nothing, being far too old. */
  async #probe(signal: AbortSignal): Promise<Version> {
    try {
      const sent = await this.#post({}, { route: "/gateway", signal, version: 2, timestamp: 0 });
      // Whatever it says: only a gateway of version 2 with this key could seal it, and just now.
      this.#correct((await this.#answer(sent, signal)).answer.timestamp);
      return 2;
    } catch (error) {
      // A gateway that knows version 2 does not take this key in version 1 either: asking again would count as a second
      // failed attempt. That it said so is no proof, so nothing is remembered of it.
      if (error instanceof WrongKeyError && !error.knowsVersion2) return 1;
      throw error;
    }
  }

  async #post(
    request: Record<string, unknown>,
    { route, signal, version, timestamp }: RequestOptions & {
      readonly version: Version;
      readonly timestamp?: number;
    },
  ): Promise<Sent> {
    // Only here: asking for health takes neither key nor WebCrypto.
    requireWebCrypto();
    const key = await (this.#key ??= importSecretKey(this.#secret));
    const stamp = new RequestTimestamp(this.clock, version === 2 ? this.#offsetMs : 0);
    const stamped = { ...request, timestamp: timestamp ?? stamp.timestamp };
    const { text, exchange } = await sealRequest(key, JSON.stringify(stamped), { version, route, random: randomBytes });
    const keyId = version === 1 && this.#tellKeyId ? { [KEY_ID_HEADER]: key.kid } : {};
    const headers = { "Content-Type": "application/octet-stream", ...keyId };
    const response = await this.transport.send(route, { method: "POST", headers, body: text, signal });
    return { response, exchange, stamp };
  }

  async #answer({ response, exchange }: Sent, signal: AbortSignal): Promise<OpenedAnswer> {
    const text = await this.transport.readText(response, signal);
    const opened = await openAnswer(exchange, text).then(parseAnswer).catch((error) => {
      throw this.tampered("Answer", error);
    });
    if (opened === undefined) throw this.tampered("Answer");
    this.#tellsMaker ||= opened.maker === "gateway";
    return opened;
  }

  #correct(gatewayTime: number): void {
    this.#offsetMs = gatewayTime * 1000 - this.clock.now();
  }
}

/**
 * Browsers hide WebCrypto from pages that came over plain HTTP, except from the same machine (Web Cryptography API,
 * section 10.1: `[SecureContext]`); Node before 20 has no global one.
 *
 * @throws {NoWebCryptoError} if it is missing
 */
function requireWebCrypto(): void {
  const { crypto }: { readonly crypto?: { readonly subtle?: SubtleCrypto } } = globalThis;
  if (crypto?.subtle === undefined) throw new NoWebCryptoError();
}

/** How far a timestamp may be from the clock of a gateway whose `MAX_AGE_SECONDS` was left alone, in seconds. */
const MAX_AGE_SECONDS = 60;

/** The time of a request. */
export class RequestTimestamp {
  /** What the request says, in seconds since 1970. */
  readonly timestamp: number;
  readonly #clock: Clock;
  readonly #wall: number;
  readonly #monotonic: number;

  /** Takes the time now, of a clock that is behind the gateway's by some milliseconds. */
  constructor(clock: Clock, behindMs: number) {
    this.#clock = clock;
    this.#wall = clock.now();
    this.#monotonic = clock.monotonic();
    this.timestamp = (this.#wall + behindMs) / 1000;
  }

  /**
   * Tells whether the request was too old for the gateway ever since it was sealed. Only then no copy of it can have
   * run before this one was refused, and none ever will: see docs/protocol.md, Correcting the clock.
   *
   * @param gatewayTime what the refusal says, in seconds since 1970
   */
  wasAlwaysTooOld(gatewayTime: number): boolean {
    // One of them may have been set meanwhile, the other one may have slept.
    const elapsedMs = Math.max(this.#clock.now() - this.#wall, this.#clock.monotonic() - this.#monotonic);
    return gatewayTime - this.timestamp > MAX_AGE_SECONDS + elapsedMs / 1000;
  }
}
