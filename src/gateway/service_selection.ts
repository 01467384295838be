/**
 * Selection of the service that a request is for.
 *
 * @module
 */
import { FieldError, type Payload } from "../protocol/payload.ts";
import { type Service, ServiceError } from "../services/service.ts";

/** Services that a route reaches: all of them, or one. */
export type ServiceSelection = AllServices | OneService;

/** Route whose payloads name their service. */
export interface AllServices {
  /** Services. */
  readonly services: readonly Service[];
  /** Service of a payload that names none. */
  readonly fallback: Service;
}

/** Route of one service. */
export interface OneService {
  /** Service of the route. */
  readonly only: Service;
}

/** Message to clients of a newer gateway that request a call of a web address. */
const HTTP_REQUEST = "This gateway has no HTTP service: url and host need a newer gateway. For Jeedom, set jsonrpc";

/**
 * Returns the service that a payload is for.
 *
 * @throws {ServiceError} if there is no such service; `FieldError` if the route is for another service
 */
export function selectService(payload: Payload, selection: ServiceSelection): Service {
  const { service: name } = payload;
  if ("only" in selection) {
    const { only } = selection;
    if (!isGiven(name) || name === only.name) return only;
    throw new FieldError(`Invalid field: service: must be "${only.name}" on this route, or absent`);
  }
  if (isHttpRequest(payload)) throw new ServiceError(403, HTTP_REQUEST, { code: "unknown_service" });
  const { services, fallback } = selection;
  if (!isGiven(name)) return fallback;
  const service = services.find((candidate) => candidate.name === name);
  if (service !== undefined) return service;
  const names = services.map((candidate) => `"${candidate.name}"`).join(" or ");
  throw new ServiceError(403, `Unknown service: must be ${names}`, { code: "unknown_service" });
}

/** Returns whether a payload is for a web address: like one for Jeedom, it need not name its service. */
function isHttpRequest({ service, jsonrpc, url, host, endpoint }: Payload): boolean {
  return !isGiven(service) && !isGiven(jsonrpc) && (isGiven(url) || (isGiven(host) && isGiven(endpoint)));
}

function isGiven(field: unknown): boolean {
  return field !== undefined && field !== null;
}
