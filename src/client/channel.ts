/**
 * Sealed requests to one gateway, in its version of the protocol, with timestamps by its clock.
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

/** Address of the gateway, the secret shared with it, and the platform's functions. */
export interface ChannelOptions {
  /** Address of the gateway, such as `https://home.example.ts.net`. */
  readonly url: string;
  /** The key: 64 hexadecimal characters, or an imported one, such as from `secretKeyFrom`. */
  readonly key: string | SecretKey;
  /** Name of the key, from the pairing code, for error messages. */
  readonly keyName?: string | undefined;
  /**
   * Version of the protocol. By default, `auto`, the client asks the gateway once, before its first request; with a key
   * that was imported for version 2 only, `auto` is 2. Store the result, {@linkcode Channel.protocol}: with 2, an attacker in between cannot downgrade a client to version 1.
   */
  readonly protocol?: Version | "auto" | undefined;
  /**
   * Sends the public id of the key in version 1 as well, so that a gateway with many keys tries this one alone. An
   * observer of the headers can then link the requests of this key. Off by default; version 2 always sends it.
   */
  readonly tellKeyId?: boolean | undefined;
  /** Sends HTTP requests; the platform's `fetch` by default. */
  readonly fetch?: typeof fetch | undefined;
  /** Clock for timestamps and waits; the platform's by default. */
  readonly clock?: Clock | undefined;
  /** Parses the JSON of answers; `JSON.parse` by default, which keeps some 15 digits of a number. */
  readonly parseJson?: ((text: string) => unknown) | undefined;
}

/** Route of a request, and its abort signal. */
export interface RequestOptions {
  /** Route, to which the request is bound in version 2. */
  readonly route: Route;
  /** Aborts the request. */
  readonly signal: AbortSignal;
}

/** Sealed request. */
export interface Sealed {
  /** Envelope. */
  readonly text: string;
  /** Headers beside it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Opens the answer. */
  readonly exchange: Exchange;
  /** Timestamp of the request. */
  readonly timestamp: RequestTimestamp;
}

/** Request that was sent, and the beginning of its answer. */
export interface Sent extends Pick<Sealed, "exchange" | "timestamp"> {
  /** Response, its body yet unread. */
  readonly response: Response;
}

/** Sealed channel to one gateway under one key. */
export class Channel {
  /** Clock of the platform; timestamps of version 2 are by the gateway's. */
  readonly clock: Clock;
  /** Plain HTTP to the same gateway. */
  readonly transport: Transport;
  readonly #secret: Bytes | SecretKey;
  #key: Promise<SecretKey> | undefined;
  readonly #tellKeyId: boolean;
  readonly #parseJson: (text: string) => unknown;
  readonly #negotiation: Negotiation;
  /** Lead of the gateway's clock, in milliseconds. */
  #offsetMs = 0;
  /** Set once the gateway named itself as the source of an answer: an older one never does. */
  #reportsSource = false;

  /**
   * Makes a channel; sends nothing yet.
   *
   * @throws {TypeError} if the key is not 64 hexadecimal characters or an imported key, the address not one of HTTP, or the
   *   protocol unknown or not that of the key
   */
  constructor(
    { url, key, keyName, protocol = "auto", tellKeyId = false, fetch, clock, parseJson = JSON.parse }: ChannelOptions,
  ) {
    const secret = typeof key === "string" ? parseKey(key) : key;
    if (secret === undefined) throw new TypeError("Key must be 64 hexadecimal characters");
    if (![1, 2, "auto"].includes(protocol)) throw new TypeError(`Protocol must be 1, 2 or "auto", not ${protocol}`);
    const isForV1 = secret instanceof Uint8Array || secret.aead !== undefined;
    if (protocol === 1 && !isForV1) {
      throw new TypeError('Protocol must be 2 or "auto": the key was imported for version 2 only');
    }
    this.transport = new Transport({ url, fetch, keyLabel: keyName === undefined ? "this key" : `key "${keyName}"` });
    this.clock = clock ?? SYSTEM_CLOCK;
    this.#secret = secret;
    this.#tellKeyId = tellKeyId;
    this.#parseJson = parseJson;
    const version = protocol !== "auto" ? protocol : isForV1 ? undefined : 2;
    this.#negotiation = new Negotiation(version, (signal) => this.#probe(signal));
  }

