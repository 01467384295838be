/**
 * Public port: the gateway as one function from request to response.
 *
 * @module
 */
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { AnsweredRequest, Telemetry } from "../observability/telemetry.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import type { AddressOf } from "../http/client_address.ts";
import { createConsoleRoutes, type PageFiles } from "../http/console.ts";
import { AllowedOrigins, isCrossSite, preflightResponse } from "../http/cross_origin.ts";
import {
  crossSite,
  type HttpError,
  ReplayStoreError,
  stopping,
  tooManyAtOnce,
  tooManyRequests,
} from "../http/errors.ts";
import { aliveResponse, healthResponse, readyResponse } from "../http/health.ts";
import {
  createRouter,
  type Handler,
  READ_METHODS,
  type RoutedRequest,
  type RouteEntry,
  type RouteHandler,
  toHttpError,
} from "../http/router.ts";
import type { Keyring } from "../keys/keyring.ts";
import { isStreaming, type Service } from "../services/service.ts";
import { type AccessOptions, type Admit, createAdmit } from "./admission.ts";
import { createCallHandler } from "./call.ts";
import type { Limiters } from "./limiters.ts";
import { createSealReply, createToResponse } from "./reply.ts";
import { createSubscribeHandler, type SubscriptionOptions } from "./subscribe.ts";

/** Collaborators and settings of the gateway. */
export interface GatewayOptions {
  /** Returns the address that a request is counted for. */
  readonly addressOf: AddressOf;
  /** Web pages that may use the gateway. */
  readonly origins: OriginOptions;
  /** Keys, replay store and rate limits. */
  readonly access: AccessOptions;
  /** Pairing of devices. */
  readonly pairing: PairingOptions;
  /** Services. A request to `/gateway` that names none is for the first one. */
  readonly services: readonly Service[];
  /** Collaborators of subscriptions. */
  readonly subscriptions: SubscriptionOptions;
  /** Limiters that the routes share. */
  readonly limiters: Limiters;
  /** Answers of the health routes. */
  readonly health: HealthOptions;
  /** Files of the page; absent if it is off. */
  readonly page?: PageFiles | undefined;
  /** Wall clock and monotonic clock. */
  readonly clock: Clocks;
  /** Source of nonces, salts and request ids. */
  readonly randomBytes: RandomBytes;
  /** Returns a random number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Records decisions. */
  readonly audit: Audit;
  /** Logger. */
  readonly log: Log;
  /** Measures and counts. */
  readonly telemetry: Telemetry;
}

/** Web pages that may use the gateway. */
export interface OriginOptions {
  /** Address of the gateway as clients reach it, if known. */
  readonly publicUrl?: URL | undefined;
  /** Other origins whose pages may use the gateway, as browsers write them; none by default. */
  readonly allowedOrigins?: Iterable<string> | undefined;
}

/** Pairing of devices. */
export interface PairingOptions {
  /** Keys of the pairing codes. */
  readonly keyring: Keyring;
  /** Service of the route. */
  readonly service: Service;
}

/** Answers of the health routes. */
export interface HealthOptions {
  /** Version of the gateway. */
  readonly version: string;
  /** Returns whether all dependencies work. */
  readonly isReady: () => boolean;
}

/** Wall clock and monotonic clock. */
export interface Clocks {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic: () => number;
}

/** Routes that need no key. */
type OpenRoute = Exclude<AnsweredRequest["route"], Route | "other">;

/** Routes with a path of their own that need no key. */
type HealthRoute = Exclude<OpenRoute, "console">;

/** Request to the public port and its route. */
type Routed = RoutedRequest<Route | OpenRoute>;

