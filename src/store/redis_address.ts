/**
 * Server to connect to, at the moment: with sentinels the primary, in a cluster the node that has the gateway's keys.
 *
 * @module
 */
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import { withDeadline } from "../lib/async.ts";
import { formatHostPattern, hostFault, type HostPattern, isHostAllowed } from "../net/egress.ts";
import { connectClient, explain, makeClient, type RedisLogin, type RedisTls } from "./redis_client.ts";
import { findNode } from "./redis_cluster.ts";
import { ABSENT_KEY } from "./redis_keys.ts";
import { type Ask, findPrimary } from "./redis_sentinel.ts";
import type { HostPort, RedisUrl } from "../net/redis_url.ts";

/** Addresses, logins and certificates of the servers, and limits. */
export interface RedisServers {
  /** Address, with the login at Redis. */
  readonly url: RedisUrl;
  /** Further servers that sentinels or nodes of a cluster may announce; none by default. */
  readonly nodes?: readonly HostPattern[];
  /** Login at the sentinels; none by default. */
  readonly sentinelLogin?: RedisLogin;
  /** Certificates where the address asks for TLS; public authorities by default. */
  readonly tls?: RedisTls;
  /** Time limit of replies, and of each step of connecting, in milliseconds. */
  readonly timeoutMs: number;
}

/** Interval of asking the sentinels whether the primary is still the same, in milliseconds. */
export const PRIMARY_CHECK_MS = 2000;

/** Returns the time for which a gateway may still use a server that another one has replaced, in milliseconds. */
export function overlapMs({ url, timeoutMs }: Pick<RedisServers, "url" | "timeoutMs">): number {
  return url.topology.kind === "server" ? 0 : PRIMARY_CHECK_MS + timeoutMs;
}

/**
 * Finds the server to connect to; asks nothing where the address is that of the server.
 *
 * @throws {Error} if there is none at the moment, or it may not be connected to
 */
export async function findServer(servers: RedisServers, signal: AbortSignal): Promise<HostPort> {
  const { url: { topology } } = servers;
  if (topology.kind === "server") return topology.hosts[0];
  const done = new AbortController();
  const asked: Promise<unknown>[] = [];
  const ask: Ask = (server, command) => {
    const reply = askOnce(servers, { server, command, signal: AbortSignal.any([signal, done.signal]) });
    asked.push(reply);
    return reply;
  };
  try {
    const found = topology.kind === "sentinel"
      ? await findPrimary(topology.hosts, topology.primary, ask)
      : await findNode(topology.hosts, ABSENT_KEY, ask);
    return allowed(found, servers);
  } finally {
    done.abort(new Error("Another server has answered"));
    await Promise.allSettled(asked);
  }
}

/** Returns a server that was announced. @throws {Error} if it may not be connected to */
function allowed(server: HostPort, { url, nodes = [] }: RedisServers): HostPort {
  const { host, port } = server;
  const fault = hostFault(host);
  if (fault !== undefined) throw new Error(`${host} was announced, which ${fault}`);
  if (isHostAllowed(url.reachable(nodes), host, port)) return server;
  throw new Error(`${formatHostPattern(server)} was announced, which neither REDIS_URL nor REDIS_NODES has`);
}

/** Sends a command over a connection of its own. */
async function askOnce(
  { url, sentinelLogin, tls, timeoutMs }: RedisServers,
  { server, command, signal }: {
    readonly server: HostPort;
    readonly command: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<unknown> {
  const isSentinel = url.topology.kind === "sentinel";
  const { username, password } = isSentinel ? sentinelLogin ?? { username: undefined, password: undefined } : url;
  const client = makeClient({
    server,
    tls: url.hasTls ? tls ?? {} : undefined,
    username,
    password,
    database: undefined,
    timeoutMs,
  });
  const place = formatHostPattern(server);
  // Otherwise a client that was destroyed before the connection would stay open.
  client.once("connect", () => void (signal.aborted && client.destroy()));
  try {
    return await withDeadline(async () => {
      // Errors reject the calls as well.
      await connectClient(client, () => {});
      return await client.sendCommand(command);
    }, {
      clock: SYSTEM_CLOCK,
      timeout: timeoutMs,
      timeoutError: () => new Error(`No reply from ${place} for ${timeoutMs} ms`),
      signal,
    });
  } catch (error) {
    const reason = explain(error);
    throw /^(MOVED|No reply)/.test(reason) ? error : new Error(`${place}: ${reason}`, { cause: error });
  } finally {
    client.destroy();
  }
}