  /** Version of the protocol; undefined until it is known. */
  get protocol(): Version | undefined {
    return this.#negotiation.version;
  }

  /**
   * Returns the version of the protocol, and asks the gateway where it is not known.
   *
   * @throws {GatewayError} if there was no answer
   */
  async agree(signal: AbortSignal): Promise<Version> {
    return await this.#negotiation.agree(signal);
  }

  /**
   * Sends a request, and opens the answer. In version 2 a request that the gateway refused for its time, and that can
   * never have run, is sealed again and sent once more; nothing else is ever sent twice.
   *
   * @throws {GatewayError} if there is no answer, or it is an error of the gateway itself
   */
  async call(request: Record<string, unknown>, options: RequestOptions): Promise<Answer> {
    const sent = await this.post(request, options);
    try {
      return await this.accept(sent, options);
    } catch (error) {
      const gatewayTime = this.learnTime(error);
      if (gatewayTime === undefined || !sent.timestamp.wasAlwaysTooOld(gatewayTime)) throw error;
    }
    return await this.accept(await this.post(request, options), options);
  }

  /**
   * Seals a request with the current time, and sends it.
   *
   * @throws {GatewayError} if there was no answer, or the request was refused
   */
  async post(request: Record<string, unknown>, options: RequestOptions): Promise<Sent> {
    return await this.send(await this.seal(request, options), options);
  }

  /**
   * Seals a request with the current time.
   *
   * @throws {GatewayError} if there was no answer to the question for the version
   */
  async seal(request: Record<string, unknown>, { route, signal }: RequestOptions): Promise<Sealed> {
    return await this.#seal(request, { route, version: await this.agree(signal) });
  }

  /**
   * Sends a sealed request. Sent again, it does not run again: the gateway repeats its first answer.
   *
   * @throws {GatewayError} if there was no answer, or the request was refused
   */
  async send({ text, headers, exchange, timestamp }: Sealed, { route, signal }: RequestOptions): Promise<Sent> {
    const response = await this.transport.send(route, { method: "POST", headers, body: text, signal });
    return { response, exchange, timestamp };
  }

  /**
   * Opens the answer to a request.
   *
   * @throws {GatewayError} if it does not open, or is an error of the gateway itself
   */
  async accept(sent: Sent, { route, signal }: RequestOptions): Promise<Answer> {
    const { answer, source } = await this.#answer(sent, signal);
    // Services answer on this route alone.
    const isService = source === "service" || source === undefined && this.#reportsSource && route === "/gateway";
    const refusal = isService ? undefined : sealedRefusal(answer, { isFromGateway: source === "gateway" });
    if (refusal !== undefined) throw refusal;
    return answer;
  }

  /**
   * Corrects the time of later requests from a refusal. Not in version 1, where an attacker could replay an old refusal,
   * so that a command is sent twice.
   *
   * @returns the gateway's time from the refusal, in seconds since 1970; undefined for any other error
   */
  learnTime(error: unknown): number | undefined {
    if (this.protocol !== 2 || !(error instanceof ExpiredError) || error.gatewayTime === undefined) return undefined;
    this.#correct(error.gatewayTime);
    return error.gatewayTime;
  }

  /** Makes the error for an answer or event that does not open or is malformed. */
  tampered(what: string, cause?: unknown): TamperedError {
    const { keyLabel, url } = this.transport;
    return new TamperedError(`${what} is not sealed with ${keyLabel} for this request: check who answers at ${url}`, {
      cause,
    });
  }

