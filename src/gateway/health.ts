/**
 * The route `GET /health`: tells that the gateway runs, and nothing else.
 *
 * @module
 */

/** Makes the answer, with the gateway's version. */
export function healthResponse(version: string): Response {
  return Response.json({ status: "ok", version }, { headers: { "Cache-Control": "no-store" } });
}
