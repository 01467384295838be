/**
 * The command `demo`: a gateway with a simulated home in one process.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { GatewayClient } from "../client/gateway_client.ts";
import { parseConfig } from "../config/parse.ts";
import type { Variables } from "../config/rules.ts";
import { type Config, secretsOf, SETTINGS } from "../config/settings.ts";
import { DEVICES, LIGHT_COMMAND_TOPIC, SimulatedHome, startSensors } from "../demo/simulated_home.ts";
import { createSimulatedJeedom } from "../demo/simulated_jeedom.ts";
import { startLog } from "../observability/logtape.ts";
import { createMask } from "../observability/mask.ts";
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import { openRequest, parseRequest } from "../protocol/exchange.ts";
import { importSecretKey } from "../protocol/secret_key.ts";
import { addressFault } from "../net/egress.ts";
import type { CommandLine } from "./args.ts";
import { loadOrCreateKey } from "../keys/default_key_file.ts";
import type { Platform } from "../platform.ts";
import { reportStartFailure } from "./serve.ts";
import type { RunningGateway } from "../app/start.ts";

/** Interval of the sensors' messages, in milliseconds. */
const TICK_MS = 2000;

/** Command line of `demo`. */
export const DEMO_LINE = {
  synopsis: "deno task demo",
  summary: "Run the gateway with a simulated home, and show one call, one message and one subscription",
  options: {},
} as const satisfies CommandLine;

/** Topic of the light's state. */
const LIGHT_TOPIC = "home/livingroom/light";

/** Characters that are shown of a sealed text. */
const SHOWN_CHARACTERS = 40;

/** Runs the demo until it is stopped or its output is closed. */
export async function demo(platform: Platform): Promise<number> {
  const stop = new AbortController();
  const stopped = platform.untilStopped({ endsOnHangup: true }).then(() => stop.abort());
  const { signal } = stop;
  try {
    await using opened = new AsyncDisposableStack();
    const home = new SimulatedHome(() => Date.now());
    const key = await makeTemporaryKey(platform);
    const config = demoConfig(platform, { ...key.settings, ...serveJeedom(home, { platform, opened }) });
    const gateway = await startOnFreePort(config, platform);
    opened.defer(() => gateway.stop());
    const { createConnectBroker } = await import("../mqtt/connect.ts");
    const connect = createConnectBroker({ keepaliveSeconds: config.mqtt.keepaliveSeconds, addressFault });
    const stopSensors = await startSensors(home, connect, { broker: gateway.broker, tickMs: TICK_MS });
    opened.defer(stopSensors);
    printIntroduction(gateway, config, platform);
    const presentation: Presentation = { url: gateway.url, secret: key.secret, platform, signal };
    await showCall(presentation);
    await showSubscription(presentation);
    printNextSteps(gateway, config, platform);
    if (!platform.isTerminal) opened.defer(printChanges(home, platform));
    await stopped;
    return 0;
  } catch (error) {
    return signal.aborted ? 0 : reportStartFailure(error, platform);
  }
}

/** Gateway, key and machine of the presentation. */
interface Presentation {
  /** Address of the gateway. */
  readonly url: string;
  /** The key, 32 bytes. */
  readonly secret: Bytes;
  readonly platform: Platform;
  /** Aborts the presentation. */
  readonly signal: AbortSignal;
}

/** Makes a key in a file that is removed at the end, and returns the settings for it. */
async function makeTemporaryKey(platform: Platform) {
  const directory = await makeTempDir(platform);
  const SECRET_KEY_FILE = `${directory}/key.txt`;
  const { secret } = await loadOrCreateKey(SECRET_KEY_FILE, {
    files: platform.files,
    random: randomBytes,
    mode: "strict",
  });
  const settings = {
    SECRET_KEY_FILE,
    KEYS_FILE: `${directory}/keys.json`,
    SERVICES_FILE: `${directory}/services.yaml`,
  };
  return { secret, settings };
}

async function makeTempDir(platform: Platform): Promise<string> {
  try {
    return await platform.makeTempDir();
  } catch (error) {
    const reason = errorText(error);
    throw new Error(`No temporary directory for its key: ${reason}. Set TMPDIR to a directory that is writable`);
  }
}

/** Starts the simulated Jeedom, and returns the settings for it. */
function serveJeedom(
  home: SimulatedHome,
  { platform, opened }: { readonly platform: Platform; readonly opened: AsyncDisposableStack },
): { readonly JEEDOM_URL: string; readonly JEEDOM_APIKEY: string } {
  const apikey = crypto.randomUUID();
  const simulated = createSimulatedJeedom({ apikey, home, now: () => Date.now() });
  const server = platform.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => simulated.handle(request),
  );
  opened.defer(async () => {
    simulated.close();
    await server.shutdown();
  });
  return { JEEDOM_URL: `http://127.0.0.1:${server.addr.port}`, JEEDOM_APIKEY: apikey };
}

