/**
 * Calls to Jeedom's JSON-RPC API.
 *
 * @module
 */
import type { Log } from "../../observability/log.ts";
import { free } from "../../protocol/bytes.ts";
import { plainNumber } from "../../lib/exact_json.ts";
import { FieldError } from "../../protocol/payload.ts";
import type { Deadlines } from "../../lib/deadlines.ts";
import { fetchCause, neverConnected } from "../../lib/fetch_failure.ts";
import { LARGE_BODY_BYTES, largeBodyBytes, lengthOf, readBytes, TooLargeError } from "../../lib/read_bytes.ts";
import { createAnswerMemory } from "../../limits/answer_memory.ts";
import { createReadRights } from "../../keys/rights.ts";
import { readAnswer } from "./answer.ts";
import { authorizeCall, limitReply } from "./call_rights.ts";
import { isPlainPath, type JeedomRequest, parseJeedomRequest } from "./request.ts";
import { JeedomGrants } from "./rights.ts";
import { JeedomWorkers } from "./workers.ts";
import { stopError, timeoutError } from "../limited_call.ts";
import { type Reply, type Service, type ServiceContext, ServiceError } from "../service.ts";

/** Address of Jeedom, and limits of calls. */
export interface JeedomCallSettings {
  /** Address of Jeedom; its path, if any, comes before each endpoint. */
  readonly url: URL;
  /** API key for requests that bring none; it never leaves the local network. */
  readonly apikey?: string | undefined;
  /** Longest wait for an ordinary answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Longest poll to request of Jeedom, in seconds. */
  readonly longPollMaxSeconds: number;
  /** Largest answer to read, in bytes. */
  readonly maxResponseBytes: number;
  /** Maximum number of long polls and timed-out calls that run in Jeedom at a time. */
  readonly maxPolls: number;
  /** The same for one key. */
  readonly maxPollsPerKey: number;
}

/** Settings and collaborators of the service. */
export interface JeedomServiceOptions {
  /** Address of Jeedom, and limits of calls. */
  readonly settings: JeedomCallSettings;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Logger for malformed answers of Jeedom. */
  readonly log: Pick<Log, "warn">;
  /** The monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
  /** Time limits of calls. */
  readonly deadlines: Deadlines;
  /** Aborts when the gateway stops: ends all waiting for Jeedom. */
  readonly closeSignal: AbortSignal;
}

/** Name of the service. */
export const JEEDOM = "jeedom";

/** Id of every call, which Jeedom returns: the one of the original gateway. */
const CALL_ID = 99_999;

/** Path of the JSON-RPC API. */
export const DEFAULT_ENDPOINT = "/core/api/jeeApi.php";

/** Headers of calls: Jeedom parses a body of any other type as a form. */
export const CALL_HEADERS = { "Content-Type": "application/json", "Accept": "application/json" } as const;

/** Returns the address of an endpoint, from the address of Jeedom. */
export function addressOf(jeedom: URL, endpoint: string = DEFAULT_ENDPOINT): string {
  return jeedom.origin + jeedom.pathname.replace(/\/$/, "") + endpoint;
}

/** The only method that waits in Jeedom for an event. */
const LONG_POLL_METHOD = "event::changes";

/** Milliseconds that a poll takes beyond its own time: Jeedom checks once a second, and PHP has to start. */
const POLL_MARGIN_MS = 5000;

/**
 * Longest time that a call counts after its timeout, in milliseconds. Its connection stays open until the call ends; but
 * after a power failure of Jeedom no end is signalled, and clients must not be refused for long.
 */
const OVERDUE_MS = 120_000;

/** Shortest interval of log lines about warnings of PHP, in milliseconds. */
const STRAY_TEXT_LOG_MS = 3_600_000;

/** A call to Jeedom, with the key that it counts for. */
interface Call {
  /** Reserves memory for the answer. */
  readonly holdMemory: ServiceContext["holdMemory"];
  readonly key: string;
  readonly url: string;
  readonly body: string;
  /** Longest wait in Jeedom, in seconds; 0 for a call that is no poll. */
  readonly poll: number;
}

