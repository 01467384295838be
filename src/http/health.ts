/**
 * The routes `GET /health…`, for whoever asks, with no key: they tell that the gateway runs and whether it is ready,
 * and nothing else. What is broken is for the port for metrics alone.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";

const headers = { "Cache-Control": "no-store" };

/** Makes the answer of `/health`, with the gateway's version. */
export function healthResponse(version: string): Response {
  return Response.json({ status: "ok", version }, { headers });
}

/** Makes the answer of `/health/live`: whoever gets it knows that the process is not stuck. */
export function aliveResponse(): Response {
  return Response.json({ status: "ok" }, { headers });
}

/** Makes the answer of `/health/ready`, with whatever may be told besides. */
export function readyResponse(isReady: boolean, details: Readonly<Record<string, unknown>> = {}): Response {
  return Response.json({ status: isReady ? "ok" : "unavailable", ...details }, {
    status: isReady ? STATUS_CODE.OK : STATUS_CODE.ServiceUnavailable,
    headers,
  });
}
