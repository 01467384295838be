/**
 * Calls to Jeedom's JSON-RPC API.
 *
 * @module
 */
import type { Log } from "../../observability/log.ts";
import { free } from "../../protocol/bytes.ts";
import { plainNumber } from "../../lib/exact_json.ts";
import { FieldError } from "../../protocol/payload.ts";
import { LARGE_BODY_BYTES, readBytes, TooLargeError } from "../../lib/read_bytes.ts";
import { isPlainPath } from "./endpoint_path.ts";
import { FairSemaphore } from "../../limits/fair_semaphore.ts";
import { createReadRights } from "../../keys/rights.ts";
import { readAnswer } from "./answer.ts";
import { authorizeCall, limitReply } from "./call_rights.ts";
import { type JeedomRequest, misdirectedFault, parseJeedomRequest } from "./request.ts";
import { JeedomGrants } from "./rights.ts";
import { JeedomWorkers } from "./workers.ts";
import { type Reply, type Service, type ServiceContext, ServiceError } from "../service.ts";

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
  /** Most long polls, and calls that were given up, that may run inside of Jeedom at a time. */
  readonly maxPolls: number;
  /** Most of them for one key. */
  readonly maxPollsPerKey: number;
  /** Where it is told that Jeedom's answers are odd. */
  readonly log: Pick<Log, "warn">;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Aborts when the gateway stops: ends what still waits for Jeedom. */
  readonly closeSignal: AbortSignal;
}

/** Name of the service. */
export const JEEDOM = "jeedom";

/** The id of every call, which Jeedom gives back: the one that the seed's clients always saw. */
const CALL_ID = 99_999;

/** Where Jeedom takes calls. */
export const DEFAULT_ENDPOINT = "/core/api/jeeApi.php";

/** Headers of calls: Jeedom takes any other type as a form, and text inside of a string as a form's field. */
export const CALL_HEADERS = { "Content-Type": "application/json", "Accept": "application/json" } as const;

/** Where calls go, for Jeedom's own address: its path, if any, comes before each endpoint. */
export function addressOf(jeedom: URL, endpoint: string = DEFAULT_ENDPOINT): string {
  return jeedom.origin + jeedom.pathname.replace(/\/$/, "") + endpoint;
}

/** The one method that waits inside Jeedom for something to happen. */
const LONG_POLL_METHOD = "event::changes";

/** Time that a poll takes beyond its own, in milliseconds: it looks once a second, and PHP has to start. */
const POLL_MARGIN_MS = 5000;

/**
 * Longest time that a call counts after it was given up, in milliseconds. Its connection stays open, which tells when
 * it ends; but a Jeedom that lost its power tells nothing, and its clients must not be refused for long afterwards.
 */
const OVERDUE_MS = 120_000;

/** Shortest time between two lines in the log about warnings of PHP, in milliseconds. */
const STRAY_TEXT_LOG_MS = 3_600_000;

/** Most of the largest answers to hold at a time, from when they are read until they are sealed. */
const ANSWERS_IN_MEMORY = 2;

/** Most of them for one key; others wait in Jeedom. */
const ANSWERS_IN_MEMORY_PER_KEY = 1;

/** A call as it goes to Jeedom, and what it is counted for. */
interface Call {
  /** Keeps room for the answer. */
  readonly hold: ServiceContext["holdMemory"];
  readonly key: string;
  readonly url: string;
  readonly body: string;
  /** How long it may wait inside of Jeedom, in seconds. */
  readonly poll: number;
}

