/** Real Redis or Valkey for tests, on loopback, in a temporary directory. */
import { createClient } from "redis";
import { RedisUrl } from "../../src/net/redis_url.ts";
import { until, within } from "./deadline.ts";
import { freePort } from "./loopback.ts";
import { findProgram } from "./programs.ts";

/** Server that can be stopped and restarted at the same address. */
export interface TestRedis {
  readonly port: number;
  /** Returns its URL, with credentials. */
  url(user?: string, password?: string): RedisUrl;
  /** Sends a command over a separate connection; keys and values as text. */
  command(...command: string[]): Promise<unknown>;
  /** Sends a signal to the process, such as SIGSTOP. */
  signal(signal: Deno.Signal): void;
  /** Ends the process: at once by default, like a power failure, or with another signal. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Restarts the process with its append-only file. */
  start(): Promise<void>;
}

/** Options of a server. */
export interface TestRedisOptions {
  /** True to write an append-only file, synced every second. */
  readonly appendonly?: boolean;
  /** Password of the default user; none by default. */
  readonly password?: string;
  /** Additional arguments. */
  readonly args?: readonly string[];
  /** False to start it later. */
  readonly isStarted?: boolean;
}

/** Path of the server, or undefined. REDIS_SERVER names another one. CI sets REQUIRE_REDIS, so tests are never skipped silently there. */
export const REDIS_SERVER: string | undefined = findProgram(
  ["redis-server", "valkey-server"].flatMap((name) =>
    ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map((directory) => `${directory}/${name}`)
  ),
  "REQUIRE_REDIS",
  "REDIS_SERVER",
);

/** Runs a test with a server, which is stopped and removed at the end. */
export async function withRedis(options: TestRedisOptions, test: (redis: TestRedis) => Promise<void>): Promise<void> {
  const path = REDIS_SERVER;
  if (path === undefined) throw new Error("No redis-server: the test must be ignored");
  const directory = await Deno.makeTempDir({ prefix: "redis-" });
  const port = freePort();
  let child: Deno.ChildProcess | undefined;
  const redis: TestRedis = {
    port,
    url: (user = "", password = "") =>
      new RedisUrl(`redis://${user}${password && `:${password}`}${user || password ? "@" : ""}127.0.0.1:${port}`),
    command: (...command) => within(command.join(" "), sendCommand({ port, password: options.password, command })),
    signal: (signal) => child?.kill(signal),
    async kill(signal = "SIGKILL") {
      if (child === undefined) return;
      child.kill("SIGCONT");
      child.kill(signal);
      await child.status;
      child = undefined;
    },
    async start() {
      const args = [
        ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--loglevel", "warning"],
        // Otherwise a replica waits for others before it is sent the data.
        ...["--repl-diskless-sync-delay", "0"],
        ...["--appendonly", options.appendonly ? "yes" : "no", ...options.args ?? []],
        ...options.password === undefined ? [] : ["--requirepass", options.password, "--masterauth", options.password],
      ];
      child = new Deno.Command(path, { args, stdout: "null", stderr: "null" }).spawn();
      await until("Redis answers", () => isUp(port));
    },
  };
  try {
    if (options.isStarted ?? true) await redis.start();
    await test(redis);
  } finally {
    await redis.kill();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Returns whether the server has loaded its file and accepts commands; an error such as NOAUTH counts as well. */
async function isUp(port: number): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("GET up\r\n"));
    const reply = new Uint8Array(64);
    const length = await connection.read(reply);
    return length !== null && !new TextDecoder().decode(reply.subarray(0, length)).startsWith("-LOADING");
  } catch {
    return false;
  }
}

async function sendCommand(
  { port, password, command }: {
    readonly port: number;
    readonly password: string | undefined;
    readonly command: string[];
  },
): Promise<unknown> {
  const client = createClient({
    socket: { host: "127.0.0.1", port, reconnectStrategy: false },
    ...password === undefined ? {} : { password },
  });
  client.on("error", () => {});
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

/** Starts Redis; `scope` stops it. */
export async function startRedis(scope: AsyncDisposableStack, options: TestRedisOptions = {}): Promise<TestRedis> {
  const started = Promise.withResolvers<TestRedis>();
  const stopped = Promise.withResolvers<void>();
  const running = withRedis(options, (redis) => {
    started.resolve(redis);
    return stopped.promise;
  });
  running.catch(started.reject);
  scope.defer(() => {
    stopped.resolve();
    return running;
  });
  return await started.promise;
}
