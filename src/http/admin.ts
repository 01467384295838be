/**
 * Admin port: metrics, refused requests, health with the state of each dependency, and the Admin page.
 *
 * @module
 */
import { hostOf } from "../net/host.ts";
import { isLoopback } from "../net/ip_address.ts";
import type { Log } from "../observability/log.ts";
import { RECENT_MINUTES, type RecentRefusals } from "../observability/recent_refusals.ts";
import type { PushStatus } from "../push/push_status.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { ADMIN_PATH, assertOwnOrigin } from "./admin/guard.ts";
import { type AdminPageOptions, createAdminRoutes } from "./admin/admin_routes.ts";
import { misdirected } from "./errors.ts";
import { aliveResponse, healthResponse, type Readiness, readyResponse } from "./health.ts";
import { createRouter, type Handler, READ_METHODS, toHttpError } from "./router.ts";

/** Sources of the admin port's answers. */
export interface AdminOptions {
  /** Metrics in Prometheus' text format. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Readiness and the state of each dependency. */
  readonly readiness: Pick<Readiness, "dependencies" | "isReady" | "failing" | "up" | "ageSeconds">;
  /** Recently refused requests. */
  readonly refusals: Pick<RecentRefusals, "list">;
  /** Reads the state of push messages. */
  readonly push: () => Promise<PushStatus>;
  /** Version of the gateway. */
  readonly version: string;
  /** Admin page; undefined if it is off. It is served only if the port listens on loopback. */
  readonly admin?: AdminPageOptions | undefined;
  /** Address that the port listens on. */
  readonly listensOn: string;
  /** Source of request ids. */
  readonly randomBytes: RandomBytes;
  /** Logger for internal errors. */
  readonly log: Pick<Log, "error">;
}

/** Returns the handler of the admin port. */
export function createAdminHandler(options: AdminOptions): Handler {
  const { metrics, readiness, refusals, version, log } = options;
  const isForThisMachine = isLoopback(options.listensOn);
  const get = (path: string, handle: () => Response | Promise<Response>) => ({
    path,
    label: path,
    methods: READ_METHODS,
    handle,
  });

  async function metricsResponse(): Promise<Response> {
    return new Response(await metrics.text(), { headers: { "Content-Type": metrics.contentType } });
  }

  function refusalsResponse(): Response {
    const list = { minutes: RECENT_MINUTES, refusals: refusals.list() };
    return Response.json(list, { headers: { "Cache-Control": "no-store" } });
  }

  async function pushResponse(): Promise<Response> {
    return Response.json(await options.push(), { headers: { "Cache-Control": "no-store" } });
  }

  function readinessResponse(): Response {
    const { isReady, failing, ageSeconds } = readiness;
    const response = readyResponse(isReady, { failing, parts: dependencyStates() });
    // Checks run in the background: seconds since the oldest one (RFC 9111, section 5.1).
    if (ageSeconds !== undefined) response.headers.set("Age", String(Math.round(ageSeconds)));
    return response;
  }

  function dependencyStates(): Readonly<Record<string, string>> {
    const state = (isUp: boolean | undefined) => isUp === undefined ? "unknown" : isUp ? "ok" : "failed";
    return Object.fromEntries(
      readiness.dependencies.map((dependency) => [dependency, state(readiness.up.get(dependency))]),
    );
  }

  return createRouter({
    routes: [
      get("/metrics", metricsResponse),
      get("/refusals", refusalsResponse),
      get("/push", pushResponse),
      get("/health", () => healthResponse(version)),
      get("/health/live", aliveResponse),
      get("/health/ready", readinessResponse),
      ...options.admin === undefined || !isForThisMachine ? [] : createAdminRoutes(options.admin, refusals),
    ],
    randomBytes: options.randomBytes,
    intercept({ request, url, entry }) {
      // Tunnels and proxies forward the name they were asked for, and so do browsers after DNS rebinding.
      if (isForThisMachine && (url === null || !isLoopback(hostOf(url)))) throw misdirected();
      if (url !== null && entry?.path.startsWith(ADMIN_PATH)) assertOwnOrigin(request, url);
      return undefined;
    },
    onError(error, { origin }) {
      const httpError = toHttpError(error);
      if (httpError.reason === "internal") {
        log.error("Admin request broke the gateway: {error}", { request: origin.requestId, error });
      }
      return httpError;
    },
  });
}