/** Makes the service that forwards calls to one Jeedom. */
export function createJeedomService(options: JeedomOptions): Service {
  const { closeSignal, monotonic } = options;
  const readRights = createReadRights(JEEDOM, (rights) => new JeedomGrants(rights));
  const workers = new JeedomWorkers({ max: options.maxPolls, maxPerKey: options.maxPollsPerKey, monotonic });
  const base = addressOf(options.url, "");
  const apiUrl = addressOf(options.url);
  /** Polls under way, by key, address and body. */
  const polls = new Map<string, Promise<Reply>>();
  const answers = new FairSemaphore({
    total: ANSWERS_IN_MEMORY * options.maxResponseBytes,
    each: ANSWERS_IN_MEMORY_PER_KEY * options.maxResponseBytes,
  });
  let strayTextLoggedAt = -Infinity;
  return {
    name: JEEDOM,
    fieldErrorStatus: 403,
    misdirectedFault,
    target: ({ jsonrpc }) => typeof jsonrpc === "string" ? jsonrpc : undefined,
    async handle(payload, { scope, clientSignal, key, revoked, holdMemory }) {
      const request = parseJeedomRequest(payload);
      const grants = readRights(scope);
      const endpoint = endpointPath(request.endpoint ?? DEFAULT_ENDPOINT);
      authorizeCall(grants, { method: request.jsonrpc, params: request.params ?? {} });
      if (endpoint !== DEFAULT_ENDPOINT) grants.useEndpoint(endpoint);
      const params = callParams(request, options.apikey, grants);
      const poll = request.jsonrpc === LONG_POLL_METHOD ? pollSeconds(params, options.longPollMaxSeconds) : 0;
      if (poll > 0) params["longPolling"] = poll;
      const body = JSON.stringify({ jsonrpc: "2.0", id: CALL_ID, method: request.jsonrpc, params });
      if (hasHalfPair(body)) {
        // PHP reads no such JSON, and Jeedom counts that against the gateway.
        throw new FieldError("Invalid field: params: must hold no half of a surrogate pair");
      }
      const call = { key, url: base + endpoint, body, poll, hold: holdMemory };
      // A command runs to its end even when its client is gone, so that the repeat finds the answer.
      const reply = poll > 0 ? await unlessAborted(() => join(call), clientSignal) : await send(call);
      return limitReply(reply, { method: request.jsonrpc, grants, revoked });
    },
  };

  /** Sends a poll, or waits for the answer of the very same one that runs already: it would keep a second worker. */
  function join(call: Call): Promise<Reply> {
    const id = JSON.stringify([call.key, call.url, call.body]);
    const running = polls.get(id);
    if (running !== undefined) return running;
    const reply = send(call);
    polls.set(id, reply);
    // Its client may be gone when it fails.
    reply.catch(() => {}).finally(() => polls.delete(id));
    return reply;
  }

  /** Sends a call and waits for the answer, for as long as it may take. Jeedom goes on with one that is given up. */
  async function send(call: Call): Promise<Reply> {
    closeSignal.throwIfAborted();
    const timeoutMs = options.timeoutMs + call.poll * 1000;
    const stop = new AbortController();
    const late = new AbortController();
    let worker = call.poll > 0 ? workers.startPoll(call.key, call.poll * 1000 + POLL_MARGIN_MS) : undefined;
    if (worker === undefined) workers.startCall(call.key);
    const { promise: expired, reject } = Promise.withResolvers<never>();
    let timer = setTimeout(() => {
      const reason = new ServiceError(504, `Jeedom did not answer within ${timeoutMs / 1000} s`, {
        code: "service_timeout",
      });
      reject(reason);
      worker ??= workers.giveUp(call.key, OVERDUE_MS);
      timer = setTimeout(() => stop.abort(STOPPED), OVERDUE_MS);
      late.abort(reason);
    }, timeoutMs);
    const end = () => {
      late.abort(STOPPED);
      stop.abort(STOPPED);
    };
    closeSignal.addEventListener("abort", end, { once: true });
    const answer = exchange(call, { signal: stop.signal, lateSignal: late.signal });
    answer.then(() => worker?.release(), (error) => mayRunOn(error) ? worker?.abandon() : worker?.release())
      .finally(() => {
        clearTimeout(timer);
        closeSignal.removeEventListener("abort", end);
      });
    return await Promise.race([answer, expired]);
  }

  async function exchange(
    { key, url, body, hold: holdMemory }: Call,
    { signal, lateSignal }: ExchangeOptions,
  ): Promise<Reply> {
    try {
      const response = await options.fetch(url, {
        method: "POST",
        headers: CALL_HEADERS,
        // Deno's fetch sends a text once more, by itself, when a connection that it had used before is closed without an
        // answer: Jeedom may have run the command by then. It cannot do that with a blob.
        body: new Blob([body]),
        redirect: "manual",
        signal,
      });
      const { status } = response;
      if (status >= 300 && status < 400) {
        await response.body?.cancel();
        throw new ServiceError(502, "Jeedom redirected the call: set JEEDOM_URL to its final address", {
          code: "service_answer",
        });
      }
      const length = Number(response.headers.get("Content-Length") ?? options.maxResponseBytes);
      const beforeLarge = async () =>
        holdMemory(await answers.acquire(key, Math.max(length, LARGE_BODY_BYTES), lateSignal));
      const bytes = await readBytes(response, options.maxResponseBytes, { signal: lateSignal, beforeLarge });
      const reply = readAnswer({ status, bytes }, { isApi: url === apiUrl, onStrayText });
      free(bytes);
      return reply;
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      if (error instanceof TooLargeError) {
        throw new ServiceError(502, `Jeedom's answer is larger than ${options.maxResponseBytes} bytes`, {
          code: "service_answer",
        });
      }
      throw new ServiceError(502, "Jeedom cannot be reached, or broke off its answer", {
        code: "service_unreachable",
        // What fetch says of a failure is in its cause.
        cause: error instanceof Error && error.cause instanceof Error ? error.cause : error,
      });
    }
  }

  function onStrayText(): void {
    const now = monotonic();
    if (now - strayTextLoggedAt < STRAY_TEXT_LOG_MS) return;
    strayTextLoggedAt = now;
    options.log.warn("Jeedom writes text around its JSON, such as warnings of PHP: look into its log http.error");
  }
}