/** Returns the handler of the public port. */
export function createHandler(options: GatewayOptions): Handler {
  const {
    access,
    pairing,
    services,
    subscriptions,
    limiters,
    health,
    page,
    random,
    randomBytes,
    audit,
    log,
    telemetry,
  } = options;
  const { now, monotonic } = options.clock;
  const { streams } = subscriptions;
  const { publicUrl } = options.origins;
  const allowedOrigins = new AllowedOrigins(options.origins.allowedOrigins ?? []);

  /** Returns the admission of requests with the keys of a keyring. Rates, failures and replays count for all of them. */
  function admitWith(keyring: Keyring): Admit {
    const decide = createAdmit({
      access: { ...access, keyring },
      bodies: limiters.bodies,
      largeRequests: limiters.largeRequests,
      telemetry,
      onFailure: audit.failed,
      now,
    });
    return (request, requestInfo) => telemetry.measure("admission", () => decide(request, requestInfo));
  }

  const admit = admitWith(access.keyring);
  const call = {
    admit,
    limiters,
    sealReply: createSealReply(now, randomBytes),
    toResponse: createToResponse(limiters.unread, log),
    audit,
    log,
    telemetry,
    monotonic,
  };
  const subscribe = { admit, subscriptions, limiters, audit, log, telemetry, random, now, monotonic };

  /** Returns a route for sealed requests, limited per address. */
  const sealed = (route: Route, handle: RouteHandler): RouteEntry<Route> => ({
    path: route,
    label: route,
    methods: ["POST"],
    async handle(request, origin) {
      // Before it counts: a hostile page must not lock out the address of its visitors.
      if (!allowedOrigins.has(request) && isCrossSite(request, publicUrl)) throw crossSite();
      const release = limiters.addressLimiter.tryAcquire(origin.address);
      if (release === undefined) throw tooManyAtOnce();
      try {
        return await handle(request, { requestId: origin.requestId, address: origin.address, route });
      } finally {
        release();
      }
    },
  });

  /** Returns a route that needs no key. */
  const open = (route: HealthRoute, respond: () => Response): RouteEntry<OpenRoute> => ({
    path: route,
    label: route,
    methods: READ_METHODS,
    handle() {
      telemetry.answered({ route, service: "none", result: "ok", seconds: 0 });
      return respond();
    },
  });

  const streaming = services.filter(isStreaming);
  const routes: readonly RouteEntry<Route | OpenRoute>[] = [
    sealed("/gateway", createCallHandler(call, { services, fallback: services[0] })),
    sealed("/subscribe", createSubscribeHandler(subscribe, { services: streaming })),
    ...streaming.flatMap((only) =>
      only.aliases === undefined ? [] : [
        sealed(only.aliases.call, createCallHandler(call, { only })),
        sealed(only.aliases.subscribe, createSubscribeHandler(subscribe, { only })),
      ]
    ),
    sealed("/pair", createCallHandler({ ...call, admit: admitWith(pairing.keyring) }, { only: pairing.service })),
    open("/health", () => healthResponse(health.version)),
    open("/health/live", aliveResponse),
    open("/health/ready", () => readyResponse(health.isReady())),
    ...page === undefined ? [] : createConsoleRoutes({
      ...page,
      rate: access.rates.files,
      unread: limiters.unreadFiles,
      onAnswer: () => telemetry.answered({ route: "console", service: "none", result: "ok", seconds: 0 }),
    }),
  ];

  /** Answers the preflight of a page of another origin. */
  async function answerPreflight(
    request: Request,
    { label, methods }: RouteEntry<Route | OpenRoute>,
    address: string,
  ): Promise<Response> {
    // Before it counts, like the request that follows it.
    if (!allowedOrigins.has(request)) throw crossSite();
    const wait = await access.rates.requests.take(address);
    if (wait > 0) throw tooManyRequests(wait);
    telemetry.answered({ route: label, service: "none", result: "ok", seconds: 0 });
    return preflightResponse(request, methods);
  }

  /** Logs and counts an error that ended a request. */
  function reportError(error: unknown, { entry, origin, receivedAt }: Routed): HttpError {
    const httpError = toHttpError(error);
    // The server's stop breaks off bodies that are being received.
    const answered = httpError.reason === "body" && streams.isDraining ? stopping(random) : httpError;
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
    const route = entry?.label ?? "other";
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

  return createRouter({
    routes,
    randomBytes,
    monotonic,
    addressOf: (request, peer) => options.addressOf(peer, request.headers.get("X-Forwarded-For")),
    intercept({ request, entry, origin }) {
      const isPreflight = entry !== undefined && allowedOrigins.isPreflight(request);
      return isPreflight ? answerPreflight(request, entry, origin.address) : undefined;
    },
    onError: reportError,
    finish: (request, response) => allowedOrigins.share(request, response),
  });
}
