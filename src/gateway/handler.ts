/**
 * The gateway as one function from request to response. Everything from outside comes in through its options.
 *
 * @module
 */
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { AnsweredRequest, Telemetry } from "../observability/telemetry.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import { FieldError } from "../protocol/payload.ts";
import type { AddressOf } from "../http/client_address.ts";
import type { Keyring } from "../keys/keyring.ts";
import type { RateLimits } from "../limits/rate_limits.ts";
import type { ReplayStore } from "../store/replay_store.ts";
import { isStreaming, type Service, ServiceError } from "../services/service.ts";
import { type Admit, createAdmit } from "./admission.ts";
import { createCallHandler, type SelectService } from "./call.ts";
import type { RequestInfo, RouteHandler } from "../http/request_info.ts";
import { AllowedOrigins, preflightResponse } from "../http/cors.ts";
import { isCrossSite } from "../http/cross_site.ts";
import type { EventEncoder } from "../streams/event_encoder.ts";
import { aliveResponse, healthResponse, readyResponse } from "../http/health.ts";
import type { GatewayLimits, Limiters } from "./limits.ts";
import type { StreamRegistry } from "../streams/stream_registry.ts";
import {
  badRequest,
  crossSite,
  errorResponse,
  HttpError,
  internalError,
  methodNotAllowed,
  notFound,
  ReplayStoreError,
  stopping,
  tooManyAtOnce,
  tooManyRequests,
} from "../http/errors.ts";
import { createRequestId, REQUEST_ID_HEADER } from "../http/request_id.ts";
import { createSealReply, createToResponse } from "./reply.ts";
import { createSubscribeHandler, type StreamingRoute } from "./subscribe.ts";

/** All that the gateway works with. */
export interface GatewayOptions {
  /** The keys. */
  readonly keyring: Keyring;
  /** The memory of accepted requests. */
  readonly replays: ReplayStore;
  /** The paces of addresses and keys. */
  readonly rates: RateLimits;
  /** Finds the address that a request is counted for. */
  readonly addressOf: AddressOf;
  /** The services. A request that names none is for the first one. */
  readonly services: readonly Service[];
  /** Seals the events of streams. */
  readonly encoder: EventEncoder;
  /** The streams that are open; the gateway adds and removes its own. */
  readonly streams: StreamRegistry;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Where nonces, salts and ids of requests come from. */
  readonly randomBytes: RandomBytes;
  /** Draws from 0 up to but not including 1, for waits that are to differ. */
  readonly random: () => number;
  /** Where decisions are told. */
  readonly audit: Audit;
  /** Where failures are told. */
  readonly log: Log;
  /** Where everything is measured. */
  readonly telemetry: Telemetry;
  /** Tells whether all that the gateway needs is there. */
  readonly isReady: () => boolean;
  /** The gateway's address as phones reach it, where that is known. */
  readonly publicUrl?: URL | undefined;
  /** Other origins whose pages may use the gateway, as browsers write them; none by default. */
  readonly allowedOrigins?: Iterable<string> | undefined;
  /** Shown by `GET /health`. */
  readonly version: string;
  /** Bounds; see the settings of the same names. */
  readonly limits: GatewayLimits;
  /** What is counted against them. */
  readonly limiters: Limiters;
}

/** What is known of a request before its route is. */
type Arrived = Omit<RequestInfo, "route">;

/** The routes that need no key. */
type OpenRoute = Exclude<AnsweredRequest["route"], Route | "other">;

interface Endpoint {
  readonly route: Route | OpenRoute;
  readonly methods: readonly string[];
  readonly handle: (message: Request, arrived: Arrived) => Response | Promise<Response>;
}

/** Slashes before a path: clients join a route to an address that ends with one. */
const LEADING_SLASHES = /^\/+/;

/** Answers a request that came from the other end of a connection, an IP address. */
export type Handler = (request: Request, peer: string) => Promise<Response>;

