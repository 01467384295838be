/**
 * State of Jeedom for the doctor: one call without the API key and then one with it, so that a wrong key fails only once
 * in a round.
 *
 * @module
 */
import { openTrustedFetch } from "../../config/setting_files.ts";
import { oncePerRound } from "../../doctor/check.ts";
import type { DoctorContext } from "../../doctor/context.ts";
import { describeFetchError, type FetchFailure } from "../../lib/fetch_failure.ts";
import { ask, type HttpReply } from "../../lib/http_probe.ts";
import { parseAddress } from "../../net/ip_address.ts";
import { readRpcOutcome } from "./answer.ts";
import { addressOf, CALL_HEADERS } from "./service.ts";

/** State of Jeedom. */
export type JeedomState =
  /** No response. */
  | FetchFailure
  /** Response that is not from Jeedom's JSON-RPC API. */
  | { readonly kind: "not_json_rpc"; readonly reply: HttpReply }
  /** Jeedom refuses `ping`, which needs no key. */
  | { readonly kind: "refused"; readonly reply: HttpReply; readonly refusal: JeedomRefusal }
  /** Jeedom answers. */
  | {
    readonly kind: "available";
    /** Response to `ping`. */
    readonly reply: HttpReply;
    /** State of the API key. */
    readonly key: ApiKeyState;
  };

/** Setting of Jeedom that refuses methods to every caller: a regular expression. */
export type MethodSetting = "api::forbidden::method" | "api::allow::method";

/** Reason for which Jeedom refuses a call, as far as its error shows. */
export type JeedomRefusal =
  /** `api::core::mode`: the API is disabled, or not allowed for this machine. */
  | { readonly kind: "access"; readonly code: number }
  /** `api::forbidden::method` or `api::allow::method`: the method is refused to every caller. */
  | { readonly kind: "method"; readonly code: number; readonly setting: MethodSetting }
  /** Another error. */
  | { readonly kind: "other"; readonly code: number };

/** State of the API key. */
export type ApiKeyState =
  /** Not configured. */
  | { readonly kind: "none" }
  /** Accepted; `seconds` is Jeedom's time, in seconds since 1970, if it sent one. */
  | { readonly kind: "accepted"; readonly reply: HttpReply; readonly seconds: number | undefined }
  /** Refused, with the code of the error. */
  | { readonly kind: "refused"; readonly code: number }
  /** `api::core::restricted`: accepted only for methods of plugins. */
  | { readonly kind: "restricted"; readonly code: number }
  /** Not tested: a setting of Jeedom refuses the test method to every caller. */
  | { readonly kind: "untested"; readonly code: number; readonly setting: MethodSetting }
  /** Unknown, with a description of the response. */
  | { readonly kind: "unknown"; readonly message: string };

/** Codes of a missing right and of a wrong key: as sent, and as in Jeedom's source. */
const ACCESS_CODES: readonly number[] = [1, -32_001];
const KEY_CODES: readonly number[] = [...ACCESS_CODES, 2, -32_002];

/** Codes of an unknown method, which all methods are for a restricted key. */
const NO_METHOD_CODES: readonly number[] = [500, -32_500];

/** Code of errors that have none of their own, such as those of refused methods. */
const PLAIN_CODE = -32_000;

/** Method that tests the key. */
export const KEY_TEST_METHOD = "datetime";

/** Calls Jeedom once in a round, for all checks. */
export const jeedomState: (context: DoctorContext, signal: AbortSignal) => Promise<JeedomState> = oncePerRound(
  findJeedomState,
);

/** Calls Jeedom. All requests are well-formed: Jeedom bans senders of malformed ones for 10 minutes. */
async function findJeedomState(context: DoctorContext, signal: AbortSignal): Promise<JeedomState> {
  const reply = await call(context, { method: "ping", signal });
  if (reply.kind === "failure") return reply;
  const outcome = readRpcOutcome(reply.status, reply.text);
  if (outcome === undefined) return { kind: "not_json_rpc", reply };
  if (outcome.kind === "error") return { kind: "refused", reply, refusal: refusalOf(outcome) };
  return { kind: "available", reply, key: await testKey(context, signal) };
}

/** Failure if the file of trusted certificates cannot be used. */
const NO_CERTIFICATE: FetchFailure = {
  kind: "failure",
  reason: "certificate",
  message: "is not called: JEEDOM_CA_FILE cannot be read, or holds no certificate",
};

async function testKey(context: DoctorContext, signal: AbortSignal): Promise<ApiKeyState> {
  const { apikey } = context.config.jeedom;
  if (apikey === undefined) return { kind: "none" };
  const reply = await call(context, { method: KEY_TEST_METHOD, params: { apikey }, signal });
  if (reply.kind === "failure") return { kind: "unknown", message: reply.message };
  const outcome = readRpcOutcome(reply.status, reply.text);
  if (outcome === undefined) {
    return { kind: "unknown", message: `answers it with HTTP ${reply.status} and no JSON-RPC` };
  }
  if (outcome.kind === "error") {
    const { code } = outcome;
    if (KEY_CODES.includes(code)) return { kind: "refused", code };
    if (NO_METHOD_CODES.includes(code)) return { kind: "restricted", code };
    const refusal = refusalOf(outcome);
    if (refusal.kind === "method") return { kind: "untested", code, setting: refusal.setting };
    return { kind: "unknown", message: `answers it with the error ${code}` };
  }
  const seconds = Number(outcome.result);
  return { kind: "accepted", reply, seconds: seconds > 0 && Number.isFinite(seconds) ? seconds : undefined };
}

/**
 * Finds the setting that refused a call. Both settings of methods share one message; only that of the allow list ends with
 * the caller's address.
 */
function refusalOf({ code, message }: { readonly code: number; readonly message: string }): JeedomRefusal {
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

async function call(context: DoctorContext, { method, params = {}, signal }: Call): Promise<HttpReply | FetchFailure> {
  const { config: { jeedom }, machine, now } = context;
  const fetch = await openTrustedFetch("JEEDOM_CA_FILE", jeedom.caFile, machine).catch(() => undefined);
  if (signal.aborted) return describeFetchError(undefined, signal);
  return fetch === undefined ? NO_CERTIFICATE : await ask(addressOf(jeedom.url), {
    fetch,
    now,
    signal,
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    headers: CALL_HEADERS,
  });
}
