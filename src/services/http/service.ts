/**
 * HTTP requests to targets of the services file, and to URLs that are allowed.
 *
 * @module
 */
import type { Deadlines } from "../../lib/deadlines.ts";
import { errorName } from "../../lib/errors.ts";
import { describeFetchError, fetchCause, neverConnected } from "../../lib/fetch_failure.ts";
import { largeBodyBytes, readBytes, TooLargeError } from "../../lib/read_bytes.ts";
import { createReadRights } from "../../keys/rights.ts";
import { ConcurrencyLimiter } from "../../limits/concurrency_limiter.ts";
import { createAnswerMemory } from "../../limits/answer_memory.ts";
import { FairSemaphore } from "../../limits/fair_semaphore.ts";
import { hostFault } from "../../net/egress.ts";
import { free } from "../../protocol/bytes.ts";
import type { Payload } from "../../protocol/payload.ts";
import { runLimited } from "../limited_call.ts";
import { type Reply, type Service, type ServiceContext, ServiceError } from "../service.ts";
import type { CheckAddress } from "./addresses.ts";
import { readHttpAnswer } from "./answer.ts";
import type { Destination, DestinationDirectory } from "./destination.ts";
import { answerHeaders, headersLength, MAX_ANSWER_HEADERS_LENGTH } from "./headers.ts";
import { followRedirect, type Outgoing } from "./redirect.ts";
import { claims, type HttpRequest, joinUrl, parseHttpRequest } from "./request.ts";
import { HttpGrants } from "./rights.ts";
import { hasLogin, secretsOf } from "./section.ts";
import type { HttpConfig } from "./settings.ts";
import type { Incoming, Transports } from "./transport.ts";

/** Name of the service. */
export const HTTP = "http";

/** Collaborators of the service. */
export interface HttpServiceOptions {
  /** Limits of requests. */
  readonly settings: Pick<HttpConfig, "timeoutMs" | "maxResponseBytes">;
  /** Finds the destinations of requests. */
  readonly directory: DestinationDirectory;
  /** Checks the addresses of destinations. */
  readonly checkAddress: CheckAddress;
  /** Connections to destinations. */
  readonly transports: Pick<Transports, "send">;
  /** Time limits of requests. */
  readonly deadlines: Deadlines;
  /** Aborts when the gateway stops: ends all waiting. */
  readonly closeSignal: AbortSignal;
}

/** Most redirects to follow. */
const MAX_REDIRECTS = 5;

/** Maximum number of requests to a target, or to a server without one, at a time. */
const MAX_PER_DESTINATION = 16;

/** The same for one key. */
const MAX_PER_DESTINATION_AND_KEY = 8;

/** Maximum number of requests of a key at a time. */
const MAX_PER_KEY = 16;

/** The same for one destination: one that sends slowly must not keep the answers of all others waiting. */
const ANSWERS_IN_MEMORY_PER_DESTINATION = 1;

