/**
 * The gateway as one function from request to response. Everything from outside comes in through its options.
 *
 * @module
 */
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import type { Route } from "../protocol/envelope_v2.ts";
import type { AddressOf } from "../security/client_address.ts";
import { Concurrency } from "../security/concurrency.ts";
import type { Keyring } from "../security/keyring.ts";
import type { RateLimits } from "../security/rate_limits.ts";
import type { ReplayStore } from "../security/replay_store.ts";
import type { BrokerDirectory } from "../services/broker_directory.ts";
import { type Service, ServiceError } from "../services/service.ts";
import { createAdmit } from "./admission.ts";
import { Backlog } from "./backlog.ts";
import { createCallHandler } from "./call.ts";
import type { RouteHandler } from "./caller.ts";
import type { EventSealer } from "./event_sealer.ts";
import { healthResponse } from "./health.ts";
import type { OpenStreams } from "./open_streams.ts";
import {
  badRequest,
  internalError,
  methodNotAllowed,
  notFound,
  Refusal,
  refusalResponse,
  tooManyRequests,
  Unremembered,
} from "./refusal.ts";
import { createSealReply } from "./sealed_answer.ts";
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
  readonly sealer: EventSealer;
  /** The streams that are open; the gateway adds and removes its own. */
  readonly streams: OpenStreams;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Where nonces and salts come from. */
  readonly random: RandomBytes;
  /** Where decisions are told. */
  readonly audit: Audit;
  /** Where failures are told. */
  readonly log: Log;
  /** Shown by `GET /health`. */
  readonly version: string;
  /** Bounds; see the settings of the same names. */
  readonly limits: GatewayLimits;
}

/** Bounds in seconds, milliseconds, bytes and counts, as their names say. */
export interface GatewayLimits {
  /** Most bodies to wait for at a time. */
  readonly maxBodies: number;
  /** Most requests that an address may have under way. */
  readonly maxRequestsPerAddress: number;
  /** Most opened requests under way at a time. */
  readonly maxRequests: number;
  /** The same for each key. */
  readonly maxRequestsPerKey: number;
  /** Most streams open at a time. */
  readonly maxStreams: number;
  /** The same for each key. */
  readonly maxStreamsPerKey: number;
  /** How far a timestamp may be from the clock. */
  readonly maxAgeSeconds: number;
  /** Largest body to read. */
  readonly maxBodyBytes: number;
  /** Longest wait for a whole body. */
  readonly bodyTimeoutMs: number;
  /** Bytes of events to hold for a listener. */
  readonly maxQueueBytes: number;
  /** Bytes of events to hold for all listeners that begin to listen. */
  readonly maxBacklogBytes: number;
  /** Largest payload of a message to pass on. */
  readonly maxEventBytes: number;
  /** How long a listener may leave a backlog untouched. */
  readonly patienceMs: number;
  /** Longest silence of a stream. */
  readonly keepAliveMs: number;
}

interface Endpoint {
  readonly methods: readonly string[];
  readonly handle: (request: Request, address: string) => Response | Promise<Response>;
}

/** Answers a request that came from the other end of a connection, an IP address. */
export type Handler = (request: Request, peer: string) => Promise<Response>;

/** Makes the gateway. */
export function createHandler(options: GatewayOptions): Handler {
  const { services, now, audit, log, limits } = options;
  const admit = createAdmit({ ...options, ...limits, onFailure: audit.failed });
  const arriving = new Concurrency({ each: limits.maxRequestsPerAddress });
  const call = {
    ...options,
    admit,
    running: new Concurrency({ total: limits.maxRequests, each: limits.maxRequestsPerKey }),
    sealReply: createSealReply(now, options.random),
  };
  const listening = new Concurrency({ total: limits.maxStreams, each: limits.maxStreamsPerKey });
  const backlog = new Backlog(limits.maxBacklogBytes);
  const byName = new Map<unknown, Service>(Object.entries(services));
  const serviceNames = [...byName.keys()].map((name) => `"${name}"`).join(" or ");

  /** Bounds what an address may have under way; not all together, or a few addresses could shut out the others. */
  const sealed = (route: Route, handle: RouteHandler): [string, Endpoint] => [route, {
    methods: ["POST"],
    async handle(request, address) {
      const leave = arriving.enter(address);
      if (leave === undefined) throw tooManyRequests(1);
      try {
        return await handle(request, { address, route });
      } finally {
        leave();
      }
    },
  }];

  const endpoints = new Map<string, Endpoint>([
    sealed(
      "/gateway",
      createCallHandler(call, ({ service }) => {
        const found = byName.get(service ?? "jeedom");
        if (found === undefined) throw new ServiceError(403, `Unknown service: must be ${serviceNames}`);
        return found;
      }),
    ),
    sealed(
      "/mqtt/publish",
      createCallHandler(call, ({ service }) => {
        if (service === undefined || service === null || service === "mqtt") return services.mqtt;
        throw new ServiceError(400, 'Invalid field: service: must be "mqtt" on this route, or absent');
      }),
    ),
    sealed("/mqtt/subscribe", createSubscribeHandler({ ...options, ...limits, admit, listening, backlog })),
    ["/health", { methods: ["GET", "HEAD"], handle: () => healthResponse(options.version) }],
  ]);

  return async (request, peer) => {
    const address = options.addressOf(peer, request.headers.get("X-Forwarded-For"));
    const url = URL.parse(request.url);
    try {
      // A wrong Host header makes a wrong URL.
      if (url === null) throw badRequest();
      const endpoint = endpoints.get(url.pathname);
      if (endpoint === undefined) throw notFound();
      if (!endpoint.methods.includes(request.method)) throw methodNotAllowed(endpoint.methods.join(", "));
      return await endpoint.handle(request, address);
    } catch (error) {
      if (error instanceof Refusal) {
        log.warn("Request from {address} refused: {status} {reason}", {
          address,
          status: error.status,
          reason: error.message,
        });
        if (error instanceof Unremembered) {
          const { key: { name, kid }, status, message } = error;
          const route = url?.pathname ?? "";
          audit.decided({ key: name, kid, address, route, outcome: `${status} ${message}`, ms: 0, bytes: 0 });
        }
        return refusalResponse(error);
      }
      log.error("Request broke the gateway: {error}", { error });
      return refusalResponse(internalError());
    }
  };
}
