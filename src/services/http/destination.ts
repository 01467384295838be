/**
 * Destinations of requests: the URL, with what the gateway adds, once the target or the setting and the key allow it.
 *
 * @module
 */
import { ScopeError } from "../../keys/rights.ts";
import { FieldError } from "../../protocol/payload.ts";
import { type HeaderList, joinHeaders } from "./headers.ts";
import { matchesPath } from "./path.ts";
import type { HttpRequest } from "./request.ts";
import { type HttpGrants, pathNotGranted } from "./rights.ts";
import { basePath, findTarget, type HttpTarget, type HttpTargets, type Method, ownHeaders } from "./section.ts";
import { matchesUrl, namesLoopback, type UrlPattern } from "./url_pattern.ts";

/** Destination that target, setting and key allow. Its addresses are yet to be checked. */
export interface Destination {
  /** Name of the target, or the origin of the URL: for limits, errors and the audit. */
  readonly name: string;
  /** URL with the query that the gateway adds. */
  readonly url: URL;
  /** Headers: those of the gateway, and those of the request. */
  readonly headers: HeaderList;
  /** Target; undefined for a URL without one. */
  readonly target: HttpTarget | undefined;
  /** True if a target or a pattern names loopback addresses. */
  readonly isLoopbackNamed: boolean;
  /** True if it names the port as well. */
  readonly isPortNamed: boolean;
}

/** Request whose destination is looked for: a request of a client, or its repetition after a redirect. */
export interface DestinationRequest {
  /** Method. */
  readonly method: Method;
  /** Headers of the request itself. */
  readonly headers: HeaderList;
  /** Rights of its key. */
  readonly grants: HttpGrants;
}

/** Finds destinations. */
export class DestinationDirectory {
  readonly #targets: () => HttpTargets;
  readonly #allowed: readonly UrlPattern[];

  /**
   * Makes a directory.
   *
   * @param targets returns the targets that are in force
   * @param allowed URLs that need no target
   */
  constructor(targets: () => HttpTargets, allowed: readonly UrlPattern[]) {
    this.#targets = targets;
    this.#allowed = allowed;
  }

  /**
   * Finds the destination of a request.
   *
   * @throws {ScopeError} if the target, the setting or the key does not allow it; `FieldError` if it sets what the
   * gateway sets, or names a target that it may use and that is not there
   */
  find(request: HttpRequest, grants: HttpGrants): Destination {
    if (request.kind === "url") return this.findUrl(request.url, { ...request, grants });
    const { target: name, path, query } = request;
    grants.useTarget(name);
    const target = findTarget(this.#targets(), name);
    if (target === undefined) throw new FieldError(`Invalid field: target: there is none of the name ${name}`);
    return inTarget(name, target, { ...request, path, query, grants });
  }

  /**
   * Finds the destination of a URL: the most specific target that the key may use, or else the URL itself.
   *
   * @throws {ScopeError} if neither is allowed
   */
  findUrl(url: URL, request: DestinationRequest): Destination {
    const { grants } = request;
    const [found] = Object.entries(this.#targets())
      .filter(([name, target]) => isBelow(target, url) && grants.mayUseTarget(name))
      .toSorted(([, one], [, other]) => basePath(other.url).length - basePath(one.url).length);
    if (found === undefined) return this.findWithoutTarget(url, request);
    const [name, target] = found;
    return inTarget(name, target, { ...request, path: pathBelow(target, url), query: url.search.slice(1) });
  }

  /**
   * Finds the destination of a URL that needs no target, and gets nothing of the gateway.
   *
   * @throws {ScopeError} if it is not allowed
   */
  findWithoutTarget(url: URL, { method, headers, grants }: DestinationRequest): Destination {
    const patterns = this.#allowed.filter((pattern) => matchesUrl(pattern, url));
    if (patterns.length === 0 || !grants.mayUseUrl(url)) {
      throw new ScopeError(`request ${url.origin} or this path there`);
    }
    grants.callPath(method, url.pathname);
    const naming = patterns.filter(namesLoopback);
    const named = {
      isLoopbackNamed: naming.length > 0,
      isPortNamed: naming.some(({ host }) => host.port !== undefined),
    };
    return { name: url.origin, url, headers, target: undefined, ...named };
  }
}

/** Destination that the operator names. */
export const NAMED = { isLoopbackNamed: true, isPortNamed: true } as const;

/** Returns whether a URL is below the address of a target. */
export function isBelow({ url: base }: HttpTarget, url: URL): boolean {
  return url.origin === base.origin && url.pathname.startsWith(`${basePath(base)}/`);
}

/** Returns the path of a URL below that of a target. */
function pathBelow({ url: base }: HttpTarget, url: URL): string {
  return url.pathname.slice(basePath(base).length);
}

/** Makes the destination of a path in a target that the key may use. */
export function inTarget(
  name: string,
  target: HttpTarget,
  { method, headers, grants, path, query }: DestinationRequest & { readonly path: string; readonly query: string },
): Destination {
  if (!target.methods.includes(method)) throw new ScopeError(`use the method ${method} here`);
  if (!target.paths.some((pattern) => matchesPath(pattern, path))) throw pathNotGranted();
  grants.callPath(method, path);
  refuseOwnParameters(target, query);
  const own = Object.entries(target.query).map((pair) => pair.map(encodeURIComponent).join("="));
  const whole = basePath(target.url) + path;
  const search = [query, ...own].filter((part) => part !== "").join("&");
  const url = new URL(target.url.origin + whole + (search === "" ? "" : `?${search}`));
  // The matched path is the path that is sent.
  if (url.pathname !== whole) throw new FieldError("Invalid field: path: must have one spelling only");
  return { name, url, headers: joinHeaders(ownHeaders(target), headers), target, ...NAMED };
}

/** Refuses parameters that the gateway adds, also in the spellings that PHP takes for the same name. */
function refuseOwnParameters({ query: own }: HttpTarget, query: string): void {
  const names = new Set(Object.keys(own).map(comparable));
  if (names.size === 0) return;
  for (const name of new URLSearchParams(query.replaceAll(";", "&")).keys()) {
    if (names.has(comparable(name))) {
      throw new FieldError("Invalid field: query: has a parameter that the gateway sets");
    }
  }
}

function comparable(name: string): string {
  return name.trimStart().toLowerCase().replace(/[[\0][^]*$/, "").replaceAll(/[. ]/g, "_");
}
