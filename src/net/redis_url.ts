/**
 * Addresses of Valkey and Redis as users write them: of one server, of the sentinels that know the primary, or of nodes of
 * a cluster.
 *
 * @module
 */
import type { HostPattern } from "./egress.ts";
import { isHost, MAX_PORT } from "./host.ts";

/** Host and port of a server. */
export interface HostPort {
  /** Name or IP address, without brackets. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
}

/** At least one server. */
export type Hosts = readonly [HostPort, ...HostPort[]];

/** Servers that an address names, and what they are. */
export type RedisTopology =
  /** One server. */
  | { /** Distinguishes it. */ readonly kind: "server"; /** The server. */ readonly hosts: readonly [HostPort] }
  /** Sentinels, which know the address of the primary. */
  | {
    /** Distinguishes it. */
    readonly kind: "sentinel";
    /** The sentinels. */
    readonly hosts: Hosts;
    /** Name under which the sentinels watch the primary. */
    readonly primary: string;
  }
  /** Nodes of a cluster, which know each other. */
  | { /** Distinguishes it. */ readonly kind: "cluster"; /** Some of the nodes. */ readonly hosts: Hosts };

/** Ports where none is named: those that IANA has. */
const DEFAULT_PORT = { server: 6379, sentinel: 26_379, cluster: 6379 } as const;

/** Scheme, user information, hosts and path. Greedy, so that an `@` in a password belongs to it, as in URLs. */
const FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?$/i;

/** A query, a fragment, or a character in the user information that ends it. */
const MISPLACED = /^rediss?(\+\w+)?:\/\/.*([?#]|\/.*@)/is;

const EXAMPLES = "redis://127.0.0.1:6379, rediss://host, redis+sentinel://host1,host2/mymaster or " +
  "redis+cluster://host1,host2";

/**
 * Address of Valkey or Redis:
 *
 * - `redis://[user:password@]host[:port][/database]`
 * - `redis+sentinel://[user:password@]host[:port][,host…]/primary[/database]`
 * - `redis+cluster://[user:password@]host[:port][,host…]`
 *
 * With `rediss` in place of `redis`, all connections use TLS. User and password are those of Redis, also with sentinels.
 */
export class RedisUrl {
  /** The text. */
  readonly href: string;
  /** True for TLS. */
  readonly hasTls: boolean;
  /** User; undefined for the default one. */
  readonly username: string | undefined;
  /** Password. */
  readonly password: string | undefined;
  /** Number of the database; undefined for the first. */
  readonly database: number | undefined;
  /** The servers. */
  readonly topology: RedisTopology;
  /** Parts that are never shown: the text, and the password as it is in the text and decoded. */
  readonly secrets: readonly string[];

  /**
   * Parses an address.
   *
   * @throws {TypeError} whose message follows the name of the setting, and quotes nothing
   */
  constructor(href: string) {
    if (MISPLACED.test(href)) {
      throw new TypeError("must have no query, and no / ? # in user and password: %2F, %3F and %23 stand for them");
    }
    const match = FORM.exec(href);
    if (match === null) throw new TypeError(`must be an address such as ${EXAMPLES}`);
    const [, scheme = "", kind = "server", login = "", hosts = "", path = ""] = match;
    this.href = href;
    this.hasTls = scheme.toLowerCase() === "rediss";
    const [user = "", ...password] = login.split(":");
    this.username = decode(user) || undefined;
    this.password = decode(password.join(":")) || undefined;
    const { topology, database } = parseServers(kind.toLowerCase(), hosts, path);
    this.topology = topology;
    this.database = database;
    this.secrets = [href, password.join(":"), this.password ?? ""];
  }

  /**
   * Returns the servers that may be connected to: those of the address, and where it names sentinels or nodes of a cluster,
   * which announce further servers, any port of their hosts and the given servers.
   */
  reachable(announced: readonly HostPattern[]): readonly HostPattern[] {
    const { kind, hosts } = this.topology;
    return kind === "server" ? hosts : [...hosts.map(({ host }) => ({ host, port: undefined })), ...announced];
  }
}

function parseServers(
  kind: string,
  hostText: string,
  path: string,
): { readonly topology: RedisTopology; readonly database: number | undefined } {
  const [first = "", second, ...rest] = path.split("/");
  if (kind === "sentinel") {
    const primary = decode(first);
    // The name is a part of log lines.
    if (!/^[\w.-]+$/.test(primary) || rest.length > 0) {
      throw new TypeError(
        "must have the name of the primary after the sentinels, as in redis+sentinel://host1,host2/mymaster",
      );
    }
    return {
      topology: { kind, hosts: parseHosts(hostText, DEFAULT_PORT.sentinel), primary },
      database: parseDatabase(second),
    };
  }
  if (second !== undefined) throw new TypeError(`must be an address such as ${EXAMPLES}`);
  if (kind === "cluster") {
    if (first !== "" && first !== "0") throw new TypeError("must have no database: a cluster has one only");
    return { topology: { kind, hosts: parseHosts(hostText, DEFAULT_PORT.cluster) }, database: undefined };
  }
  const [host, ...others] = parseHosts(hostText, DEFAULT_PORT.server);
  if (others.length > 0) {
    throw new TypeError("must begin with redis+sentinel:// or redis+cluster:// if it names several hosts");
  }
  return { topology: { kind: "server", hosts: [host] }, database: parseDatabase(first) };
}

function parseHosts(text: string, defaultPort: number): Hosts {
  const [first = "", ...others] = text.split(",");
  return [parseHost(first, defaultPort), ...others.map((other) => parseHost(other, defaultPort))];
}

function parseHost(text: string, defaultPort: number): HostPort {
  const [, host = "", portText] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const name = host.replace(/^\[(.*:.*)\]$/, "$1");
  const port = portText === undefined ? defaultPort : Number(portText);
  if (!isHost(name)) throw new TypeError(`must be an address such as ${EXAMPLES}`);
  if (port < 1 || port > MAX_PORT) throw new TypeError(`must have ports from 1 to ${MAX_PORT}`);
  return { host: name, port };
}

function parseDatabase(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new TypeError("must end with the number of a database, such as /1, or with none");
  return Number(text);
}

/** Decodes percent signs. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("must have user and password in percent encoding: %25 stands for %");
  }
}
