/** Starts the real gateway as its own process, in the sandbox that its configuration asks for. */
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { parseConfig, type Variables } from "../../src/config.ts";
import { permissionFlags } from "../../src/permissions.ts";
import { ProcessOutput } from "./process_output.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const PROJECT = new URL("../../deno.json", import.meta.url).pathname;

/** Settings of a gateway whose limits are not what a test is about. */
export const UNLIMITED = {
  RATE_LIMITS: "off",
  MAX_BODIES: "10000",
  MAX_REQUESTS: "10000",
  MAX_REQUESTS_PER_ADDRESS: "10000",
  MAX_REQUESTS_PER_KEY: "10000",
  MAX_STREAMS: "10000",
  MAX_STREAMS_PER_KEY: "10000",
};

/** A gateway process and how to talk to it. */
export interface GatewayProcess {
  readonly url: string;
  readonly key: string;
  readonly pid: number;
  readonly directory: string;
  readonly output: ProcessOutput;
  readonly client: GatewayClient;
  /** Sends a signal and waits for the exit code. */
  stop(signal?: Deno.Signal): Promise<number>;
}

/** Runs a command of `main.ts` in a directory of its own. */
export function spawnMain(words: readonly string[], options: {
  readonly directory: string;
  readonly env: Variables;
  readonly flags?: readonly string[];
}): Deno.ChildProcess {
  const env = Object.fromEntries(Object.entries(options.env).filter((entry) => entry[1] !== undefined));
  const kept = ["PATH", "HOME", "DENO_DIR", "TMPDIR"].map((name) => [name, Deno.env.get(name) ?? ""]);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config", PROJECT, ...(options.flags ?? ["-A"]), MAIN, ...words],
    cwd: options.directory,
    clearEnv: true,
    env: { ...Object.fromEntries(kept.filter(([, value]) => value !== "")), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Choices for a gateway process. */
export interface GatewayProcessOptions {
  /** Where it runs; a temporary directory of its own by default. */
  readonly directory?: string;
  /** Further flags for `deno run`. */
  readonly flags?: readonly string[];
  /** The key of its client; the one that the gateway makes by default. */
  readonly key?: string;
}

/** Starts a gateway and waits until it listens. */
export async function startGatewayProcess(
  env: Variables = {},
  { directory, flags = [], key: given }: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
  const settings: Variables = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", LOG_FORMAT: "json", ...env };
  const own = directory === undefined;
  const home = directory ?? await Deno.makeTempDir({ prefix: "gateway-" });
  const child = spawnMain(["serve"], {
    directory: home,
    env: settings,
    flags: [...permissionFlags(parseConfig(settings)), ...flags],
  });
  const output = new ProcessOutput(child);
  const line = await output.line((text) => text.includes("listens on"));
  const { port }: { port: number } = JSON.parse(line);
  const keyFile = `${home}/${settings["SECRET_KEY_FILE"] ?? "data/secret_key.txt"}`;
  const key = given ?? (await Deno.readTextFile(keyFile)).trim();
  const url = `${settings["TLS_CERT_FILE"] === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  return {
    url,
    key,
    pid: child.pid,
    directory: home,
    output,
    client: new GatewayClient({ url, key, protocol: 2 }),
    async stop(signal = "SIGTERM") {
      try {
        child.kill(signal);
      } catch {
        // It ended by itself.
      }
      const { code } = await child.status;
      await output.ended;
      if (own) await Deno.remove(home, { recursive: true });
      return code;
    },
  };
}
