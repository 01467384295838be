/** A real Redis or Valkey for tests, on loopback, in a directory of its own. */
import { createClient } from "redis";
import { until, within } from "./deadline.ts";
import { freePort } from "./loopback.ts";
import { findProgram } from "./programs.ts";

/** A server that can be ended and started again at the same address. */
export interface TestRedis {
  readonly port: number;
  /** Its URL, with the given credentials. */
  url(user?: string, password?: string): URL;
  /** Sends a command over a connection of its own; keys and values as text. */
  command(...command: string[]): Promise<unknown>;
  /** Sends the process a signal, such as SIGSTOP. */
  signal(signal: Deno.Signal): void;
  /** Ends the process at once, as a power cut does, or kindly. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Starts the process again, with what its append-only file holds. */
  start(): Promise<void>;
}

/** How to start a server. */
export interface TestRedisOptions {
  /** Whether it writes an append-only file, synced every second. */
  readonly appendonly?: boolean;
  /** Further arguments. */
  readonly args?: readonly string[];
  /** Whether it runs from the beginning. */
  readonly isStarted?: boolean;
}

/** Path of the server, or undefined. CI sets REQUIRE_REDIS so that nothing is skipped unnoticed there. */
export const REDIS_SERVER: string | undefined = findProgram(
  ["redis-server", "valkey-server"].flatMap((name) =>
    ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map((directory) => `${directory}/${name}`)
  ),
  "REQUIRE_REDIS",
);

/** Runs a test with a server, which is ended and removed at the end whatever its state. */
export async function withRedis(options: TestRedisOptions, test: (redis: TestRedis) => Promise<void>): Promise<void> {
  const path = REDIS_SERVER;
  if (path === undefined) throw new Error("No redis-server here: the test must be ignored");
  const directory = await Deno.makeTempDir({ prefix: "redis-" });
  const port = freePort();
  let child: Deno.ChildProcess | undefined;
  const redis: TestRedis = {
    port,
    url: (user = "", password = "") =>
      new URL(`redis://${user}${password && `:${password}`}${user || password ? "@" : ""}127.0.0.1:${port}`),
    command: (...command) => within(command.join(" "), sendCommand(port, command)),
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
        ...["--appendonly", options.appendonly ? "yes" : "no", ...options.args ?? []],
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

/** Whether the server has read its file and takes commands: an error such as NOAUTH is a good sign, too. */
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

async function sendCommand(port: number, command: string[]): Promise<unknown> {
  const client = createClient({ socket: { host: "127.0.0.1", port, reconnectStrategy: false } });
  client.on("error", () => {});
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}
