/**
 * Output of `tailscale status --json` and `tailscale funnel status --json`. Their formats have changed between releases,
 * so a field that is absent or of another type counts as unknown.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import { isObject, tryParseJson } from "../lib/json.ts";
import type { ProgramOutput } from "../platform.ts";
import type { Machine } from "./context.ts";

/** Arguments that print the state of this machine. */
export const TAILSCALE_STATUS: readonly string[] = ["status", "--json", "--peers=false"];

/** Arguments that print the targets of Funnel and Serve. */
export const FUNNEL_STATUS: readonly string[] = ["funnel", "status", "--json"];

/** Call of the program `tailscale`. */
export interface RunTailscaleOptions {
  /** Arguments. */
  readonly args: readonly string[];
  /** Ends the program, which waits forever for a daemon that hangs. */
  readonly signal: AbortSignal;
}

/** Runs `tailscale` to its end; returns the reason as text if that is not possible. */
export async function runTailscale(
  { run }: Pick<Machine, "run">,
  { args, signal }: RunTailscaleOptions,
): Promise<ProgramOutput | string> {
  try {
    return await run("tailscale", args, { signal });
  } catch (error) {
    const name = errorName(error);
    if (name === "NotFound") return "Not installed";
    return name === "NotCapable" ? "The sandbox does not allow running it" : "It cannot be run";
  }
}

/** State of Tailscale on this machine. */
export interface TailscaleStatus {
  /** `Running`, `Stopped`, `NeedsLogin`, … */
  readonly state: string;
  /** Name of the machine in the tailnet, without a dot at its end. */
  readonly name: string | undefined;
  /** Expiry of the machine's key, in milliseconds since 1970; undefined if it never expires. */
  readonly expires: number | undefined;
  /** True if the key has expired. */
  readonly isExpired: boolean;
}

/** Route from a Tailscale name to the gateway. */
export interface FunnelRoute {
  /** Public name and port: `house.tail1234.ts.net:443`. */
  readonly host: string;
  /** True if it is open to the internet. */
  readonly isPublic: boolean;
}

/** Parses the status; undefined if its format is unknown. */
export function parseTailscaleStatus(text: string): TailscaleStatus | undefined {
  const { BackendState: state, Self: self } = parseObject(text);
  if (typeof state !== "string" || !/^\w{1,32}$/.test(state)) return undefined;
  const { DNSName: name, KeyExpiry: expiry, Expired: expired } = isObject(self) ? self : {};
  const expires = Date.parse(String(expiry));
  return {
    state,
    name: typeof name === "string" && /^[\w.-]{1,253}$/.test(name) ? name.replace(/\.$/, "") : undefined,
    expires: Number.isNaN(expires) ? undefined : expires,
    isExpired: expired === true,
  };
}

/**
 * Finds the route to a port of this machine, a public one first.
 *
 * @param text JSON of Funnel's status; `null` if nothing is served
 */
export function findFunnelRoute(text: string, port: number): FunnelRoute | undefined {
  const background = parseObject(text);
  // Routes of `tailscale funnel` in terminals that are still open.
  const { Foreground: sessions } = background;
  const configs = [background, ...isObject(sessions) ? Object.values(sessions).filter(isObject) : []];
  const routes = configs.flatMap((config) => routesTo(port, config));
  return routes.find(({ isPublic }) => isPublic) ?? routes[0];
}

/** Returns the URL of a route for clients. */
export function funnelUrl({ host }: FunnelRoute): string {
  return `https://${host.replace(/:443$/, "")}`;
}

function routesTo(port: number, config: Readonly<Record<string, unknown>>): FunnelRoute[] {
  const { Web: web, TCP: tcp, AllowFunnel: allowed } = config;
  const publicHosts = isObject(allowed) ? Object.keys(allowed).filter((host) => allowed[host] === true) : [];
  const webHosts = Object.entries(isObject(web) ? web : {})
    .filter(([, server]) => isProxyTo(port, server))
    .map(([host]) => host);
  // A forwarded TCP port has a name only in the list of public hosts.
  const tcpHosts = Object.entries(isObject(tcp) ? tcp : {})
    .filter(([, target]) => isObject(target) && String(target["TCPForward"]).endsWith(`:${port}`))
    .map(([number]) => publicHosts.find((host) => host.endsWith(`:${number}`)) ?? `:${number}`);
  return [...webHosts, ...tcpHosts].map((host) => ({ host, isPublic: publicHosts.includes(host) }));
}

/** Returns whether a server proxies its root to a port; other mount points change the paths. */
function isProxyTo(port: number, server: unknown): boolean {
  const handlers = isObject(server) ? server["Handlers"] : undefined;
  const root = isObject(handlers) ? handlers["/"] : undefined;
  const target = isObject(root) ? URL.parse(String(root["Proxy"])) : null;
  return target !== null && (target.port || (target.protocol === "http:" ? "80" : "443")) === String(port);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  const value = tryParseJson(text);
  return isObject(value) ? value : {};
}