/** Makes the configuration. The operator's settings are not read, as invalid ones must not prevent the demo. */
function demoConfig({ env }: Platform, settings: Variables): Config {
  const port = SETTINGS.server.settings.port.rule.safeParse(env("PORT") ?? "");
  return parseConfig({
    HOST: "127.0.0.1",
    ...port.success && { PORT: String(port.data) },
    METRICS_PORT: "off",
    // Ordinary log lines would interrupt the presentation.
    LOG_LEVEL: "warning",
    LOG_FORMAT: "text",
    ...settings,
  });
}

async function startOnFreePort(config: Config, platform: Platform): Promise<RunningGateway> {
  const { isTerminal, print } = platform;
  const log = startLog({ settings: config.log, mask: createMask(secretsOf(config)), isTerminal, print });
  // Loaded only here: MQTT.js reads the environment as it loads, and --help needs no permission.
  const { startGateway } = await import("../app/start.ts");
  try {
    return await startGateway(config, platform, log);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "AddrInUse") throw error;
    return await startGateway({ ...config, server: { ...config.server, port: 0 } }, platform, log);
  }
}

function printIntroduction({ url }: RunningGateway, { server: { port } }: Config, { print }: Platform): void {
  print(`\
A smart home in one process. Jeedom, the sensors and the broker are simulated;
the gateway, its key and all that is sealed with it are real.`);
  if (port === 0 || url.endsWith(`:${port}`)) return;
  print(`
Port ${port} is taken, perhaps by your own gateway, which keeps running.
The demo listens at ${url} instead.`);
}

/** Calls Jeedom as a phone does, and prints the plain and sealed texts of the request and the answer. */
async function showCall({ url, secret, platform: { print, fetch }, signal }: Presentation): Promise<void> {
  let sent = "";
  let returned = "";
  const client = clientOf({ url, secret }, async (input, init) => {
    sent = String(init?.body);
    const response = await fetch(input, init);
    returned = await response.clone().text();
    return response;
  });
  const answer = await client.callJeedom("summary::global", undefined, { signal });
  const request = await openRequest(await importSecretKey(secret), parseRequest(sent), { route: "/gateway" });
  print(`
1. A call of Jeedom, for the state of the home
   sealed    ${request?.text}
   sent      ${shorten(sent)}
   returned  ${shorten(returned)}
   answered  ${answer.status} ${JSON.stringify(answer.body)}`);
}

/** Subscribes as a phone does, and switches the light on. */
async function showSubscription({ url, secret, platform: { print, fetch }, signal }: Presentation): Promise<void> {
  const client = clientOf({ url, secret }, fetch);
  print("\n2. A subscription to home/#, and a message that switches the light on");
  for await (const event of client.subscribe(["home/#"], { resume: false, signal })) {
    if (event.type === "connected") {
      print(`   connected ${event.message}`);
      const published = await client.publish(LIGHT_COMMAND_TOPIC, "ON", { qos: 1, signal });
      print(`   published ${published.status} ${published.body}`);
    } else if (event.type === "message") {
      print(`   received  ${event.topic} ${event.payload}`);
      if (event.topic === LIGHT_TOPIC && event.payload === "1") return;
    }
  }
}

function clientOf({ url, secret }: Pick<Presentation, "url" | "secret">, fetch: Platform["fetch"]): GatewayClient {
  return new GatewayClient({ url, key: secret.toHex(), protocol: 2, fetch });
}

function shorten(sealed: string): string {
  return `${sealed.slice(0, SHOWN_CHARACTERS)}… (${sealed.length} characters)`;
}

function printNextSteps({ url }: RunningGateway, { keys: { secretKeyFile } }: Config, { print }: Platform): void {
  const at = `--url ${url} --key-file ${secretKeyFile}`;
  print(`
The demo continues, with a temporary key that is removed at the end. Try it from
another terminal, in this directory (or with npx -y deno@2.9.6 task …):

deno task health --url ${url}
deno task call eqLogic::all ${at}
deno task publish ${LIGHT_COMMAND_TOPIC} OFF --qos 1 ${at}
deno task subscribe 'home/#' ${at}

Ctrl-C ends it. Then start the real one, for your own Jeedom: deno task start`);
}

/** Prints the sensors' messages: a closed pipe is noticed only by printing. Returns the function that ends it. */
function printChanges(home: SimulatedHome, { print }: Platform): () => void {
  return home.onChange(({ id, value }) => {
    const device = DEVICES.find((candidate) => candidate.id === id);
    print(`   sensor    ${device?.topic} ${value}`);
  });
}