/** Makes the service. */
export function createHttpService(options: HttpServiceOptions): Service {
  const { settings, directory, deadlines, closeSignal } = options;
  const readRights = createReadRights(HTTP, (rights) => new HttpGrants(rights));
  const keys = new ConcurrencyLimiter({ each: MAX_PER_KEY });
  /** Limiters of the destinations that have requests under way. */
  const destinations = new Map<string, ConcurrencyLimiter>();
  const answers = createAnswerMemory(settings.maxResponseBytes);
  const answersOf = new FairSemaphore({
    total: Infinity,
    each: ANSWERS_IN_MEMORY_PER_DESTINATION * settings.maxResponseBytes,
  });
  return {
    name: HTTP,
    fieldErrorStatus: 400,
    claims,
    target: targetOf,
    async handle(payload, context) {
      const request = parseHttpRequest(payload);
      const grants = readRights(context.scope);
      const destination = directory.find(request, grants);
      const release = acquire(context.key, destination.name);
      try {
        // Runs to its end even when its client has disconnected, so that a repeat finds the answer.
        return await exchange(request, { destination, grants, context });
      } finally {
        release();
      }
    },
  };

  /** Counts a request, for its key and its destination. */
  function acquire(key: string, name: string): () => void {
    const destination = destinations.get(name) ??
      new ConcurrencyLimiter({ total: MAX_PER_DESTINATION, each: MAX_PER_DESTINATION_AND_KEY });
    const releaseKey = keys.tryAcquire(key);
    const releaseDestination = releaseKey && destination.tryAcquire(key);
    if (releaseDestination === undefined) {
      releaseKey?.();
      throw new ServiceError(429, `Too many requests to ${name} are under way`, { code: "busy", retryAfterSeconds: 1 });
    }
    destinations.set(name, destination);
    return () => {
      releaseKey?.();
      releaseDestination();
      if (destination.size === 0) destinations.delete(name);
    };
  }

  /** Sends a request, follows its redirects, and reads the answer, all within its time limit. */
  async function exchange(request: HttpRequest, parts: ExchangeParts): Promise<Reply> {
    const { destination: { name, target } } = parts;
    const longestMs = target?.timeout === undefined ? settings.timeoutMs : target.timeout * 1000;
    const timeoutMs = Math.min(longestMs, (request.timeout ?? Infinity) * 1000);
    let isAnswered = false;
    try {
      const call = (signal: AbortSignal) => send(request, parts, { signal, onAnswer: () => isAnswered = true });
      return await runLimited(call, { name, timeoutMs, deadlines, closeSignal });
    } catch (error) {
      throw failureOf(error, name, isAnswered);
    }
  }

  async function send(
    request: HttpRequest,
    parts: ExchangeParts,
    { signal, onAnswer }: { readonly signal: AbortSignal; readonly onAnswer: () => void },
  ): Promise<Reply> {
    let hop: Hop = await reach({ ...request, destination: parts.destination }, signal);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const { message, address } = hop;
      const incoming = await options.transports.send(message, { address, signal });
      onAnswer();
      const next = await follow(incoming, message, { grants: parts.grants, signal });
      if (next === undefined) return await read(incoming, message, { request, context: parts.context, signal });
      await incoming.response.body?.cancel();
      hop = next;
    }
    throw new ServiceError(502, `${parts.destination.name} redirects more than ${MAX_REDIRECTS} times`, {
      code: "service_answer",
    });
  }

  async function reach(message: Outgoing, signal: AbortSignal): Promise<Hop> {
    return { message, address: await options.checkAddress(message.destination, signal) };
  }

  /** Returns the next hop of an answer that redirects to where the request may go; undefined for any other answer. */
  async function follow(
    { response }: Incoming,
    message: Outgoing,
    { grants, signal }: { readonly grants: HttpGrants; readonly signal: AbortSignal },
  ): Promise<Hop | undefined> {
    const next = followRedirect(response, message, { directory, grants });
    if (next === undefined) return undefined;
    try {
      return await reach(next, signal);
    } catch (error) {
      signal.throwIfAborted();
      // The request may have run, so the client gets its answer.
      if (error instanceof ServiceError) return undefined;
      throw error;
    }
  }

  async function read(
    { response, headers }: Incoming,
    { destination: { name, target }, method }: Outgoing,
    { request, context: { key, holdMemory }, signal }: {
      readonly request: HttpRequest;
      readonly context: ServiceContext;
      readonly signal: AbortSignal;
    },
  ): Promise<Reply> {
    if (headersLength(headers) > MAX_ANSWER_HEADERS_LENGTH) {
      throw new ServiceError(502, `${name} answers with too many headers`, { code: "service_answer" });
    }
    const maxBytes = Math.min(target?.maxBytes ?? Infinity, settings.maxResponseBytes);
    const beforeLarge = async () => {
      const heldBytes = largeBodyBytes(response, maxBytes);
      holdMemory(await answersOf.acquire(name, heldBytes, signal));
      holdMemory(await answers.acquire(key, heldBytes, signal));
    };
    try {
      // The length in the answer to HEAD is that of another answer.
      const bytes = method === "HEAD" ? new Uint8Array() : await readBytes(response, maxBytes, { signal, beforeLarge });
      const kept = target === undefined
        ? { hasLogin: false, secrets: [] }
        : { hasLogin: hasLogin(target), secrets: secretsOf(target) };
      const answer = { status: response.status, headers: answerHeaders(headers, kept), bytes };
      const reply = readHttpAnswer(answer, request.isRaw);
      free(bytes);
      return reply;
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
      throw new ServiceError(502, `The answer of ${name} is larger than ${maxBytes} bytes`, { code: "service_answer" });
    }
  }
}

/** Parts of an exchange besides the request. */
interface ExchangeParts {
  readonly destination: Destination;
  readonly grants: HttpGrants;
  readonly context: ServiceContext;
}

/** Message, and the address that it is sent to; undefined to send it to the name. */
interface Hop {
  readonly message: Outgoing;
  readonly address: string | undefined;
}

/** Returns the error for the client: never the library's message, which may quote the request. */
function failureOf(error: unknown, name: string, isAnswered: boolean): unknown {
  if (error instanceof ServiceError) return error;
  const cause = fetchCause(error);
  const fail = (message: string, isRefused: boolean) =>
    // After a redirect, the request may have run all the same.
    new ServiceError(502, message, { code: "service_unreachable", cause, isUnsent: isRefused && !isAnswered });
  // The sandbox checks the address that a name led to.
  const denied = /Requires net access to "\[?([^"\]]+?)\]?(?::\d+)?"/.exec(cause.message)?.[1] ?? "";
  const fault = hostFault(denied);
  if (fault !== undefined) {
    return new ServiceError(403, `Address not allowed: ${name} leads to an address that ${fault}`, {
      code: "scope",
      isUnsent: !isAnswered,
    });
  }
  if (errorName(error) === "NotCapable" || /Requires \w+ access/.test(cause.message)) {
    return fail(`The sandbox does not allow ${name} yet: it needs a restart of the gateway`, true);
  }
  if (error instanceof Error && error.message.startsWith("http.")) {
    return fail(`The certificates of ${name} cannot be used: run deno task check-config`, true);
  }
  return fail(`${name} ${describeFetchError(error, NEVER_ABORTED).message}`, neverConnected(error));
}

const NEVER_ABORTED = new AbortController().signal;

/** Returns the name of the target, or the origin of the URL, for the audit: no path and no query, which may hold secrets. */
function targetOf({ target, url, host, endpoint }: Payload): string | undefined {
  if (typeof target === "string") return target;
  const text = typeof url === "string" ? url : typeof host === "string" && endpoint ? joinUrl(host, "/") : "";
  const origin = URL.parse(text)?.origin;
  return origin === "null" ? undefined : origin;
}
