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
import { FieldError, type Payload } from "../protocol/payload.ts";
import type { AddressOf } from "../http/client_address.ts";
import type { Keyring } from "../keys/keyring.ts";
import type { RateLimits } from "../limits/rate_limits.ts";
import type { ReplayStore } from "../store/replay_store.ts";
import type { BrokerDirectory } from "../services/mqtt/broker_directory.ts";
import { type Service, ServiceError } from "../services/service.ts";
import { type Admit, createAdmit } from "./admission.ts";
import { createCallHandler } from "./call.ts";
import type { RouteHandler } from "../http/request_info.ts";
import { AllowedOrigins, isCrossSite, preflightResponse } from "../http/cross_origin.ts";
import {
  createRouter,
  type Handler,
  READ_METHODS,
  type RoutedRequest,
  type RouteEntry,
  toHttpError,
} from "../http/router.ts";
import type { EventEncoder } from "../streams/event_encoder.ts";
import { aliveResponse, healthResponse, readyResponse } from "../http/health.ts";
import type { GatewayLimits, Limiters } from "./limits.ts";
import type { StreamRegistry } from "../streams/stream_registry.ts";
import {
  crossSite,
  type HttpError,
  ReplayStoreError,
  stopping,
  tooManyAtOnce,
  tooManyRequests,
} from "../http/errors.ts";
import { createSealReply, createToResponse } from "./reply.ts";
import { createSubscribeHandler, type ListenToBrokers } from "./subscribe.ts";

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
  /** The services by the name that requests call them. */
  readonly services: { readonly jeedom: Service; readonly mqtt: Service };
  /** Finds the brokers of subscriptions. */
  readonly directory: BrokerDirectory;
  /** Listens to brokers. */
  readonly brokers: ListenToBrokers;
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

/** Routes that need no key. */
type OpenRoute = Exclude<AnsweredRequest["route"], Route | "other">;

/** What a client of a newer gateway is told, which asks for a call of a web address. */
const HTTP_REQUEST = "This gateway has no HTTP service: url and host need a newer gateway. For Jeedom, set jsonrpc";

/** Tells a request for a web address from one for Jeedom: neither names its service. */
function isHttpRequest({ service, jsonrpc, url, host, endpoint }: Payload): boolean {
  const isGiven = (field: unknown) => field !== undefined && field !== null;
  return !isGiven(service) && !isGiven(jsonrpc) && (isGiven(url) || (isGiven(host) && isGiven(endpoint)));
}

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
  const byName = new Map<unknown, Service>(Object.entries(services));
  const serviceNames = [...byName.keys()].map((name) => `"${name}"`).join(" or ");

  /** Returns a route for sealed requests, limited per address. */
  const sealed = (route: Route, handle: RouteHandler): RouteEntry<Route> => ({
    path: route,
    methods: ["POST"],
    async handle(request, origin) {
      // Before it counts: a hostile page must not lock out the address of its visitors.
      if (!allowedOrigins.has(request) && isCrossSite(request, options.publicUrl)) throw crossSite();
      const release = limiters.addressLimiter.tryAcquire(origin.address);
      if (release === undefined) throw tooManyAtOnce();
      try {
        return await handle(request, { ...origin, route });
      } finally {
        release();
      }
    },
  });

  /** Returns a route that needs no key. */
  const open = (route: OpenRoute, respond: () => Response): RouteEntry<OpenRoute> => ({
    path: route,
    methods: READ_METHODS,
    handle() {
      telemetry.answered({ route, service: "none", result: "ok", seconds: 0 });
      return respond();
    },
  });

  const routes: readonly RouteEntry<Route | OpenRoute>[] = [
    sealed(
      "/gateway",
      createCallHandler(call, (payload) => {
        if (isHttpRequest(payload)) throw new ServiceError(403, HTTP_REQUEST, { code: "unknown_service" });
        const found = byName.get(payload["service"] ?? "jeedom");
        if (found === undefined) {
          throw new ServiceError(403, `Unknown service: must be ${serviceNames}`, { code: "unknown_service" });
        }
        return found;
      }),
    ),
    sealed(
      "/mqtt/publish",
      createCallHandler(call, ({ service }) => {
        if (service === undefined || service === null || service === "mqtt") return services.mqtt;
        throw new FieldError('Invalid field: service: must be "mqtt" on this route, or absent');
      }),
    ),
    sealed("/mqtt/subscribe", createSubscribeHandler({ ...options, ...limits, ...limiters, admit })),
    open("/health", () => healthResponse(options.version)),
    open("/health/live", aliveResponse),
    open("/health/ready", () => readyResponse(options.isReady())),
  ];

  /** Answers the preflight of a page of another origin. */
  async function answerPreflight({ request, entry, origin }: Routed): Promise<Response | undefined> {
    if (entry === undefined || !allowedOrigins.isPreflight(request)) return undefined;
    // Before it counts, like the request that follows it.
    if (!allowedOrigins.has(request)) throw crossSite();
    const wait = await options.rates.requests.take(origin.address);
    if (wait > 0) throw tooManyRequests(wait);
    telemetry.answered({ route: entry.path, service: "none", result: "ok", seconds: 0 });
    return preflightResponse(request, entry.methods);
  }

  /** Logs and counts an error that ended a request. */
  function reportError(error: unknown, { entry, origin, receivedAt }: Routed): HttpError {
    const httpError = toHttpError(error);
    // The server's stop breaks off bodies that are being received.
    const answered = httpError.reason === "body" && streams.isDraining ? stopping(options.random) : httpError;
    const { status, reason, message } = answered;
    const { requestId, address } = origin;
    if (reason === "internal") log.error("Request broke the gateway: {error}", { request: requestId, error });
    else {
      log.warn("Request from {address} refused: {status} {reason}", {
        request: requestId,
        address,
        status,
        reason: message,
      });
      telemetry.refused(reason, { address, named: answered.named });
    }
    const route = entry?.path ?? "other";
    telemetry.answered({
      route,
      service: "none",
      result: reason === "internal" ? "failed" : "refused",
      seconds: (monotonic() - receivedAt) / 1000,
    });
    if (answered instanceof ReplayStoreError) {
      const { name, kid } = answered.key;
      audit.decided({ ...origin, key: name, kid, route, outcome: `${status} ${message}`, ms: 0, bytes: 0 });
    }
    return answered;
  }

  const respond = createRouter({
    routes,
    randomBytes: options.randomBytes,
    monotonic,
    addressOf: (request, peer) => options.addressOf(peer, request.headers.get("X-Forwarded-For")),
    intercept: answerPreflight,
    onError: reportError,
  });

  return async (request, peer) => {
    const response = await respond(request, peer);
    allowedOrigins.share(request, response);
    return response;
  };
}

/** Request to the public port and its route. */
type Routed = RoutedRequest<Route | OpenRoute>;