/** Makes the service that forwards calls to one Jeedom. */
export function createJeedomService(options: JeedomServiceOptions): Service {
  const { settings, closeSignal, deadlines, monotonic } = options;
  const readRights = createReadRights(JEEDOM, (rights) => new JeedomGrants(rights));
  const workers = new JeedomWorkers({ max: settings.maxPolls, maxPerKey: settings.maxPollsPerKey, monotonic });
  const base = addressOf(settings.url, "");
  const apiUrl = addressOf(settings.url);
  /** Running polls, by key, address and body. */
  const polls = new Map<string, Promise<Reply>>();
  const answers = createAnswerMemory(settings.maxResponseBytes);
  const runningCalls = new Set<RunningCall>();
  closeSignal.addEventListener("abort", () => {
    for (const running of runningCalls) running.stop(stopError());
  });
  let strayTextLoggedAt = -Infinity;
  return {
    name: JEEDOM,
    fieldErrorStatus: 403,
    target: ({ jsonrpc }) => typeof jsonrpc === "string" ? jsonrpc : undefined,
    async handle(payload, context) {
      const { scope, key, revoked, holdMemory } = context;
      const request = parseJeedomRequest(payload);
      const grants = readRights(scope);
      const endpoint = endpointPath(request.endpoint ?? DEFAULT_ENDPOINT);
      authorizeCall(grants, { method: request.jsonrpc, params: request.params ?? {} });
      if (endpoint !== DEFAULT_ENDPOINT) grants.useEndpoint(endpoint);
      const params = callParams(request, settings.apikey, grants);
      const poll = request.jsonrpc === LONG_POLL_METHOD ? pollSeconds(params, settings.longPollMaxSeconds) : 0;
      if (poll > 0) params["longPolling"] = poll;
      const body = JSON.stringify({ jsonrpc: "2.0", id: CALL_ID, method: request.jsonrpc, params });
      if (hasHalfPair(body)) {
        // PHP cannot parse such JSON, and Jeedom counts that as a failed login of the gateway.
        throw new FieldError("Invalid field: params: must hold no half of a surrogate pair");
      }
      const call = { key, url: base + endpoint, body, poll, holdMemory };
      // A command runs to its end even when its client has disconnected, so that a repeat finds the answer.
      const reply = poll > 0 ? await unlessAborted(() => join(call), context.clientSignal) : await send(call);
      return limitReply(reply, { method: request.jsonrpc, grants, revoked });
    },
  };

  /** Sends a poll, or joins an identical one that is running: it would occupy a second worker. */
  function join(call: Call): Promise<Reply> {
    const id = JSON.stringify([call.key, call.url, call.body]);
    const running = polls.get(id);
    if (running !== undefined) return running;
    const reply = send(call);
    polls.set(id, reply);
    // Its client may have disconnected when it fails.
    reply.catch(() => {}).finally(() => polls.delete(id));
    return reply;
  }

  /** Sends a call and waits for the answer until the timeout. Jeedom continues a call that has timed out. */
  function send(call: Call): Promise<Reply> {
    if (closeSignal.aborted) throw stopError({ isUnsent: true });
    const timeoutMs = settings.timeoutMs + call.poll * 1000;
    let worker = call.poll > 0 ? workers.startPoll(call.key, call.poll * 1000 + POLL_MARGIN_MS) : undefined;
    if (worker === undefined) workers.startCall(call.key);
    const { promise: reply, resolve, reject } = Promise.withResolvers<Reply>();
    const running = new RunningCall();
    runningCalls.add(running);
    let deadline = deadlines.add(timeoutMs, () => {
      const reason = timeoutError("Jeedom", timeoutMs);
      reject(reason);
      worker ??= workers.startOverdue(call.key, OVERDUE_MS);
      deadline = deadlines.add(OVERDUE_MS, () => running.stop(STOPPED));
      running.stopReading(reason);
    });
    const ended = () => {
      deadline.clear();
      runningCalls.delete(running);
    };
    exchange(call, running).then((answer) => {
      ended();
      worker?.release();
      resolve(answer);
    }, (error) => {
      ended();
      if (mayRunOn(error)) worker?.abandon();
      else worker?.release();
      reject(error);
    });
    return reply;
  }

  async function exchange({ key, url, body, holdMemory }: Call, running: RunningCall): Promise<Reply> {
    try {
      const response = await options.fetch(url, {
        method: "POST",
        headers: CALL_HEADERS,
        // Deno's fetch repeats a request with a text body by itself when a reused connection is closed without an
        // answer: Jeedom may have run the command by then. It cannot do that with a blob.
        body: new Blob([body]),
        redirect: "manual",
        signal: running.signal,
      });
      const { status } = response;
      if (status >= 300 && status < 400) {
        await response.body?.cancel();
        throw new ServiceError(502, "Jeedom redirected the call: set JEEDOM_URL to its final address", {
          code: "service_answer",
        });
      }
      const bytes = await running.read((signal) => {
        const { maxResponseBytes } = settings;
        const length = lengthOf(response) ?? Infinity;
        if (length <= Math.min(LARGE_BODY_BYTES, maxResponseBytes)) return response.bytes();
        const beforeLarge = async () =>
          holdMemory(await answers.acquire(key, largeBodyBytes(response, maxResponseBytes), signal));
        return readBytes(response, maxResponseBytes, { signal, beforeLarge });
      });
      const reply = readAnswer({ status, bytes }, { isApi: url === apiUrl, onStrayText });
      free(bytes);
      return reply;
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      if (error instanceof TooLargeError) {
        throw new ServiceError(502, `Jeedom's answer is larger than ${settings.maxResponseBytes} bytes`, {
          code: "service_answer",
        });
      }
      throw new ServiceError(502, "Jeedom cannot be reached, or broke off its answer", {
        code: "service_unreachable",
        cause: fetchCause(error),
        isUnsent: neverConnected(error),
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

/**
 * Call to Jeedom that has not ended. After its time limit, its connection stays open until an answer begins: the end of
 * the connection shows that Jeedom has finished. An answer that has begun is not read further.
 */
class RunningCall {
  readonly #controller = new AbortController();
  /** Reason for reading no answer, once there is one. */
  #reason: Error | undefined;
  #rejectReading: ((reason: Error) => void) | undefined;

  /** Aborts when the connection is to be closed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Closes the connection. */
  stop(reason: Error): void {
    this.#reason ??= reason;
    this.#controller.abort(this.#reason);
    this.#rejectReading?.(this.#reason);
  }

  /** Closes the connection as soon as an answer begins. */
  stopReading(reason: Error): void {
    this.#reason ??= reason;
    if (this.#rejectReading !== undefined) this.stop(reason);
  }

  /**
   * Reads an answer that begins.
   *
   * @throws the reason, if the call is stopped
   */
  read<T>(read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // Deno 2.9 at times ignores the signal of a fetch while its body is read.
    this.#rejectReading = reject;
    if (this.#reason !== undefined) this.stop(this.#reason);
    else read(this.signal).then(resolve, reject);
    return promise;
  }
}

const STOPPED = new Error("No longer waited for");

/** Returns whether a call may be running in Jeedom although its connection failed: not if it never connected. */
function mayRunOn(error: unknown): boolean {
  return error instanceof ServiceError && error.code === "service_unreachable" && !error.isUnsent;
}

/** Waits for a poll until its client disconnects. */
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

/** Returns whether JSON text has half of a surrogate pair, which `JSON.stringify` writes as an escape. */
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
  configuredApikey: string | undefined,
  grants: JeedomGrants,
): Record<string, unknown> {
  const { apikey, api, ...params } = request.params ?? {};
  requireText("params.apikey", apikey);
  requireText("params.api", api);
  const own = apikey || api || request.apikey;
  // Jeedom opens a session on request, with all rights of the API key's user, and accepts it in place of the key.
  if (own || params["session"] || params["sess_id"]) grants.bringApikey();
  const key = own || configuredApikey;
  if (key === undefined && request.jsonrpc !== "ping") throw new FieldError("Missing required field: apikey");
  return key === undefined ? params : { apikey: key, ...params };
}

/** Requires a text, where there is one: PHP crashes on a key that is a list, and Jeedom counts that as a failed login. */
function requireText(name: string, value: unknown): void {
  if (value !== undefined && value !== null && typeof value !== "string") {
    throw new FieldError(`Invalid field: ${name}: must be a string`);
  }
}

function pollSeconds(params: Readonly<Record<string, unknown>>, max: number): number {
  const longPolling = plainNumber(params["longPolling"]);
  if (longPolling === undefined || longPolling === null) return 0;
  const isNumber = typeof longPolling === "number" || (typeof longPolling === "string" && /^\d+$/.test(longPolling));
  // Jeedom would wait for the number that it reads into any other value, longer than the timeout here.
  if (!isNumber || Number(longPolling) < 0) {
    throw new FieldError("Invalid field: params.longPolling: must be a number of seconds");
  }
  return Math.min(Number(longPolling), max);
}
