/**
 * Identification of the gateway to push services (RFC 8292): a signed token in each request.
 *
 * @module
 */
import { LruCache } from "../lib/lru_cache.ts";
import { type Bytes, toBase64Url } from "../protocol/bytes.ts";
import { signWith, type VapidKey } from "./vapid_key.ts";

/** Claims of a token. */
export interface VapidClaims {
  /** Endpoint of the subscription: the token is for its origin alone. */
  readonly endpoint: URL;
  /** Address of the operator for the services: `mailto:` or `https:`. */
  readonly subject: string;
  /** End of the token, in milliseconds since 1970. */
  readonly expires: number;
}

/** Time for which a token is valid, in milliseconds; services accept at most 24 hours (RFC 8292, section 2). */
const TOKEN_MS = 12 * 60 * 60 * 1000;

/** Time before its end at which a token is replaced, in milliseconds: clocks differ, and requests wait. */
const RENEWAL_MS = 60 * 60 * 1000;

/** Most origins whose tokens are kept. */
const MAX_TOKENS = 100;

const utf8 = new TextEncoder();
const JWT_HEADER = toBase64Url(utf8.encode(JSON.stringify({ typ: "JWT", alg: "ES256" })));

/** Returns whether a text can be the subject of tokens. Apple's service refuses tokens without one. */
export function isVapidSubject(text: string): boolean {
  if (/^mailto:[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$/.test(text)) return true;
  return text.startsWith("https://") && URL.canParse(text);
}

/** Makes the header `Authorization` of a request to a push service. */
export async function vapidAuthorization(key: VapidKey, { endpoint, subject, expires }: VapidClaims): Promise<string> {
  const claims = { aud: endpoint.origin, exp: Math.floor(expires / 1000), sub: subject };
  const signed = `${JWT_HEADER}.${toBase64Url(utf8.encode(JSON.stringify(claims)))}`;
  const signature: Bytes = await signWith(key, utf8.encode(signed));
  return `vapid t=${signed}.${toBase64Url(signature)}, k=${key.publicKey}`;
}

/** Token of one origin. */
interface Token {
  readonly authorization: Promise<string>;
  readonly expires: number;
}

/** Tokens of the gateway, each of which is used for many requests: services slow down senders that renew them often. */
export class VapidTokens {
  readonly #key: VapidKey;
  readonly #subject: string;
  readonly #tokens = new LruCache<string, Token>(MAX_TOKENS);

  /** Makes none yet. */
  constructor(key: VapidKey, subject: string) {
    this.#key = key;
    this.#subject = subject;
  }

  /**
   * Returns the header `Authorization` of a request.
   *
   * @param now the time, in milliseconds since 1970
   */
  authorization(endpoint: URL, now: number): Promise<string> {
    const token = this.#tokens.get(endpoint.origin);
    // A clock that was set back leaves tokens that end too late.
    if (token !== undefined && token.expires - now > RENEWAL_MS && token.expires - now <= TOKEN_MS) {
      return token.authorization;
    }
    const expires = now + TOKEN_MS;
    const authorization = vapidAuthorization(this.#key, { endpoint, subject: this.#subject, expires });
    this.#tokens.set(endpoint.origin, { authorization, expires });
    return authorization;
  }

  /** Makes the next token of an origin a new one, as its service has refused the last. */
  forget(endpoint: URL): void {
    this.#tokens.delete(endpoint.origin);
  }
}