/** Ends of an exchange. */
interface ExchangeOptions {
  /** Ends the wait for Jeedom: it would go on with a call that is given up, and then nothing would tell of its end. */
  readonly signal: AbortSignal;
  /** Ends the reading of an answer that has begun: then Jeedom has made it, and its client waits no longer. */
  readonly lateSignal: AbortSignal;
}

const STOPPED = new Error("No longer waited for");

/** Tells whether a call may run on in Jeedom though its connection failed: not one that found no Jeedom. */
function mayRunOn(error: unknown): boolean {
  if (!(error instanceof ServiceError) || error.code !== "service_unreachable") return false;
  return !(error.cause instanceof Error && /client error \(Connect\)|are blocked/.test(error.cause.message));
}

/** Waits for a poll, for as long as its client does. */
async function unlessAborted<T>(ask: () => Promise<T>, clientSignal: AbortSignal): Promise<T> {
  const abandoned = () => new ServiceError(504, "Poll abandoned: its client went away", { code: "service_timeout" });
  if (clientSignal.aborted) throw abandoned();
  const { promise: left, reject } = Promise.withResolvers<never>();
  const abandon = () => reject(abandoned());
  clientSignal.addEventListener("abort", abandon, { once: true });
  try {
    return await Promise.race([ask(), left]);
  } finally {
    clientSignal.removeEventListener("abort", abandon);
  }
}

/** Tells whether JSON text has half of a surrogate pair, which `JSON.stringify` writes as an escape. */
function hasHalfPair(json: string): boolean {
  return json.includes("\\ud") && /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(json);
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
  grants: JeedomGrants,
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
  if (own || params["session"] || params["sess_id"]) grants.bringApikey();
  const key = own || apikeyAtHome;
  if (key === undefined && request.jsonrpc !== "ping") throw new FieldError("Missing required field: apikey");
  return key === undefined ? params : { apikey: key, ...params };
}

function pollSeconds(params: Readonly<Record<string, unknown>>, max: number): number {
  const longPolling = plainNumber(params["longPolling"]);
  if (longPolling === undefined || longPolling === null) return 0;
  const isNumber = typeof longPolling === "number" || (typeof longPolling === "string" && /^\d+$/.test(longPolling));
  // Jeedom would wait for whatever it reads into it, and the timeout here would not know.
  if (!isNumber || Number(longPolling) < 0) {
    throw new FieldError("Invalid field: params.longPolling: must be a number of seconds");
  }
  return Math.min(Number(longPolling), max);
}
