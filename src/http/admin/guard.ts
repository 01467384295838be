/**
 * Guard of the Admin page: only a browser page of this port, or a program of this machine with the token, gets through.
 *
 * The port listens on loopback, which any program and any user of the machine can reach, and any web page in a local
 * browser can send requests to. `Host` is checked for the whole port (DNS rebinding).
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { isAdminToken } from "../../keys/admin_token.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { crossSite, HttpError, misdirected } from "../errors.ts";

/** Path of the page, and the beginning of all its paths. */
export const ADMIN_PATH = "/admin/";

/** Headers that proxies add. */
const FORWARDING_HEADERS = ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"];

/** Values of `Sec-Fetch-Site` (Fetch Metadata, W3C) of a page of this origin, and of an address that a person enters. */
const OWN_SITES = ["same-origin", "none"];

/**
 * Refuses requests of web pages of other origins, also of other ports of this machine, and requests through proxies.
 *
 * @throws {HttpError} 403 or 421
 */
export function assertOwnOrigin({ headers }: Request, url: URL): void {
  if (FORWARDING_HEADERS.some((name) => headers.has(name))) throw misdirected();
  const site = headers.get("Sec-Fetch-Site");
  if (site !== null && !OWN_SITES.includes(site)) throw crossSite();
  const origin = headers.get("Origin");
  if (origin !== null && origin !== url.origin) throw crossSite();
}

/** No token, a wrong one, or none on this machine yet: the same error. */
const unauthorized = () =>
  new HttpError(STATUS_CODE.Unauthorized, "Open the link that deno task admin prints", {
    reason: "route",
    headers: { "WWW-Authenticate": "Bearer" },
  });

/**
 * Requires the token in the header `Authorization`, which no page of another origin can set.
 *
 * @param readToken reads the current token; undefined while there is none
 * @throws {HttpError} 401
 */
export async function assertToken(
  { headers }: Request,
  readToken: () => Promise<Bytes | undefined>,
): Promise<void> {
  const [, given] = /^Bearer ([0-9a-f]{64})$/i.exec(headers.get("Authorization") ?? "") ?? [];
  const token = given === undefined ? undefined : await readToken();
  if (given === undefined || token === undefined || !isAdminToken(given, token)) throw unauthorized();
}
