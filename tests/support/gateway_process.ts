/** Starts the real gateway as its own process, in the sandbox that its configuration asks for. */
import { resolve } from "node:path";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Variables } from "../../src/config/rules.ts";
import { permissionFlags } from "../../src/config/sandbox.ts";
import { KEY_BYTES } from "../../src/protocol/aead.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { formatKeysFile, type KeyRecord } from "../../src/keys/schema.ts";
import { ProcessOutput } from "./process_output.ts";
import { Secrets } from "./secrets.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const PROJECT = new URL("../../deno.json", import.meta.url).pathname;

/** Variables that a process keeps beside its settings; the last ones make the clock of faketime that of all processes. */
const KEPT = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED"];

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
  /** Where it tells metrics and health; undefined where it does not. */
  readonly metricsUrl: string | undefined;
  readonly key: string;
  readonly pid: number;
  readonly directory: string;
  readonly output: ProcessOutput;
  readonly client: GatewayClient;
  /** Makes the test fail at the end if the gateway ever printed this: an API key, a password, a payload. */
  keepSecret(name: string, secret: string): void;
  /**
   * Sends a signal and waits for the exit code.
   *
   * @throws {Error} if it printed a secret of its settings, of its files or of the test, or that it crashed
   */
  stop(signal?: Deno.Signal): Promise<number>;
}

/** Runs a command of `main.ts` in a directory of its own. */
export function spawnMain(words: readonly string[], options: {
  readonly directory: string;
  readonly env: Variables;
  readonly flags?: readonly string[];
  readonly launcher?: readonly string[];
}): Deno.ChildProcess {
  const env = Object.fromEntries(Object.entries(options.env).filter((entry) => entry[1] !== undefined));
  const kept = KEPT.map((name) => [name, Deno.env.get(name) ?? ""]);
  const program = [Deno.execPath(), "run", "--quiet", "--config", PROJECT, ...(options.flags ?? ["-A"]), MAIN];
  const [command = "", ...args] = [...(options.launcher ?? []), ...program, ...words];
  return new Deno.Command(command, {
    args,
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
  /** Keys that its `KEYS_FILE` holds from the start. */
  readonly keys?: readonly KeyRecord[];
  /** A program that becomes the one whose words follow its own. */
  readonly launcher?: readonly string[];
}

/** Starts a gateway and waits until it listens. */
export async function startGatewayProcess(
  env: Variables = {},
  { directory, flags = [], key: given, keys, launcher = [] }: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
  const settings: Variables = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", LOG_FORMAT: "json", ...env };
  const own = directory === undefined;
  const home = directory ?? await Deno.makeTempDir({ prefix: "gateway-" });
  if (keys !== undefined) await writeKeys(home, keys);
  const child = spawnMain(["serve"], {
    directory: home,
    env: settings,
    flags: [...permissionFlags(parseConfig(settings)), ...flags],
    launcher,
  });
  const output = new ProcessOutput(child);
  const secrets = new Secrets(settings);
  const line = await output.line((text) => text.includes("listens on"));
  const { port }: { port: number } = JSON.parse(line);
  const { secretKeyFile, keysFile } = parseConfig(settings).keys;
  const keyFile = resolve(home, secretKeyFile);
  const key = given ?? (await Deno.readTextFile(keyFile)).trim();
  // At the start and at the end: keys come and go meanwhile.
  const readKeys = async () => {
    for (const path of [keyFile, resolve(home, keysFile)]) await secrets.addKeysOf(path);
  };
  await readKeys();
  const url = `${settings["TLS_CERT_FILE"] === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  return {
    url,
    metricsUrl: metricsUrlIn(output.lines),
    key,
    pid: child.pid,
    directory: home,
    output,
    client: new GatewayClient({ url, key, protocol: 2 }),
    keepSecret: (name, secret) => secrets.add(name, secret),
    async stop(signal = "SIGTERM") {
      try {
        child.kill(signal);
      } catch {
        // It ended by itself.
      }
      const { code } = await child.status;
      await output.ended;
      await readKeys();
      if (own) await Deno.remove(home, { recursive: true }).catch(ignoreAbsence);
      const faults = secrets.faultsIn(output.lines);
      if (faults.length > 0) throw new Error(`The gateway printed what it must not: ${faults.join("; ")}`);
      return code;
    },
  };
}

async function writeKeys(directory: string, keys: readonly KeyRecord[]): Promise<void> {
  await Deno.mkdir(`${directory}/data`, { mode: 0o700 });
  await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile(keys), { mode: 0o600 });
  // Where there are other keys, the gateway makes none by itself.
  await Deno.writeTextFile(`${directory}/data/secret_key.txt`, randomBytes(KEY_BYTES).toHex(), { mode: 0o600 });
}

/** The line comes before the one that tells that it listens. */
function metricsUrlIn(lines: readonly string[]): string | undefined {
  const line = lines.find((text) => text.includes("Metrics and health on"));
  if (line === undefined) return undefined;
  const { host, port }: { host: string; port: number } = JSON.parse(line);
  return `http://${host}:${port}`;
}

/** A gateway may be stopped again. */
function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
