/**
 * The port for whoever runs the gateway: its metrics, and what is wrong with it, by name. Nobody outside gets there.
 *
 * @module
 */
import { RECENT_MINUTES, type RecentRefusals } from "../observability/recent_refusals.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { hostOf } from "../net/host.ts";
import { isLoopback } from "../net/ip_address.ts";
import { aliveResponse, healthResponse, readyResponse } from "./health.ts";
import { DEPENDENCIES, type Readiness } from "./readiness.ts";
import { errorResponse, methodNotAllowed, misdirected, notFound } from "./errors.ts";
import { createRequestId, REQUEST_ID_HEADER } from "./request_id.ts";

/** What the port shows. */
export interface AdminOptions {
  /** The metrics, in Prometheus' text format. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Whether the gateway is ready, and what it lacks. */
  readonly readiness: Pick<Readiness, "isReady" | "failing" | "up" | "ageSeconds">;
  /** The requests refused of late. */
  readonly refusals: Pick<RecentRefusals, "list">;
  /** The gateway's version. */
  readonly version: string;
  /** The address it listens on. */
  readonly listensOn: string;
  /** Where ids of requests come from. */
  readonly randomBytes: RandomBytes;
}

/** Answers JSON that is never to be kept. */
function noStore(value: unknown): Response {
  return Response.json(value, { headers: { "Cache-Control": "no-store" } });
}

/** Makes the function that answers on that port. */
export function createAdminHandler(options: AdminOptions): (request: Request) => Promise<Response> {
  const { metrics, readiness, refusals, version } = options;
  const isForThisMachine = isLoopback(options.listensOn);

  const routes = new Map<string, () => Response | Promise<Response>>([
    ["/metrics", async () => new Response(await metrics.text(), { headers: { "Content-Type": metrics.contentType } })],
    ["/refusals", () => noStore({ minutes: RECENT_MINUTES, refusals: refusals.list() })],
    ["/health", () => healthResponse(version)],
    ["/health/live", aliveResponse],
    ["/health/ready", readinessResponse],
  ]);

  function readinessResponse(): Response {
    const { isReady, failing, ageSeconds } = readiness;
    const response = readyResponse(isReady, { failing, parts: showParts() });
    // The checks run in the background: seconds since the oldest one (RFC 9111, section 5.1).
    if (ageSeconds !== undefined) response.headers.set("Age", String(Math.round(ageSeconds)));
    return response;
  }

  function showParts(): Readonly<Record<string, string>> {
    const word = (isUp: boolean | undefined) => isUp === undefined ? "unknown" : isUp ? "ok" : "failed";
    return Object.fromEntries(DEPENDENCIES.map((part) => [part, word(readiness.up.get(part))]));
  }

  async function answer({ url, method }: Request): Promise<Response> {
    const target = URL.parse(url);
    // Tunnels and proxies pass on the name they were asked for, and so do browsers that a foreign name server leads here.
    if (isForThisMachine && (target === null || !isLoopback(hostOf(target)))) return errorResponse(misdirected());
    const route = routes.get(target?.pathname ?? "");
    if (route === undefined) return errorResponse(notFound());
    if (method !== "GET" && method !== "HEAD") return errorResponse(methodNotAllowed("GET, HEAD"));
    return await route();
  }

  return async (request) => {
    const response = await answer(request);
    response.headers.set(REQUEST_ID_HEADER, createRequestId(options.randomBytes));
    return response;
  };
}
