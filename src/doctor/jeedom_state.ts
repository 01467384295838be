/**
 * What Jeedom answers: asked without its key, and then once with it, so that a wrong key fails only once in a round.
 *
 * @module
 */
import { isObject } from "../protocol/is_object.ts";
import { addressOf, CALL_HEADERS } from "../services/jeedom.ts";
import { parseRpcAnswer } from "../services/jeedom_answer.ts";
import { ask, type Reply } from "./ask.ts";
import { type FetchFailure, nameFailure } from "./fetch_failure.ts";
import type { House } from "./house.ts";

/** How Jeedom is. */
export type JeedomState =
  /** Nobody answers. */
  | FetchFailure
  /** Somebody answers, and not as Jeedom's JSON-RPC API does. */
  | { readonly kind: "strange"; readonly reply: Reply }
  /** The API is switched off, or refuses this machine: its error's code. */
  | { readonly kind: "closed"; readonly code: number }
  /** It answers. */
  | {
    readonly kind: "jeedom";
    /** What it answered first. */
    readonly reply: Reply;
    /** What it said to the key. */
    readonly key: KeyAnswer;
  };

/** What Jeedom says to the API key. */
export type KeyAnswer =
  /** None is configured. */
  | { readonly kind: "none" }
  /** It is accepted; `seconds` is Jeedom's time, in seconds since 1970, where it told one. */
  | { readonly kind: "accepted"; readonly reply: Reply; readonly seconds: number | undefined }
  /** It is refused: the error's code. */
  | { readonly kind: "refused"; readonly code: number }
  /** There was no answer that says either. */
  | { readonly kind: "unknown"; readonly words: string };

/** The codes by which it refuses a key: on the wire as they are, and in its source. */
const REFUSALS: readonly number[] = [1, 2, -32_001, -32_002];

/** Asks Jeedom. What is sent is well-formed: Jeedom shuts out for 10 minutes whoever sends too much that is not. */
export async function askJeedom(house: House, signal: AbortSignal): Promise<JeedomState> {
  const reply = await call(house, { method: "ping", signal });
  if (reply.kind === "failure") return reply;
  const told = answerOf(reply);
  if (told === undefined) return { kind: "strange", reply };
  if (told.code !== undefined) return { kind: "closed", code: told.code };
  return { kind: "jeedom", reply, key: await tryKey(house, signal) };
}

/** The file of certificates is of no use, so nothing is asked. */
const NO_CERTIFICATE: FetchFailure = {
  kind: "failure",
  reason: "certificate",
  words: "is not asked: JEEDOM_CA_FILE cannot be read, or holds no certificate",
};

async function tryKey(house: House, signal: AbortSignal): Promise<KeyAnswer> {
  const { JEEDOM_APIKEY: apikey } = house.config;
  if (apikey === undefined) return { kind: "none" };
  const reply = await call(house, { method: "datetime", params: { apikey }, signal });
  if (reply.kind === "failure") return { kind: "unknown", words: reply.words };
  const told = answerOf(reply);
  if (told === undefined) return { kind: "unknown", words: `answers it with HTTP ${reply.status} and no JSON-RPC` };
  if (told.code !== undefined) {
    if (REFUSALS.includes(told.code)) return { kind: "refused", code: told.code };
    return { kind: "unknown", words: `answers it with the error ${told.code}` };
  }
  const seconds = Number(told.result);
  return { kind: "accepted", reply, seconds: seconds > 0 && Number.isFinite(seconds) ? seconds : undefined };
}

interface Call {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

async function call(house: House, { method, params = {}, signal }: Call): Promise<Reply | FetchFailure> {
  const { config: { JEEDOM_URL: url }, now } = house;
  const fetch = await house.jeedomFetch().catch(() => undefined);
  if (signal.aborted) return nameFailure(undefined, signal);
  return fetch === undefined ? NO_CERTIFICATE : await ask(addressOf(url), {
    fetch,
    now,
    signal,
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    headers: CALL_HEADERS,
  });
}

/** What a reply of JSON-RPC says: a result, or the code of an error; undefined where it is no such reply. */
function answerOf(reply: Reply): { readonly result?: unknown; readonly code?: number } | undefined {
  const value = parseRpcAnswer(reply.text);
  if (reply.status !== 200 || value === undefined) return undefined;
  const { error } = value;
  if (isObject(error)) return { code: Number(error["code"]) };
  return "result" in value ? { result: value["result"] } : undefined;
}
