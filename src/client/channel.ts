/**
 * Sends sealed requests to one gateway, and opens what it seals.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";
import { randomBytes } from "../protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../protocol/envelope.ts";
import { deriveKeyId, importKey, KEY_ID_HEADER, parseKey } from "../protocol/secret_key.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { GatewayError, TemporaryError } from "./gateway_error.ts";

/** Where the gateway is, and the secret shared with it. */
export interface ChannelOptions {
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
  /** The time, for the stamps of requests and for waiting; the platform's own by default. */
  readonly clock?: Clock;
}

/** Longest wait that is taken from a `Retry-After`, in seconds: longer ones overflow timers. */
const RETRY_AFTER_MAX_SECONDS = 3600;

/** The way to one gateway under one key. */
export class Channel {
  /** The time that requests are stamped with. */
  readonly clock: Clock;
  /** The gateway's address, without a slash at its end. */
  readonly url: string;
  readonly #key: Promise<CryptoKey>;
  readonly #headers: Promise<Record<string, string>>;
  readonly #fetch: typeof fetch;

  /**
   * Makes a channel; nothing is sent yet.
   *
   * @throws {TypeError} if the key is not 64 hexadecimal characters
   */
  constructor(options: ChannelOptions) {
    const secret = parseKey(options.key);
    if (secret === undefined) throw new TypeError("Key must be 64 hexadecimal characters");
    this.url = options.url.replace(/\/+$/, "");
    this.#key = importKey(secret);
    this.#headers = options.nameKey
      ? deriveKeyId(secret).then((kid) => ({ [KEY_ID_HEADER]: kid }))
      : Promise.resolve({});
    this.#fetch = options.fetch ?? fetch;
    this.clock = options.clock ?? SYSTEM_CLOCK;
  }

  /**
   * Seals a request under a fresh nonce, stamped with the time, and sends it.
   *
   * @throws {TemporaryError} if nobody answered, or whoever did could not take it just now
   * @throws {GatewayError} if it was refused
   */
  async post(path: string, request: Record<string, unknown>, signal?: AbortSignal): Promise<Response> {
    const body = await this.#seal({ ...request, timestamp: this.clock.now() / 1000 });
    const response = await this.send(path, {
      method: "POST",
      headers: { ...await this.#headers, "Content-Type": "application/octet-stream" },
      body,
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.ok) return response;
    throw await readRefusal(response);
  }

  /**
   * Sends an HTTP request as it is.
   *
   * @throws {TemporaryError} if nobody answered
   */
  async send(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(this.url + path, init);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new TemporaryError(0, `No gateway answers at ${this.url}`, { cause: error });
    }
  }

  /**
   * Opens one envelope and reads the JSON in it.
   *
   * @throws {GatewayError} if it is not sealed with this key
   */
  async open(text: string): Promise<unknown> {
    try {
      return JSON.parse(await openEnvelope(await this.#key, parseEnvelope(text)));
    } catch (error) {
      throw new GatewayError(502, "Answer is not sealed with this key: is this the gateway?", { cause: error });
    }
  }

  async #seal(value: unknown): Promise<SealedText> {
    return await sealEnvelope(await this.#key, JSON.stringify(value), randomBytes);
  }
}

async function readRefusal(response: Response): Promise<GatewayError> {
  const { status, statusText, headers } = response;
  const refusal: unknown = await response.json().catch(() => undefined);
  const hasReason = typeof refusal === "object" && refusal !== null && "error" in refusal;
  const reason = hasReason && typeof refusal.error === "string" ? refusal.error : statusText;
  if (status !== 408 && status !== 429 && status < 500) return new GatewayError(status, reason);
  return new TemporaryError(status, reason, { retryAfterMs: readRetryAfter(headers) * 1000 });
}

/** Seconds that the other side asks to wait. A date, which the gateway never sends, counts as none. */
function readRetryAfter(headers: Headers): number {
  const text = headers.get("Retry-After") ?? "";
  return /^\d+$/.test(text) ? Math.min(Number(text), RETRY_AFTER_MAX_SECONDS) : 0;
}
