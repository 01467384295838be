/**
 * What `tailscale status --json` and `tailscale funnel status --json` say. Their forms have changed between releases, so
 * that whatever is absent or of another kind is taken for unknown.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";

/** What Tailscale says of itself. */
export interface TailscaleStatus {
  /** `Running`, `Stopped`, `NeedsLogin`, … */
  readonly state: string;
  /** The machine's name in the tailnet, without a dot at its end. */
  readonly name: string | undefined;
  /** When the machine's key expires, in milliseconds since 1970; undefined where it never does. */
  readonly expires: number | undefined;
  /** Whether it has expired. */
  readonly isExpired: boolean;
}

/** A way that Tailscale leads to the gateway. */
export interface FunnelRoute {
  /** Name and port outside: `house.tail1234.ts.net:443`. */
  readonly host: string;
  /** Whether all of the internet may take it. */
  readonly isPublic: boolean;
}

/** Reads the status; undefined where it is of no known form. */
export function parseTailscaleStatus(text: string): TailscaleStatus | undefined {
  const value = parse(text);
  const { BackendState: state, Self: self } = value;
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
 * Finds the way to a port of this machine, a public one first.
 *
 * @param text what is served; `null` where nothing is
 */
export function findFunnelRoute(text: string, port: number): FunnelRoute | undefined {
  const top = parse(text);
  // What somebody began in a terminal that is still open.
  const { Foreground: sessions } = top;
  const configs = [top, ...isObject(sessions) ? Object.values(sessions).filter(isObject) : []];
  const ways = configs.flatMap((config) => waysOf(config, port));
  return ways.find(({ isPublic }) => isPublic) ?? ways[0];
}

/** Returns the address of a way, as clients use it. */
export function funnelUrl({ host }: FunnelRoute): string {
  return `https://${host.replace(/:443$/, "")}`;
}

function waysOf(config: Readonly<Record<string, unknown>>, port: number): FunnelRoute[] {
  const { Web: web, TCP: tcp, AllowFunnel: allowed } = config;
  const open = isObject(allowed) ? Object.keys(allowed).filter((host) => allowed[host] === true) : [];
  const pages = Object.entries(isObject(web) ? web : {}).filter(([, server]) => leads(server, port)).map(([host]) =>
    host
  );
  // Passed on as it is, such a port has no name of its own but in the list of those that are public.
  const streams = Object.entries(isObject(tcp) ? tcp : {})
    .filter(([, target]) => isObject(target) && String(target["TCPForward"]).endsWith(`:${port}`))
    .map(([number]) => open.find((host) => host.endsWith(`:${number}`)) ?? `:${number}`);
  return [...pages, ...streams].map((host) => ({ host, isPublic: open.includes(host) }));
}

/** Only what is mounted at the root keeps the routes as they are. */
function leads(server: unknown, port: number): boolean {
  const handlers = isObject(server) ? server["Handlers"] : undefined;
  const root = isObject(handlers) ? handlers["/"] : undefined;
  const target = isObject(root) ? URL.parse(String(root["Proxy"])) : null;
  return target !== null && (target.port || (target.protocol === "http:" ? "80" : "443")) === String(port);
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
