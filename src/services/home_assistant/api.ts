/**
 * REST API of Home Assistant: https://developers.home-assistant.io/docs/api/rest
 *
 * @module
 */
import type { Deadlines } from "../../lib/deadlines.ts";
import { fetchCause, neverConnected } from "../../lib/fetch_failure.ts";
import { largeBodyBytes, readBytes, TooLargeError } from "../../lib/read_bytes.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ConcurrencyLimiter } from "../../limits/concurrency_limiter.ts";
import { createAnswerMemory } from "../../limits/answer_memory.ts";
import { runLimited } from "../limited_call.ts";
import { type ServiceContext, ServiceError } from "../service.ts";
import type { HomeAssistantAddress, HomeAssistantConfig } from "./settings.ts";

/** Address of Home Assistant, limits and collaborators. */
export interface HomeAssistantApiOptions {
  /** Address and token. */
  readonly address: HomeAssistantAddress;
  /** Limits of requests. */
  readonly limits: Pick<HomeAssistantConfig, "timeoutMs" | "maxResponseBytes" | "maxCalls" | "maxCallsPerKey">;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Time limits of requests. */
  readonly deadlines: Deadlines;
  /** Aborts when the gateway stops. */
  readonly closeSignal: AbortSignal;
}

/** Request of the REST API. */
export interface ApiRequest {
  /** Path and query below `/api`, with all its parts encoded. */
  readonly path: string;
  /** JSON text of a POST; a GET without. */
  readonly body?: string;
}

/** Answer of the REST API. */
export interface ApiAnswer {
  /** HTTP status: 2xx, 4xx or 5xx. */
  readonly status: number;
  /** Content type; empty if there is none. */
  readonly contentType: string;
  /** Body. */
  readonly bytes: Bytes;
}

/** Owner of a request, whose limits it counts for. */
export type ApiOwner = Pick<ServiceContext, "key" | "holdMemory">;

/** Sends a request to Home Assistant, once. */
export type AskHomeAssistant = (request: ApiRequest, owner: ApiOwner) => Promise<ApiAnswer>;

/** Returns the headers of requests with a token. */
export function headersOf({ token }: Pick<HomeAssistantAddress, "token">): Readonly<Record<string, string>> {
  return {
    "Authorization": `Bearer ${token}`,
    "Content-Type": "application/json",
    // The length of an answer is known only without compression, which the local network does not need.
    "Accept-Encoding": "identity",
  };
}

/**
 * Makes the function that sends requests to Home Assistant. It throws {@linkcode ServiceError} if Home Assistant cannot be
 * reached, refuses the token, or answers too late, too much or with a redirect.
 */
export function createHomeAssistantApi(options: HomeAssistantApiOptions): AskHomeAssistant {
  const { address, limits, fetch, deadlines, closeSignal } = options;
  const { timeoutMs, maxResponseBytes } = limits;
  const requests = new ConcurrencyLimiter({ total: limits.maxCalls, each: limits.maxCallsPerKey });
  const answers = createAnswerMemory(maxResponseBytes);

  return async (request, owner) => {
    const release = requests.tryAcquire(owner.key);
    if (release === undefined) {
      const message = "Too many requests run in Home Assistant";
      throw new ServiceError(429, message, { code: "busy", retryAfterSeconds: 1 });
    }
    try {
      const call = (signal: AbortSignal) => exchange(request, owner, signal);
      return await runLimited(call, { name: "Home Assistant", timeoutMs, deadlines, closeSignal });
    } catch (error) {
      throw failureOf(error);
    } finally {
      release();
    }
  };

  async function exchange(
    { path, body }: ApiRequest,
    { key, holdMemory }: ApiOwner,
    signal: AbortSignal,
  ): Promise<ApiAnswer> {
    const response = await fetch(address.api + path, {
      headers: headersOf(address),
      // Deno's fetch repeats a request with a text body by itself when a reused connection is closed without an answer:
      // Home Assistant may have run the call by then. It cannot do that with a blob.
      ...body === undefined ? {} : { method: "POST", body: new Blob([body]) },
      redirect: "manual",
      signal,
    });
    const { status, headers } = response;
    const refusal = refusalOf(status);
    if (refusal !== undefined) {
      await response.body?.cancel();
      throw new ServiceError(502, refusal, { code: "service_answer" });
    }
    const beforeLarge = async () =>
      holdMemory(await answers.acquire(key, largeBodyBytes(response, maxResponseBytes), signal));
    const bytes = await readBytes(response, maxResponseBytes, { signal, beforeLarge });
    return { status, contentType: headers.get("Content-Type") ?? "", bytes };
  }

  function failureOf(error: unknown): unknown {
    if (error instanceof ServiceError) return error;
    if (error instanceof TooLargeError) {
      return new ServiceError(502, `Home Assistant's answer is larger than ${maxResponseBytes} bytes`, {
        code: "service_answer",
      });
    }
    return new ServiceError(502, "Home Assistant cannot be reached, or broke off its answer", {
      code: "service_unreachable",
      cause: fetchCause(error),
      isUnsent: neverConnected(error),
    });
  }
}

/** Describes a status by which Home Assistant, or a proxy before it, refuses the gateway itself. */
function refusalOf(status: number): string | undefined {
  if (status >= 300 && status < 400) {
    return "Home Assistant redirected the request: set HOME_ASSISTANT_URL to its final address";
  }
  if (status === 401) return "Home Assistant refuses the gateway's token, or its user lacks the permission";
  if (status === 403) {
    return "Home Assistant refuses the gateway: its address may be banned, or its token not be allowed";
  }
  return undefined;
}
