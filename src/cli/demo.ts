/**
 * The command `demo`: a gateway with a simulated home in one process.
 *
 * @module
 */
import { setTimeout } from "node:timers/promises";
import { parseConfig } from "../config/parse.ts";
import type { Variables } from "../config/rules.ts";
import { type Config, secretsOf, SETTINGS } from "../config/settings.ts";
import { type LinkedKey, type OneTimeLink, PairingLinks } from "../demo/pairing_links.ts";
import { present } from "../demo/presentation.ts";
import { DEVICES, LIGHT_COMMAND_TOPIC, SimulatedHome, startSensors, textOf } from "../demo/simulated_home.ts";
import { startSimulatedServices } from "../demo/simulated_services.ts";
import { loadOrCreateKey } from "../keys/default_key_file.ts";
import { formatDuration } from "../keys/duration.ts";
import { PAIRING_MS } from "../keys/pairing_code.ts";
import { formatKeysFile, type KeyRecord } from "../keys/schema.ts";
import { errorText } from "../lib/errors.ts";
import { OWNER_ONLY } from "../lib/file_mode.ts";
import { type Log, SILENT_LOG } from "../observability/log.ts";
import { startLog } from "../observability/logtape.ts";
import { createMask } from "../observability/mask.ts";
import { randomBytes } from "../protocol/bytes.ts";
import { addressFault } from "../net/egress.ts";
import { SqliteState } from "../store/state/sqlite_state.ts";
import { stateFileOf } from "../store/state/state_file.ts";
import type { CommandLine } from "./args.ts";
import type { Platform } from "../platform.ts";
import { drawPairingCode } from "./keys/qr_code.ts";
import { reportStartFailure } from "./serve.ts";
import type { RunningGateway } from "../app/start.ts";

/** Interval of the sensors' messages, in milliseconds. */
const TICK_MS = 1000;

/** Interval in which used links are noticed, in milliseconds. */
const RENEW_MS = 1000;

/** Key that opens the page with everything. */
const PAGE_KEY: LinkedKey = {
  name: "browser",
  rights: {
    action: { actions: ["*"] },
    jeedom: { methods: ["*"] },
    mqtt: { publish: ["#"], subscribe: ["#"] },
    "home_assistant": { read: ["*"], call: ["*@*", "script.*"] },
    http: { targets: ["*"] },
    influxdb: { queries: ["*"] },
  },
};

/** Key of a guest pass. */
const GUEST_KEY: LinkedKey = {
  name: "Visitor",
  rights: { action: { actions: ["open-gate"], uses: 3 } },
  validMs: 2 * 3_600_000,
};

/** Command line of `demo`. */
export const DEMO_LINE = {
  synopsis: "deno task demo",
  summary: "Open a simulated home in the browser: a link, already paired",
  options: {},
} as const satisfies CommandLine;

/** Runs the demo until it is stopped or its output is closed. */
export async function demo(platform: Platform): Promise<number> {
  const stop = new AbortController();
  const stopped = platform.untilStopped({ endsOnHangup: true }).then(() => stop.abort());
  const { signal } = stop;
  try {
    await using opened = new AsyncDisposableStack();
    const home = new SimulatedHome(() => Date.now());
    const services = startSimulatedServices(home, { platform, opened });
    const { settings, ...keys } = await makeFiles(platform, services.servicesFile);
    const config = demoConfig(platform, { ...services.settings, ...settings });
    const { log } = startLog({ settings: config.log, mask: createMask(secretsOf(config)), ...platform });
    const gateway = await startOnFreePort(config, platform, log);
    opened.defer(() => gateway.stop());
    const { createConnectBroker } = await import("../mqtt/connect.ts");
    const connect = createConnectBroker({ keepaliveSeconds: config.mqtt.keepaliveSeconds, addressFault });
    const stopSensors = await startSensors(home, connect, { broker: gateway.broker, tickMs: TICK_MS });
    opened.defer(stopSensors);
    const { files } = platform;
    const pairings = new SqliteState({ path: stateFileOf(keys.keyFile), files, mode: "strict", log: SILENT_LOG });
    opened.defer(() => pairings.close());
    const links = new PairingLinks({ url: gateway.url, pairings, now: () => Date.now(), random: randomBytes });
    const offers = { page: await links.create(PAGE_KEY), guest: await links.create(GUEST_KEY) };
    printIntroduction(gateway, config, platform);
    printLinks(offers, platform);
    await present({ url: gateway.url, ...keys, platform, signal });
    printNextSteps({ url: gateway.url, ...keys }, platform);
    if (!platform.isTerminal) opened.defer(printChanges(home, platform));
    await Promise.all([stopped, renewLinks(offers, { links, home, print: platform.print, signal })]);
    return 0;
  } catch (error) {
    return signal.aborted ? 0 : reportStartFailure(error, platform);
  }
}