  /** Finds the version with a request that cannot run: it is far too old. */
  async #probe(signal: AbortSignal): Promise<Version> {
    try {
      const route = "/gateway";
      const sent = await this.send(await this.#seal({}, { route, version: 2, timestamp: 0 }), { route, signal });
      // Whatever its status: only a gateway of version 2 with this key can seal an answer to this request.
      this.#correct((await this.#answer(sent, signal)).answer.timestamp);
      return 2;
    } catch (error) {
      // A gateway of version 2 does not accept this key in version 1 either: asking again would count as a second failed
      // attempt. The header is not authenticated, so the version is not remembered.
      if (error instanceof WrongKeyError && !error.knowsVersion2) return 1;
      throw error;
    }
  }

  async #seal(
    request: Record<string, unknown>,
    { route, version, timestamp }: {
      readonly route: Route;
      readonly version: Version;
      readonly timestamp?: number;
    },
  ): Promise<Sealed> {
    // Only here: a health check needs neither key nor WebCrypto.
    requireWebCrypto();
    const secret = this.#secret;
    const key = secret instanceof Uint8Array ? await (this.#key ??= importSecretKey(secret)) : secret;
    const now = new RequestTimestamp(this.clock, version === 2 ? this.#offsetMs : 0);
    const payload = JSON.stringify({ ...request, timestamp: timestamp ?? now.seconds });
    const { text, exchange } = await sealRequest(key, payload, { version, route, random: randomBytes });
    const keyId = version === 1 && this.#tellKeyId ? { [KEY_ID_HEADER]: key.kid } : {};
    const headers = { "Content-Type": "application/octet-stream", ...keyId };
    return { text, headers, exchange, timestamp: now };
  }

  async #answer({ response, exchange }: Sent, signal: AbortSignal): Promise<OpenedAnswer> {
    const text = await this.transport.readText(response, signal);
    const opened = await openAnswer(exchange, text).then((json) => parseAnswer(json, this.#parseJson)).catch(
      (error) => {
        throw this.tampered("Answer", error);
      },
    );
    if (opened === undefined) throw this.tampered("Answer");
    this.#reportsSource ||= opened.source === "gateway";
    return opened;
  }

  #correct(gatewayTime: number): void {
    this.#offsetMs = gatewayTime * 1000 - this.clock.now();
  }
}

/**
 * Checks that there is WebCrypto. Browsers hide it from pages over plain HTTP, except from the same machine (Web
 * Cryptography API, section 10.1: `[SecureContext]`); Node before 20 has no global one.
 *
 * @throws {NoWebCryptoError} if it is missing
 */
export function requireWebCrypto(): void {
  const { crypto }: { readonly crypto?: { readonly subtle?: SubtleCrypto } } = globalThis;
  if (crypto?.subtle === undefined) throw new NoWebCryptoError();
}

/** Default of the gateway's `MAX_AGE_SECONDS`: largest distance of a timestamp from its clock, in seconds. */
const MAX_AGE_SECONDS = 60;

/** Timestamp of a request, which later shows whether the request can ever have run. */
export class RequestTimestamp {
  /** Timestamp in the request, in seconds since 1970. */
  readonly seconds: number;
  readonly #clock: Clock;
  readonly #wall: number;
  readonly #monotonic: number;

  /** Takes the current time of a clock, and corrects it by the lead of the gateway's clock. */
  constructor(clock: Clock, offsetMs: number) {
    this.#clock = clock;
    this.#wall = clock.now();
    this.#monotonic = clock.monotonic();
    this.seconds = (this.#wall + offsetMs) / 1000;
  }

  /**
   * Returns whether the request was too old for the gateway from the moment it was sealed. Only then no copy of it can
   * have run before this one was refused, and none ever will: see docs/protocol.md, Correcting the clock.
   *
   * @param gatewayTime time in the refusal, in seconds since 1970
   */
  wasAlwaysTooOld(gatewayTime: number): boolean {
    // The wall clock may have been set meanwhile; the monotonic clock may have stopped during sleep.
    const elapsedMs = Math.max(this.#clock.now() - this.#wall, this.#clock.monotonic() - this.#monotonic);
    return gatewayTime - this.seconds > MAX_AGE_SECONDS + elapsedMs / 1000;
  }
}
