/**
 * Redirects: each is checked like a request of its own, and one that may not be followed is the answer.
 *
 * @module
 */
import { ScopeError } from "../../keys/rights.ts";
import { FieldError } from "../../protocol/payload.ts";
import { type Destination, type DestinationDirectory, inTarget, isBelow } from "./destination.ts";
import type { HeaderList } from "./headers.ts";
import { parseRequestUrl } from "./request.ts";
import type { HttpGrants } from "./rights.ts";
import { basePath, type HttpTarget, type Method, secretsOf } from "./section.ts";

/** Message to send to a destination. */
export interface Outgoing {
  /** Destination. */
  readonly destination: Destination;
  /** Method. */
  readonly method: Method;
  /** Headers of the request itself, without those that the gateway adds. */
  readonly headers: HeaderList;
  /** Body; undefined for none. */
  readonly body: string | undefined;
}

/** Statuses of redirects (RFC 9110, section 15.4). */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Headers that another server may see: none that can hold a login. */
const FOR_OTHERS: readonly string[] = ["accept", "accept-language", "content-type", "range", "user-agent"];

/**
 * Returns the message that follows a redirect; undefined if the answer is no redirect, or one that the target or the key
 * does not allow. Another server gets no login and no body, and none behind HTTPS is followed to plain HTTP.
 */
export function followRedirect(
  { status, headers }: Pick<Response, "status" | "headers">,
  sent: Outgoing,
  { directory, grants }: { readonly directory: DestinationDirectory; readonly grants: HttpGrants },
): Outgoing | undefined {
  const { target, name, url } = sent.destination;
  const policy = target?.redirects ?? "follow";
  const location = headers.get("Location");
  if (!REDIRECTS.includes(status) || location === null || policy === "none") return undefined;
  const next = URL.parse(location, url);
  if (next === null || (url.protocol === "https:" && next.protocol !== "https:")) return undefined;
  next.hash = "";
  const content = contentOf(status, sent);
  try {
    // The parser has joined the segments of dots; what is still ambiguous is not followed.
    const checked = parseRequestUrl(next.href, "Location");
    if (target !== undefined && isBelow(target, checked)) {
      const path = checked.pathname.slice(basePath(target.url).length);
      const query = checked.search.slice(1);
      return { ...content, destination: inTarget(name, target, { ...content, grants, path, query }) };
    }
    if (policy === "same-origin" || repeatsSecret(checked, target)) return undefined;
    const isSameServer = target === undefined && checked.origin === url.origin;
    if (!isSameServer && content.body !== undefined) return undefined;
    const kept = isSameServer ? content : {
      ...content,
      headers: content.headers.filter(([header]) => FOR_OTHERS.includes(header)),
    };
    return { ...kept, destination: directory.findWithoutTarget(checked, { ...kept, grants }) };
  } catch (error) {
    if (error instanceof FieldError || error instanceof ScopeError) return undefined;
    throw error;
  }
}

/** Returns whether a URL holds a secret of the target that redirects to it: the other server must not see it. */
function repeatsSecret({ href }: URL, target: HttpTarget | undefined): boolean {
  return target !== undefined && secretsOf(target).some((secret) => href.includes(secret));
}

/** Returns method, headers and body after a redirect, as the Fetch standard has it (HTTP-redirect fetch). */
function contentOf(status: number, { method, headers, body }: Outgoing): Omit<Outgoing, "destination"> {
  const becomesGet = status === 303
    ? method !== "GET" && method !== "HEAD"
    : (status === 301 || status === 302) && method === "POST";
  if (!becomesGet) return { method, headers, body };
  return { method: "GET", headers: headers.filter(([name]) => !name.startsWith("content-")), body: undefined };
}
