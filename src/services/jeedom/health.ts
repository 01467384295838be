/**
 * Health check of Jeedom.
 *
 * @module
 */
import { readBytes } from "../../lib/read_bytes.ts";
import { addressOf, CALL_HEADERS } from "./service.ts";
import { readRpcOutcome } from "./answer.ts";

/** Longest answer to `ping`, in bytes: a longer one is not from Jeedom. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Body of the check. It needs no API key, and is well-formed: Jeedom bans clients that send malformed requests. */
export const PING: string = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

const utf8 = new TextDecoder();

/** Address of Jeedom, and how it is reached. */
export interface JeedomCheckOptions {
  /** Address of Jeedom. */
  readonly url: URL;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Longest wait for the answer, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Makes the function that rejects unless Jeedom accepts a `ping`: a Jeedom that refuses it refuses calls as well, because
 * its API is off, closed to this machine, or limited to other methods.
 *
 * @returns a function whose error describes the answer
 */
export function createJeedomCheck(
  { url, fetch, timeoutMs }: JeedomCheckOptions,
): () => Promise<void> {
  const address = addressOf(url);
  const place = addressOf(url, "");
  return async () => {
    const response = await fetch(address, {
      method: "POST",
      headers: CALL_HEADERS,
      body: PING,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error) => {
      throw new Error(faultOf(error, place));
    });
    const text = utf8.decode(await readBytes(response, MAX_ANSWER_BYTES));
    const outcome = readRpcOutcome(response.status, text);
    if (outcome?.kind === "result") return;
    throw new Error(
      outcome === undefined
        ? `Jeedom's address ${place} answered with status ${response.status}, and not as Jeedom does`
        : `Jeedom refuses ping (error ${outcome.code}): deno task doctor shows which setting does`,
    );
  };
}

/** Describes a failure without the library's message, which may quote the request. */
function faultOf(error: Error, place: string): string {
  if (error.name === "TimeoutError") return `Jeedom does not answer at ${place}`;
  return /certificate|altnames/i.test(String(error.cause))
    ? `The certificate of ${place} is not trusted: set JEEDOM_CA_FILE to it, or to its authority's`
    : `Jeedom cannot be reached at ${place}`;
}
