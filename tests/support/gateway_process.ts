/** Real gateway as its own process, in the sandbox that its configuration needs. */
import { resolve } from "node:path";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Variables } from "../../src/config/rules.ts";
import { permissionFlags } from "../../src/config/sandbox.ts";
import { KEY_BYTES } from "../../src/protocol/aead.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { formatKeysFile, type KeyRecord } from "../../src/keys/schema.ts";
import { within } from "./deadline.ts";
import { ProcessOutput } from "./process_output.ts";
import { Secrets } from "./secrets.ts";

/** Directory of this checkout. */
const CHECKOUT = new URL("../..", import.meta.url).pathname;

/** Inherited environment variables; the last ones apply the clock of faketime to all processes. */
const INHERITED = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED"];

/** Settings that disable or raise all limits. */
export const UNLIMITED = {
  RATE_LIMITS: "off",
  MAX_BODIES: "10000",
  MAX_REQUESTS: "10000",
  MAX_REQUESTS_PER_ADDRESS: "10000",
  MAX_REQUESTS_PER_KEY: "10000",
  MAX_STREAMS: "10000",
  MAX_STREAMS_PER_KEY: "10000",
};

/** A running gateway. */
export interface GatewayProcess {
  readonly url: string;
  /** URL of metrics and health; undefined without them. */
  readonly metricsUrl: string | undefined;
  readonly key: string;
  readonly pid: number;
  readonly directory: string;
  readonly output: ProcessOutput;
  readonly client: GatewayClient;
  /** Registers a secret, such as an API key, a password or a payload: `stop()` fails if the gateway printed it. */
  keepSecret(name: string, secret: string): void;
  /**
   * Sends a signal and waits for the exit code.
   *
   * @throws {Error} if the gateway printed a secret or a crash
   */
  stop(signal?: Deno.Signal): Promise<number>;
}

/** Options of a command. */
export interface CommandOptions {
  readonly directory: string;
  readonly env: Variables;
  readonly flags?: readonly string[];
  readonly launcher?: readonly string[];
  readonly checkout?: string;
}

/** Outcome of a command: its exit code, and all that it printed. */
export interface CommandResult {
  readonly code: number;
  readonly text: string;
}

/** Runs a command of `main.ts` in a directory to its end. */
export async function runMain(commandLine: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const child = spawnMain(commandLine, options);
  const output = new ProcessOutput(child);
  const { code } = await within(commandLine.join(" "), child.status, 60_000);
  await output.ended;
  return { code, text: output.text };
}

/** Starts a command of `main.ts` in a directory. */
export function spawnMain(commandLine: readonly string[], options: CommandOptions): Deno.ChildProcess {
  const env = Object.fromEntries(Object.entries(options.env).filter((entry) => entry[1] !== undefined));
  const inherited = INHERITED.map((name) => [name, Deno.env.get(name) ?? ""]);
  const { checkout = CHECKOUT, flags = ["-A"] } = options;
  const [project, main] = [resolve(checkout, "deno.json"), resolve(checkout, "main.ts")];
  const program = [Deno.execPath(), "run", "--quiet", "--config", project, ...flags, main];
  const [command = "", ...args] = [...(options.launcher ?? []), ...program, ...commandLine];
  return new Deno.Command(command, {
    args,
    cwd: options.directory,
    clearEnv: true,
    env: { ...Object.fromEntries(inherited.filter(([, value]) => value !== "")), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Options of a gateway process. */
export interface GatewayProcessOptions {
  /** Working directory; a temporary one by default. */
  readonly directory?: string;
  /** Further flags for `deno run`. */
  readonly flags?: readonly string[];
  /** Key of its client; the generated one by default. */
  readonly key?: string;
  /** Initial records of its `KEYS_FILE`. */
  readonly keys?: readonly KeyRecord[];
  /** Command that executes the rest of its command line. */
  readonly launcher?: readonly string[];
  /** Directory of the checkout whose gateway it is; this one by default. */
  readonly checkout?: string | undefined;
}

/** Starts a gateway and waits until it listens. */
export async function startGatewayProcess(
  env: Variables = {},
  { directory, flags = [], key: given, keys, launcher = [], checkout }: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
  const settings: Variables = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", LOG_FORMAT: "json", ...env };
  const own = directory === undefined;
  const home = directory ?? await Deno.makeTempDir({ prefix: "gateway-" });
  if (keys !== undefined) await writeKeys(home, keys);
  const child = spawnMain(["serve"], {
    directory: home,
    env: settings,
    flags: [...await sandboxOf(checkout, { directory: home, env: settings }), ...flags],
    launcher,
    ...checkout !== undefined && { checkout },
  });
  const output = new ProcessOutput(child);
  const secrets = new Secrets(settings);
  const line = await output.line((text) => text.includes("listens on"));
  const { port }: { port: number } = JSON.parse(line);
  const { secretKeyFile, keysFile } = parseConfig(settings).keys;
  const keyFile = resolve(home, secretKeyFile);
  const key = given ?? (await Deno.readTextFile(keyFile)).trim();
  // At the start and at the end, because keys change meanwhile.
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
        // It has already ended.
      }
      const { code } = await child.status;
      await output.ended;
      await readKeys();
      if (own) await Deno.remove(home, { recursive: true }).catch(ignoreAbsence);
      const faults = secrets.faultsIn(output.lines);
      if (faults.length > 0) throw new Error(`The gateway printed secrets or a crash: ${faults.join("; ")}`);
      return code;
    },
  };
}

/** Reads a metric without labels of a gateway; undefined where it is absent. */
export async function metricOf({ metricsUrl }: GatewayProcess, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length));
}

/**
 * Returns the flags of the sandbox: as the command prints them for another checkout, whose settings may differ, and for a
 * services file.
 */
async function sandboxOf(
  checkout: string | undefined,
  options: { readonly directory: string; readonly env: Variables },
): Promise<readonly string[]> {
  const config = parseConfig(options.env);
  const hasServicesFile = await Deno.stat(resolve(options.directory, config.services.file)).then(
    () => true,
    () => false,
  );
  if (checkout === undefined && !hasServicesFile) return permissionFlags(config);
  const program = { ...options, ...checkout !== undefined && { checkout } };
  const { success, stdout, stderr } = await spawnMain(["permissions"], program).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`No permissions of ${checkout ?? "this checkout"}: ${text(stderr)}`);
  return text(stdout).split(" ");
}

async function writeKeys(directory: string, keys: readonly KeyRecord[]): Promise<void> {
  await Deno.mkdir(`${directory}/data`, { mode: 0o700 });
  await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile(keys), { mode: 0o600 });
  // Beside other keys, the gateway does not generate one.
  await Deno.writeTextFile(`${directory}/data/secret_key.txt`, randomBytes(KEY_BYTES).toHex(), { mode: 0o600 });
}

/** Reads the line that precedes that of the public port. */
function metricsUrlIn(lines: readonly string[]): string | undefined {
  const line = lines.find((text) => text.includes("Metrics and health on"));
  if (line === undefined) return undefined;
  const { host, port }: { host: string; port: number } = JSON.parse(line);
  return `http://${host}:${port}`;
}

/** Ignores that the directory is already removed: a gateway may be stopped again. */
function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
