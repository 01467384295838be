/**
 * Exchanges with InfluxDB over HTTP: one request and its whole answer, within limits of time and size.
 *
 * @module
 */
import { abortable } from "../../lib/async.ts";
import type { Deadlines } from "../../lib/deadlines.ts";
import { errorName } from "../../lib/errors.ts";
import { fetchCause } from "../../lib/fetch_failure.ts";
import { readBytes, TooLargeError } from "../../lib/read_bytes.ts";
import { ServiceError } from "../service.ts";
import { type ApiRequest, loginOf } from "./api.ts";
import { endpointOf, type InfluxServer } from "./section.ts";

/** Answer of InfluxDB. */
export interface InfluxAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Body. */
  readonly text: string;
}

/** Limits of an exchange, and how it is sent. */
export interface ExchangeOptions {
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Time limits. */
  readonly deadlines: Deadlines;
  /** Longest wait for the whole answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** Ends the exchange. */
  readonly closeSignal: AbortSignal;
  /** Called and awaited before a large body is read. */
  readonly beforeLarge: (signal: AbortSignal) => Promise<void>;
}

/**
 * Sends a request, once, and reads the answer.
 *
 * @throws {ServiceError} if there is none, or it is too late or too large
 */
export async function exchange(
  server: InfluxServer,
  request: ApiRequest,
  { fetch, deadlines, timeoutMs, maxBytes, closeSignal, beforeLarge }: ExchangeOptions,
): Promise<InfluxAnswer> {
  const controller = new AbortController();
  const stop = () => controller.abort(new ServiceError(502, "The gateway stops", { code: "restart" }));
  if (closeSignal.aborted) stop();
  closeSignal.addEventListener("abort", stop, { once: true });
  const deadline = deadlines.add(timeoutMs, () =>
    controller.abort(
      new ServiceError(504, `InfluxDB did not answer within ${timeoutMs / 1000} s`, { code: "service_timeout" }),
    ));
  const { signal } = controller;
  try {
    const response = await abortable(fetch(urlOf(server, request), { ...initOf(server, request), signal }), signal);
    const bytes = await abortable(
      readBytes(response, maxBytes, { signal, beforeLarge: () => beforeLarge(signal) }),
      signal,
    );
    return { status: response.status, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    throw toServiceError(error);
  } finally {
    deadline.clear();
    closeSignal.removeEventListener("abort", stop);
  }
}

/** Returns the URL of a request. */
export function urlOf(server: InfluxServer, { path, search }: ApiRequest): string {
  const query = new URLSearchParams(search).toString();
  return endpointOf(server, path) + (query === "" ? "" : `?${query}`);
}

function initOf(server: InfluxServer, { method, headers, body }: ApiRequest): RequestInit {
  return {
    method,
    headers: { ...headers, ...loginOf(server) },
    // A redirect would send the login to another server.
    redirect: "manual",
    // Deno's fetch repeats a request with a text body by itself when a reused connection is closed without an answer.
    ...body === undefined ? {} : { body: new Blob([body]) },
  };
}

function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof TooLargeError) {
    return new ServiceError(
      502,
      `InfluxDB's answer is larger than ${error.maxBytes} bytes: ask for a shorter time or longer intervals`,
      { code: "service_answer" },
    );
  }
  if (errorName(error) === "NotCapable") {
    return new ServiceError(502, "InfluxDB's address is new in the services file: it needs a restart of the gateway", {
      code: "service_unreachable",
      cause: new Error("Deno's sandbox does not allow the connection"),
    });
  }
  return new ServiceError(502, "InfluxDB cannot be reached, or broke off its answer", {
    code: "service_unreachable",
    cause: fetchCause(error),
  });
}
