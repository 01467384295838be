/**
 * What Jeedom answers: asked without its key, and then once with it, so that a wrong key fails only once in a round.
 *
 * @module
 */
import { parseAddress } from "../net/ip_address.ts";
import { addressOf, CALL_HEADERS } from "../services/jeedom/service.ts";
import { readRpcOutcome } from "../services/jeedom/answer.ts";
import { ask, type Reply } from "../lib/http_probe.ts";
import { type FetchFailure, nameFailure } from "./fetch_failure.ts";
import type { DoctorContext } from "./context.ts";

/** How Jeedom is. */
export type JeedomState =
  /** Nobody answers. */
  | FetchFailure
  /** Somebody answers, and not as Jeedom's JSON-RPC API does. */
  | { readonly kind: "strange"; readonly reply: Reply }
  /** It refuses `ping`, which needs no key. */
  | { readonly kind: "refusing"; readonly reply: Reply; readonly refusal: Refusal }
  /** It answers. */
  | {
    readonly kind: "jeedom";
    /** What it answered first. */
    readonly reply: Reply;
    /** What it said to the key. */
    readonly key: KeyAnswer;
  };

/** A setting of Jeedom that refuses methods to everyone: a regular expression. */
export type MethodSetting = "api::forbidden::method" | "api::allow::method";

/** Reason for which Jeedom refuses a call, as far as its error tells. */
export type Refusal =
  /** `api::core::mode`: the API is off, or closed to this machine. */
  | { readonly kind: "access"; readonly code: number }
  /** `api::forbidden::method` or `api::allow::method`: the method is refused to everyone. */
  | { readonly kind: "method"; readonly code: number; readonly setting: MethodSetting }
  /** Another error. */
  | { readonly kind: "other"; readonly code: number };

/** What Jeedom says to the API key. */
export type KeyAnswer =
  /** None is configured. */
  | { readonly kind: "none" }
  /** It is accepted; `seconds` is Jeedom's time, in seconds since 1970, where it told one. */
  | { readonly kind: "accepted"; readonly reply: Reply; readonly seconds: number | undefined }
  /** It is refused: the error's code. */
  | { readonly kind: "refused"; readonly code: number }
  /** `api::core::restricted`: it is accepted for methods of plugins alone. */
  | { readonly kind: "restricted"; readonly code: number }
  /** The method that tests it is refused to everyone, by this setting of Jeedom. */
  | { readonly kind: "untried"; readonly code: number; readonly setting: MethodSetting }
  /** There was no answer that says either. */
  | { readonly kind: "unknown"; readonly words: string };

/** The codes of a missing right and of a wrong key: on the wire as they are, and in its source. */
const ACCESS_CODES: readonly number[] = [1, -32_001];
const KEY_CODES: readonly number[] = [...ACCESS_CODES, 2, -32_002];

/** The code of an unknown method, which all methods of a restricted key are. */
const NO_METHOD_CODES: readonly number[] = [500, -32_500];

/** The code of errors that have none of their own, such as those of refused methods. */
const PLAIN_CODE = -32_000;

/** Method that tests the key. */
export const TRIAL = "datetime";

/** Asks Jeedom. What is sent is well-formed: Jeedom shuts out for 10 minutes whoever sends too much that is not. */
export async function askJeedom(house: DoctorContext, signal: AbortSignal): Promise<JeedomState> {
  const reply = await call(house, { method: "ping", signal });
  if (reply.kind === "failure") return reply;
  const outcome = readRpcOutcome(reply.status, reply.text);
  if (outcome === undefined) return { kind: "strange", reply };
  if (outcome.kind === "error") return { kind: "refusing", reply, refusal: refusalOf(outcome) };
  return { kind: "jeedom", reply, key: await tryKey(house, signal) };
}

/** The file of certificates is of no use, so nothing is asked. */
const NO_CERTIFICATE: FetchFailure = {
  kind: "failure",
  reason: "certificate",
  words: "is not asked: JEEDOM_CA_FILE cannot be read, or holds no certificate",
};

async function tryKey(house: DoctorContext, signal: AbortSignal): Promise<KeyAnswer> {
  const { apikey } = house.config.jeedom;
  if (apikey === undefined) return { kind: "none" };
  const reply = await call(house, { method: TRIAL, params: { apikey }, signal });
  if (reply.kind === "failure") return { kind: "unknown", words: reply.words };
  const outcome = readRpcOutcome(reply.status, reply.text);
  if (outcome === undefined) return { kind: "unknown", words: `answers it with HTTP ${reply.status} and no JSON-RPC` };
  if (outcome.kind === "error") {
    const { code } = outcome;
    if (KEY_CODES.includes(code)) return { kind: "refused", code };
    if (NO_METHOD_CODES.includes(code)) return { kind: "restricted", code };
    const refusal = refusalOf(outcome);
    if (refusal.kind === "method") return { kind: "untried", code, setting: refusal.setting };
    return { kind: "unknown", words: `answers it with the error ${code}` };
  }
  const seconds = Number(outcome.result);
  return { kind: "accepted", reply, seconds: seconds > 0 && Number.isFinite(seconds) ? seconds : undefined };
}

/** Finds the setting that refused a call. Both settings of methods share one message; only the allow list adds our address. */
function refusalOf({ code, message }: { readonly code: number; readonly message: string }): Refusal {
  if (ACCESS_CODES.includes(code)) return { kind: "access", code };
  if (code !== PLAIN_CODE || /SQLSTATE|gone away/.test(message)) return { kind: "other", code };
  const isAllowList = parseAddress(message.slice(message.lastIndexOf(" ") + 1)) !== undefined;
  return { kind: "method", code, setting: isAllowList ? "api::allow::method" : "api::forbidden::method" };
}

interface Call {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

async function call(house: DoctorContext, { method, params = {}, signal }: Call): Promise<Reply | FetchFailure> {
  const { config: { jeedom: { url } }, now } = house;
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
