/**
 * Client of the admin port's API.
 *
 * @module
 */

/** Last request of a key. */
export interface KeyUse {
  /** Time, in milliseconds since 1970. */
  readonly at: number;
  /** Service. */
  readonly service?: string;
  /** What it was about. */
  readonly target?: string;
  /** Result in one word. */
  readonly result: "ok" | "subscribed" | "repeat" | "refused" | "failed";
}

/** A key, without its secret. */
export interface ListedKey {
  /** Name. */
  readonly name: string;
  /** Public id. */
  readonly kid: string;
  /** Text by which its device describes itself. */
  readonly label?: string;
  /** Time of its creation, in milliseconds since 1970. */
  readonly created?: number;
  /** Time of its expiry, in milliseconds since 1970. */
  readonly expires?: number;
  /** Reason why it does not work. */
  readonly unusable?: "disabled" | "expired";
  /** End of the validity of its earlier secret, in milliseconds since 1970. */
  readonly previousUntil?: number;
  /** Rights in full, each with its label. */
  readonly rights: readonly (readonly [label: string, text: string])[];
  /** True for the key `default`. */
  readonly isDefault: boolean;
  /** Last request since the start. */
  readonly lastUse?: KeyUse;
}

/** Pairing code that waits for its device. */
export interface ListedPairing {
  /** Name of the key. */
  readonly name: string;
  /** End of its validity, in milliseconds since 1970. */
  readonly expires: number;
  /** True if the key exists already. */
  readonly isReplacement: boolean;
}

/** Keys and pairing codes. */
export interface KeyList {
  /** Keys, by name. */
  readonly keys: readonly ListedKey[];
  /** Pairing codes. */
  readonly pairings: readonly ListedPairing[];
  /** Time from which on uses are known. */
  readonly usesSince: number;
}

/** Option by which rights are granted. */
export interface RightsOption {
  /** Kind of its value. */
  readonly type: "string" | "boolean";
  /** True if it can be given several times. */
  readonly multiple?: boolean;
  /** Placeholder of its value. */
  readonly value?: string;
  /** Description. */
  readonly description: string;
}

/** Options by which rights in one service are granted. */
export interface ServiceOptions {
  /** Name of the service. */
  readonly service: string;
  /** True if its everyday rights belong to a key without options. */
  readonly isEveryday: boolean;
  /** Options of a new key. */
  readonly options: Readonly<Record<string, RightsOption>>;
  /** Options of a change alone. */
  readonly changeOptions: Readonly<Record<string, RightsOption>>;
}

/** Options of all services, and the configured address of the gateway. */
export interface AdminOptions {
  /** Options by service. */
  readonly services: readonly ServiceOptions[];
  /** Address of the gateway for devices. */
  readonly address?: string;
}

/** Values of options. */
export type Values = Readonly<Record<string, string | true | readonly string[]>>;

/** Link by which a device gets its key. */
export interface PairingOffer {
  /** Name of the key. */
  readonly name: string;
  /** Link. */
  readonly link: string;
  /** End of its validity, in milliseconds since 1970. */
  readonly expires: number;
}

/** Result of a check. */
export interface Finding {
  /** Name of the check. */
  readonly name: string;
  /** Status. */
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** Result in words. */
  readonly message: string;
  /** Instructions that fix it. */
  readonly remedy?: string;
}

/** Results of all checks. */
export interface DoctorReport {
  /** End of the checks, in milliseconds since 1970. */
  readonly at: number;
  /** Results. */
  readonly results: readonly Finding[];
}

/** Requests that were refused for one cause. */
export interface Refusal {
  /** Cause. */
  readonly cause: string;
  /** Number of requests. */
  readonly requests: number;
  /** Name of the key. */
  readonly key?: string;
  /** Addresses with the most requests. */
  readonly addresses?: readonly { readonly address: string; readonly requests: number }[];
  /** Seconds by which the client's clock is ahead. */
  readonly "clock_offset_seconds"?: number;
}

/** Refused requests of the last minutes. */
export interface Refusals {
  /** Number of minutes. */
  readonly minutes: number;
  /** Requests by cause. */
  readonly refusals: readonly Refusal[];
}

/** Failure of a request. */
export class AdminError extends Error {
  /** Makes the error: `kind` decides what the page shows, the message is the gateway's. */
  constructor(readonly kind: "token" | "unreachable" | "refused", message = "") {
    super(message);
    this.name = "AdminError";
  }
}

/** Client of the API. */
export interface AdminApi {
  /** Sends a request that reads. */
  get<T>(path: string): Promise<T>;
  /** Sends a request that changes something. */
  post<T>(path: string, body?: unknown): Promise<T>;
}

/**
 * Makes a client.
 *
 * @param send sends HTTP requests
 * @param token token of the page
 */
export function createAdminApi(send: typeof fetch, token: string): AdminApi {
  async function request<T>(path: string, init: RequestInit): Promise<T> {
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
    const body = await response.json().catch(() => null);
    if (response.ok) return body;
    throw new AdminError(
      response.status === 401 ? "token" : "refused",
      typeof body?.error === "string" ? body.error : "",
    );
  }
  return {
    get: (path) => request(path, {}),
    post: (path, body = {}) =>
      request(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }),
  };
}