/** Makes the files of the gateway, which are removed at the end: a key for everything, one of a guest, and the services. */
async function makeFiles({ files, ...platform }: Platform, servicesFile: string) {
  const directory = await makeTempDir(platform);
  const [keyFile, guestFile] = [`${directory}/key.txt`, `${directory}/guest.txt`];
  const options = { files, random: randomBytes, mode: "strict" } as const;
  const { secret } = await loadOrCreateKey(keyFile, options);
  const { secret: guestSecret } = await loadOrCreateKey(guestFile, options);
  const settings = {
    SECRET_KEY_FILE: keyFile,
    KEYS_FILE: `${directory}/keys.json`,
    SERVICES_FILE: `${directory}/services.yaml`,
  };
  const guest: KeyRecord = {
    name: "guest",
    secret: guestSecret,
    created: Date.now(),
    disabled: false,
    minProtocol: 2,
    rights: { action: { actions: ["open-gate"] } },
  };
  await files.writeTextFile(settings.KEYS_FILE, formatKeysFile([guest]), { mode: OWNER_ONLY });
  await files.writeTextFile(settings.SERVICES_FILE, servicesFile, { mode: OWNER_ONLY });
  return { secret, guestSecret, keyFile, guestFile, settings };
}

async function makeTempDir(platform: Pick<Platform, "makeTempDir">): Promise<string> {
  try {
    return await platform.makeTempDir();
  } catch (error) {
    const reason = errorText(error);
    throw new Error(`No temporary directory for its key: ${reason}. Set TMPDIR to a directory that is writable`);
  }
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

async function startOnFreePort(config: Config, platform: Platform, log: Log): Promise<RunningGateway> {
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
A smart home in one process. Jeedom, Home Assistant, InfluxDB, a camera and sensors
are simulated; the gateway, its keys and all that is sealed with them are real.`);
  if (port === 0 || url.endsWith(`:${port}`)) return;
  print(`
Port ${port} is taken, perhaps by your own gateway, which keeps running.
The demo listens at ${url} instead.`);
}

/** Links that are offered: to the whole home, and of a guest. */
type Offers = Readonly<Record<"page" | "guest", OneTimeLink>>;

function printLinks({ page, guest }: Offers, { print }: Pick<Platform, "print">): void {
  print(`
Open it in your browser:

    ${page.link}

${drawPairingCode(page.link, { invert: false })}

A guest, who may open the gate three times within two hours and do nothing else
(in a private window, say):

    ${guest.link}

Each link opens the page on this machine, already paired, once and within ${formatDuration(PAIRING_MS)}.
The next one is printed here. Phones open the page of your own gateway, by https.`);
}

/** Links, the home that they open, and where they are printed. */
interface RenewOptions extends Pick<Platform, "print"> {
  readonly links: PairingLinks;
  readonly home: SimulatedHome;
  readonly signal: AbortSignal;
}

/** Prints another link for each that was used or has expired, until the demo ends. Rings for the one who came. */
async function renewLinks(
  offers: Offers,
  { links, home, print, signal }: RenewOptions,
): Promise<void> {
  let { page, guest } = offers;
  while (await pause(RENEW_MS, signal)) {
    if (await page.isSpent()) {
      page = await links.create(PAGE_KEY);
      home.ring();
      print(`\nFor another browser:  ${page.link}`);
    }
    if (await guest.isSpent()) {
      guest = await links.create(GUEST_KEY);
      print(`\nFor another guest:  ${guest.link}`);
    }
  }
}

/** Waits. Returns false if the signal is aborted meanwhile. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return setTimeout(ms, true, { signal }).catch(() => false);
}

/** Address and key files for the printed commands. */
interface NextSteps {
  readonly url: string;
  readonly keyFile: string;
  readonly guestFile: string;
}

function printNextSteps({ url, keyFile, guestFile }: NextSteps, { print }: Pick<Platform, "print">): void {
  const at = `--url ${url} --key-file ${keyFile}`;
  print(`
From another terminal, in this directory (or with npx -y deno@2.9.6 task …), with
temporary keys that are removed at the end:

deno task health --url ${url}
deno task call eqLogic::all ${at}
deno task publish ${LIGHT_COMMAND_TOPIC} OFF --qos 1 ${at}
deno task request camera /status ${at}
deno task states 'light.*' ${at}
deno task query temperatures room=attic ${at}
deno task action open-gate --url ${url} --key-file ${guestFile}
deno task subscribe 'home/#' ${at}

Ctrl-C ends it. Then start the real one, for your own home: deno task start`);
}

/** Prints the sensors' messages: a closed pipe is noticed only by printing. Returns the function that ends it. */
function printChanges(home: SimulatedHome, { print }: Platform): () => void {
  return home.onChange(({ id, value }) => {
    const device = DEVICES.find((candidate) => candidate.id === id);
    if (device !== undefined) print(`  sensor  ${device.topic} ${textOf(device, value)}`);
  });
}
