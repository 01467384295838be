/**
 * Selection of the service that a request is for.
 *
 * @module
 */
import { FieldError, type Payload } from "../protocol/payload.ts";
import { type Service, ServiceError } from "../services/service.ts";

/** Services that a route reaches: several, or one. */
export type ServiceSelection<S extends Service = Service> = NamedServices<S> | OneService<S>;

/** Route whose payloads name their service. */
export interface NamedServices<S extends Service = Service> {
  /** Services. */
  readonly services: readonly S[];
  /** Service of a payload that names none; without it, a name is required. */
  readonly fallback?: S | undefined;
}

/** Route of one service. */
export interface OneService<S extends Service = Service> {
  /** Service of the route. */
  readonly only: S;
}

/**
 * Returns the service that a payload is for.
 *
 * @throws {ServiceError} if there is no such service; `FieldError` if the name is missing, or the route is for another
 * service
 */
export function selectService<S extends Service>(payload: Payload, selection: ServiceSelection<S>): S {
  const { service: name } = payload;
  const isGiven = name !== undefined && name !== null;
  if ("only" in selection) {
    const { only } = selection;
    if (!isGiven || name === only.name) return only;
    throw new FieldError(`Invalid field: service: must be "${only.name}" on this route, or absent`);
  }
  const { services, fallback } = selection;
  if (!isGiven) {
    const claiming = services.find((candidate) => candidate.claims?.(payload));
    if (claiming !== undefined) return claiming;
    if (fallback === undefined) throw new FieldError("Missing required field: service");
    return fallback;
  }
  const service = services.find((candidate) => candidate.name === name);
  if (service !== undefined) return service;
  const names = services.map((candidate) => `"${candidate.name}"`).join(" or ");
  throw new ServiceError(403, `Unknown service: must be ${names}`, { code: "unknown_service" });
}
