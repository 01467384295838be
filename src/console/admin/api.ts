/**
 * Client of the admin port's API.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";

/** Reason why a request failed. */
export type AdminFailure = "token" | "unreachable" | "version" | "refused";

/** Failure of a request. */
export class AdminError extends Error {
  /** Makes the error: `kind` decides what the page shows, the message is the gateway's. */
  constructor(readonly kind: AdminFailure, message = "") {
    super(message);
    this.name = "AdminError";
  }
}

/** Returns whether an answer is of the expected type. */
export type IsAnswer<T> = (value: unknown) => value is T;

/** Client of the API. Every method throws an {@linkcode AdminError} if it fails. */
export interface AdminApi {
  /** Sends a request that reads. */
  get<T>(path: string, isAnswer: IsAnswer<T>): Promise<T>;
  /** Sends a request that changes something. */
  post<T>(path: string, body: object, isAnswer: IsAnswer<T>): Promise<T>;
}

/**
 * Makes a client.
 *
 * @param send sends HTTP requests
 * @param token token of the page
 */
export function createAdminApi(send: typeof fetch, token: string): AdminApi {
  async function request<T>(path: string, init: RequestInit, isAnswer: IsAnswer<T>): Promise<T> {
    let response: Response;
    try {
      response = await send(`api/${path}`, {
        ...init,
        headers: { ...init.headers, Authorization: `Bearer ${token}` },
        cache: "no-store",
        redirect: "error",
      });
    } catch {
      throw new AdminError("unreachable");
    }
    // The gateway may have stopped in the middle of an answer.
    const body: unknown = await response.json().catch(() => undefined);
    if (response.ok) {
      if (isAnswer(body)) return body;
      throw new AdminError(body === undefined ? "unreachable" : "version");
    }
    const message = isObject(body) && typeof body["error"] === "string" ? body["error"] : "";
    throw new AdminError(response.status === 401 ? "token" : "refused", message);
  }
  return {
    get: (path, isAnswer) => request(path, {}, isAnswer),
    post: (path, body, isAnswer) =>
      request(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }, isAnswer),
  };
}
