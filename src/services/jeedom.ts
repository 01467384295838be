/**
 * Calls to Jeedom's JSON-RPC API.
 *
 * @module
 */
import { FieldError, type JeedomRequest, parseJeedomRequest } from "../protocol/payload.ts";
import { readBytes, TooLargeError } from "../protocol/read_bytes.ts";
import { isPlainPath } from "../security/endpoint_path.ts";
import type { Scope } from "../security/scope.ts";
import { authorizeCall, limitReply } from "./jeedom_rights.ts";
import { type Reply, type Service, ServiceError, textReply } from "./service.ts";

/** Where Jeedom is and how patient to be with it. */
export interface JeedomOptions {
  /** Jeedom's address; its path, if any, comes before each endpoint. */
  readonly url: URL;
  /** The API key for requests that bring none; it never leaves the house. */
  readonly apikey?: string | undefined;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Longest wait for an ordinary answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Longest poll to ask Jeedom for, in seconds. */
  readonly longPollMaxSeconds: number;
  /** Largest answer to read, in bytes. */
  readonly maxResponseBytes: number;
}

/** The id of every call, which Jeedom gives back: the one that the seed's clients always saw. */
const CALL_ID = 99_999;

/** Where Jeedom takes calls. */
const DEFAULT_ENDPOINT = "/core/api/jeeApi.php";

/** Headers of calls: Jeedom takes any other type as a form, and text inside of a string as a form's field. */
export const CALL_HEADERS = { "Content-Type": "application/json", "Accept": "application/json" } as const;

/** Where calls go, for Jeedom's own address: its path, if any, comes before each endpoint. */
export function addressOf(jeedom: URL, endpoint: string = DEFAULT_ENDPOINT): string {
  return jeedom.origin + jeedom.pathname.replace(/\/$/, "") + endpoint;
}

/** The one method that waits inside Jeedom for something to happen. */
const LONG_POLL_METHOD = "event::changes";

const utf8 = new TextDecoder();

/** Makes the service that forwards calls to one Jeedom. */
export function createJeedomService(options: JeedomOptions): Service {
  const base = addressOf(options.url, "");
  return {
    name: "jeedom",
    fieldErrorStatus: 403,
    target: ({ jsonrpc }) => typeof jsonrpc === "string" ? jsonrpc : undefined,
    async handle(payload, { scope, gone, revoked }) {
      const request = parseJeedomRequest(payload);
      const endpoint = endpointPath(request.endpoint ?? DEFAULT_ENDPOINT);
      authorizeCall(scope, { method: request.jsonrpc, params: request.params ?? {} });
      if (endpoint !== DEFAULT_ENDPOINT) scope.useEndpoint(endpoint);
      const url = base + endpoint;
      const params = callParams(request, options.apikey, scope);
      const poll = request.jsonrpc === LONG_POLL_METHOD ? pollSeconds(params, options.longPollMaxSeconds) : 0;
      if (poll > 0) params["longPolling"] = poll;
      const body = JSON.stringify({ jsonrpc: "2.0", id: CALL_ID, method: request.jsonrpc, params });
      const timeoutMs = options.timeoutMs + poll * 1000;
      // A command runs to its end even when its phone is gone, so that the repeat finds the answer.
      // A poll nobody waits for would only hold one of Jeedom's few workers.
      const reply = await exchange(url, body, timeoutMs, poll > 0 ? gone : undefined);
      return limitReply(reply, { method: request.jsonrpc, scope, revoked });
    },
  };

  async function exchange(url: string, body: string, timeoutMs: number, gone?: AbortSignal): Promise<Reply> {
    const stop = new AbortController();
    const abandon = () =>
      stop.abort(new ServiceError(504, "Poll abandoned: its client went away", { code: "service_timeout" }));
    const deadline = setTimeout(
      () =>
        stop.abort(
          new ServiceError(504, `Jeedom did not answer within ${timeoutMs / 1000} s`, { code: "service_timeout" }),
        ),
      timeoutMs,
    );
    gone?.addEventListener("abort", abandon, { once: true });
    if (gone?.aborted) abandon();
    try {
      const response = await options.fetch(url, {
        method: "POST",
        headers: CALL_HEADERS,
        // Deno's fetch sends a text once more, by itself, when a connection that it had used before is closed without an
        // answer: Jeedom may have run the command by then. It cannot do that with a blob.
        body: new Blob([body]),
        redirect: "manual",
        signal: stop.signal,
      });
      if (response.status >= 300 && response.status < 400) {
        await response.body?.cancel();
        throw new ServiceError(502, "Jeedom redirected the call: set JEEDOM_URL to its final address", {
          code: "service_answer",
        });
      }
      return jsonOrText(response.status, utf8.decode(await readBytes(response, options.maxResponseBytes)));
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      if (error instanceof ServiceError) throw error;
      if (error instanceof TooLargeError) {
        throw new ServiceError(502, `Jeedom's answer is larger than ${options.maxResponseBytes} bytes`, {
          code: "service_answer",
        });
      }
      throw new ServiceError(502, "Jeedom cannot be reached, or broke off its answer", {
        code: "service_unreachable",
        cause: error,
      });
    } finally {
      clearTimeout(deadline);
      gone?.removeEventListener("abort", abandon);
    }
  }
}

function endpointPath(endpoint: string): string {
  if (!isPlainPath(endpoint)) {
    throw new FieldError("Invalid field: endpoint: must be a plain path such as /core/api/jeeApi.php");
  }
  return endpoint;
}

function callParams(
  request: JeedomRequest,
  apikeyAtHome: string | undefined,
  scope: Scope,
): Record<string, unknown> {
  const { apikey, api, ...params } = request.params ?? {};
  for (const [name, value] of Object.entries({ "params.apikey": apikey, "params.api": api })) {
    // PHP crashes on a key that is a list, and Jeedom counts that against the gateway.
    if (value !== undefined && value !== null && typeof value !== "string") {
      throw new FieldError(`Invalid field: ${name}: must be a string`);
    }
  }
  const own = apikey || api || request.apikey;
  // Jeedom opens a session for whoever asks, with all rights of the API key's user, and takes one in its place.
  if (own || params["session"] || params["sess_id"]) scope.bringApikey();
  const key = own || apikeyAtHome;
  if (key === undefined && request.jsonrpc !== "ping") throw new FieldError("Missing required field: apikey");
  return key === undefined ? params : { apikey: key, ...params };
}

function pollSeconds({ longPolling }: Readonly<Record<string, unknown>>, max: number): number {
  if (longPolling === undefined || longPolling === null) return 0;
  const isNumber = typeof longPolling === "number" || (typeof longPolling === "string" && /^\d+$/.test(longPolling));
  // Jeedom would wait for whatever it reads into it, and the timeout here would not know.
  if (!isNumber || Number(longPolling) < 0) {
    throw new FieldError("Invalid field: params.longPolling: must be a number of seconds");
  }
  return Math.min(Number(longPolling), max);
}

function jsonOrText(status: number, text: string): Reply {
  try {
    JSON.parse(text);
    return { status, bodyJson: text };
  } catch {
    return textReply(status, text);
  }
}
