/**
 * Exchanges with InfluxDB over HTTP: one request and its whole answer, within limits of time and size.
 *
 * @module
 */
import { errorName } from "../../lib/errors.ts";
import { fetchCause } from "../../lib/fetch_failure.ts";
import { readBytes, TooLargeError } from "../../lib/read_bytes.ts";
import { type CallLimits, runLimited } from "../limited_call.ts";
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
export interface ExchangeOptions extends Omit<CallLimits, "name"> {
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Largest body, in bytes. */
  readonly maxBytes: number;
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
  { fetch, maxBytes, beforeLarge, ...limits }: ExchangeOptions,
): Promise<InfluxAnswer> {
  try {
    return await runLimited(async (signal) => {
      const response = await fetch(urlOf(server, request), { ...initOf(server, request), signal });
      const bytes = await readBytes(response, maxBytes, { signal, beforeLarge: () => beforeLarge(signal) });
      return { status: response.status, text: new TextDecoder().decode(bytes) };
    }, { name: "InfluxDB", ...limits });
  } catch (error) {
    throw toServiceError(error);
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
