/** A primary, its replica and three sentinels for tests, on loopback. */
import { RedisUrl } from "../../src/net/redis_url.ts";
import { until } from "./deadline.ts";
import { freePort } from "./loopback.ts";
import { REDIS_SERVER, startRedis, type TestRedis, type TestRedisOptions } from "./redis_server.ts";

/** Name under which the sentinels watch the primary. */
export const PRIMARY_NAME = "home";

/** Servers with sentinels. */
export interface TestSentinels {
  /** Servers, of which the first one is the primary at first. */
  readonly servers: readonly [TestRedis, TestRedis];
  /** Address of the sentinels, with the login at Redis. */
  url(login?: string): RedisUrl;
  /** Freezes or continues sentinels. */
  signal(signal: Deno.Signal, count?: number): void;
}

export interface TestSentinelsOptions extends TestRedisOptions {
  /** Lines of the sentinels' configuration. */
  readonly sentinelLines?: readonly string[];
}

/** Starts the servers and the sentinels, and waits until all know each other; `scope` stops them. */
export async function startSentinels(
  scope: AsyncDisposableStack,
  { sentinelLines = [], args = [], ...options }: TestSentinelsOptions = {},
): Promise<TestSentinels> {
  const primary = await startRedis(scope, { ...options, args });
  const replica = await startRedis(scope, {
    ...options,
    args: [...args, "--replicaof", "127.0.0.1", `${primary.port}`],
  });
  await until(
    "the replica is connected",
    async () => String(await primary.command("INFO", "replication")).includes("state=online"),
  );
  const sentinels = await Promise.all(
    Array.from({ length: 3 }, () => startSentinel(scope, primary.port, sentinelLines)),
  );
  await until("the sentinels know each other and the replica", async () => {
    const known = await Promise.all(sentinels.map(({ port }) => knownTo(port)));
    return known.every((text) => text === "2 1");
  });
  return {
    servers: [primary, replica],
    url: (login = "") => {
      const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`);
      return new RedisUrl(`redis+sentinel://${login && `${login}@`}${hosts}/${PRIMARY_NAME}`);
    },
    signal: (signal, count = sentinels.length) => sentinels.slice(0, count).forEach(({ child }) => child.kill(signal)),
  };
}

/** A sentinel. */
export interface TestSentinel {
  readonly port: number;
  readonly child: Deno.ChildProcess;
}

/** Starts a sentinel that watches a primary, with further lines of configuration; `scope` stops it. */
export async function startSentinel(
  scope: AsyncDisposableStack,
  primaryPort: number,
  lines: readonly string[],
): Promise<TestSentinel> {
  if (REDIS_SERVER === undefined) throw new Error("No redis-server: the test must be ignored");
  const directory = await Deno.makeTempDir({ prefix: "sentinel-" });
  scope.defer(() => Deno.remove(directory, { recursive: true }));
  const port = freePort();
  await Deno.writeTextFile(
    `${directory}/sentinel.conf`,
    [
      ...["bind 127.0.0.1", `port ${port}`, `dir ${directory}`, "loglevel warning"],
      `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primaryPort} 2`,
      `sentinel down-after-milliseconds ${PRIMARY_NAME} 1000`,
      `sentinel failover-timeout ${PRIMARY_NAME} 3000`,
      ...lines,
    ].join("\n"),
  );
  const child = new Deno.Command(REDIS_SERVER, {
    args: [`${directory}/sentinel.conf`, "--sentinel"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  scope.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  return { port, child };
}

/** Returns how many other sentinels and replicas a sentinel knows, as text; also of one that asks for a password. */
async function knownTo(port: number): Promise<string> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("INFO sentinel\r\n"));
    const reply = new Uint8Array(4096);
    const text = new TextDecoder().decode(reply.subarray(0, await connection.read(reply) ?? 0));
    if (text.startsWith("-NOAUTH")) return "2 1";
    const [, replicas, sentinels] = /slaves=(\d+),sentinels=(\d+)/.exec(text) ?? [];
    return `${Number(sentinels) - 1} ${replicas}`;
  } catch {
    return "";
  }
}
