/**
 * Responses of the routes `GET /health…`, which need no key. Details are for the admin port alone.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";

const headers = { "Cache-Control": "no-store" };

/** Returns the response of `/health`, with the gateway's version. */
export function healthResponse(version: string): Response {
  return Response.json({ status: "ok", version }, { headers });
}

/** Returns the response of `/health/live`: it shows that the process is not stuck. */
export function aliveResponse(): Response {
  return Response.json({ status: "ok" }, { headers });
}

/** Returns the response of `/health/ready`, with further details where the port may show them. */
export function readyResponse(isReady: boolean, details: Readonly<Record<string, unknown>> = {}): Response {
  return Response.json({ status: isReady ? "ok" : "unavailable", ...details }, {
    status: isReady ? STATUS_CODE.OK : STATUS_CODE.ServiceUnavailable,
    headers,
  });
}