/** Makes the gateway. */
export function createHandler(options: GatewayOptions): Handler {
  const { services, audit, log, telemetry, limiters, limits, monotonic, streams } = options;
  const decide = createAdmit({ ...options, ...limits, ...limiters, onFailure: audit.failed });
  const admit: Admit = (request, requestInfo) => telemetry.measure("admission", () => decide(request, requestInfo));
  const call = {
    ...options,
    ...limiters,
    admit,
    sealReply: createSealReply(options.now, options.randomBytes),
    toResponse: createToResponse(limiters.unread, log),
  };
  const allowedOrigins = new AllowedOrigins(options.allowedOrigins ?? []);
  const byName = new Map<unknown, Service>(services.map((service) => [service.name, service]));
  const streaming = services.filter(isStreaming);
  const unknownService = (known: readonly Service[]) => {
    const names = known.map(({ name }) => `"${name}"`).join(" or ");
    return new ServiceError(403, `Unknown service: must be ${names}`, { code: "unknown_service" });
  };
  /** Selects the service of a call. */
  const select: SelectService = (payload) => {
    const { service: name } = payload;
    if (name === undefined || name === null) {
      const [standard] = services;
      const fault = standard?.misdirectedFault?.(payload);
      if (fault !== undefined) throw new ServiceError(403, fault, { code: "unknown_service" });
      if (standard !== undefined) return standard;
    }
    const found = byName.get(name);
    if (found === undefined) throw unknownService(services);
    return found;
  };
  /** Selects the service of a call to a service's own route. */
  const selectOnly = (only: Service): SelectService => ({ service: name }) => {
    if (name === undefined || name === null || name === only.name) return only;
    throw new FieldError(`Invalid field: service: must be "${only.name}" on this route, or absent`);
  };
  /** Selects the service of a subscription. */
  const anyStreaming: StreamingRoute = {
    select({ service: name }) {
      if (name === undefined || name === null || name === "") throw new FieldError("Missing required field: service");
      const found = streaming.find((service) => service.name === name);
      if (found === undefined) throw unknownService(streaming);
      return found;
    },
  };

  /** Bounds what an address may have under way. */
  const sealed = (route: Route, handle: RouteHandler): [string, Endpoint] => [route, {
    route,
    methods: ["POST"],
    async handle(message, arrived) {
      // Before it counts: a hostile page must not lock out the address of its visitors.
      if (!allowedOrigins.has(message) && isCrossSite(message, options.publicUrl)) throw crossSite();
      const release = limiters.addressLimiter.tryAcquire(arrived.address);
      if (release === undefined) throw tooManyAtOnce();
      try {
        return await handle(message, { ...arrived, route });
      } finally {
        release();
      }
    },
  }];

  /** Answers what needs no key. */
  const open = (route: OpenRoute, answer: () => Response): [string, Endpoint] => [route, {
    route,
    methods: ["GET", "HEAD"],
    handle() {
      telemetry.answered({ route, service: "none", result: "ok", seconds: 0 });
      return answer();
    },
  }];

  const subscriptions = { ...options, ...limits, ...limiters, admit };
  const aliases = streaming.flatMap((service) =>
    service.aliases === undefined ? [] : [
      sealed(service.aliases.call, createCallHandler(call, selectOnly(service))),
      sealed(
        service.aliases.subscribe,
        createSubscribeHandler(subscriptions, { only: service.name, select: () => service }),
      ),
    ]
  );

  const endpoints = new Map<string, Endpoint>([
    sealed("/gateway", createCallHandler(call, select)),
    sealed("/subscribe", createSubscribeHandler(subscriptions, anyStreaming)),
    ...aliases,
    open("/health", () => healthResponse(options.version)),
    open("/health/live", aliveResponse),
    open("/health/ready", () => readyResponse(options.isReady())),
  ]);

  /** Answers a browser that asks whether a page of another origin may send a request. */
  async function answerPreflight(message: Request, { route, methods }: Endpoint, address: string): Promise<Response> {
    // Before it counts, like the request that it asks for.
    if (!allowedOrigins.has(message)) throw crossSite();
    const wait = await options.rates.requests.take(address);
    if (wait > 0) throw tooManyRequests(wait);
    telemetry.answered({ route, service: "none", result: "ok", seconds: 0 });
    return preflightResponse(message, methods);
  }

  function refusalOf(error: unknown): HttpError {
    if (!(error instanceof HttpError)) return internalError();
    // A body that was on its way breaks off when the server stops.
    return error.reason === "body" && streams.isDraining ? stopping(options.random) : error;
  }

  async function answer(message: Request, arrived: Arrived): Promise<Response> {
    const began = monotonic();
    const { requestId, address } = arrived;
    const url = URL.parse(message.url);
    const endpoint = url === null ? undefined : endpoints.get(url.pathname.replace(LEADING_SLASHES, "/"));
    try {
      // A wrong Host header makes a wrong URL.
      if (url === null) throw badRequest();
      if (endpoint === undefined) throw notFound();
      if (allowedOrigins.isPreflight(message)) return await answerPreflight(message, endpoint, address);
      if (!endpoint.methods.includes(message.method)) throw methodNotAllowed(endpoint.methods.join(", "));
      return await endpoint.handle(message, arrived);
    } catch (error) {
      const refusal = refusalOf(error);
      const { status, reason, message: words } = refusal;
      if (reason === "internal") log.error("Request broke the gateway: {error}", { request: requestId, error });
      else {
        log.warn("Request from {address} refused: {status} {reason}", {
          request: requestId,
          address,
          status,
          reason: words,
        });
        telemetry.refused(reason, { address, named: refusal.named });
      }
      const result = reason === "internal" ? "failed" : "refused";
      const seconds = (monotonic() - began) / 1000;
      const route = endpoint?.route ?? "other";
      telemetry.answered({ route, service: "none", result, seconds });
      if (refusal instanceof ReplayStoreError) {
        const { key: { name, kid } } = refusal;
        audit.decided({ ...arrived, key: name, kid, route, outcome: `${status} ${words}`, ms: 0, bytes: 0 });
      }
      return errorResponse(refusal);
    }
  }

  return async (message, peer) => {
    const address = options.addressOf(peer, message.headers.get("X-Forwarded-For"));
    const requestId = createRequestId(options.randomBytes);
    const response = await answer(message, { requestId, address });
    response.headers.set(REQUEST_ID_HEADER, requestId);
    allowedOrigins.share(message, response);
    return response;
  };
}
