/**
 * The command `demo`: a whole smart home in one process, to try the gateway on.
 *
 * @module
 */
import { GatewayClient } from "../client/gateway_client.ts";
import { type Config, parseConfig } from "../config.ts";
import { House } from "../demo/house.ts";
import { LIGHT_COMMAND_TOPIC, startSensors } from "../demo/sensors.ts";
import { createSimulatedJeedom } from "../demo/simulated_jeedom.ts";
import { createConnectBroker } from "../mqtt/connection.ts";
import { startLog } from "../observability/log.ts";
import { addressFault } from "../security/egress.ts";
import type { CommandLine } from "./args.ts";
import type { Platform } from "./platform.ts";
import { tellStartFailure } from "./serve.ts";
import { readSources } from "./settings.ts";
import { type RunningGateway, startGateway } from "./start_gateway.ts";

/** Something happens in the house every so often, in milliseconds. */
const TICK_MS = 2000;

/** Command line of `demo`. */
export const DEMO_LINE = {
  synopsis: "deno task demo",
  summary: "Run the gateway with a simulated home, and show one call, one message and one subscription",
  options: {},
} as const satisfies CommandLine;

/** Runs the demonstration until it is told to stop. */
export async function demo(platform: Platform): Promise<number> {
  const now = () => Date.now();
  const house = new House(now);
  const apikey = crypto.randomUUID();
  const simulated = createSimulatedJeedom({ apikey, house, now });
  const jeedom = platform.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => simulated.handle(request),
  );
  try {
    const config = await demoConfig(platform, {
      JEEDOM_URL: `http://127.0.0.1:${jeedom.addr.port}`,
      JEEDOM_APIKEY: apikey,
    });
    const gateway = await startOnFreePort(config, platform);
    const connect = createConnectBroker({ keepAliveSeconds: config.MQTT_KEEPALIVE_SECONDS, addressFault });
    const stopSensors = await startSensors(house, connect, { broker: gateway.broker, tickMs: TICK_MS });
    await show(gateway, platform);
    tellHowToGoOn(gateway, config, platform);
    await platform.untilStopped();
    await stopSensors();
    await gateway.stop();
    return 0;
  } catch (error) {
    return tellStartFailure(error, platform);
  } finally {
    simulated.close();
    await jeedom.shutdown();
  }
}

/** The person's own port and key file, but nothing of their real Jeedom and broker. */
async function demoConfig(platform: Platform, jeedom: Record<string, string>): Promise<Config> {
  const { environment, file } = await readSources(platform);
  const names = ["SECRET_KEY_FILE", "KEYS_FILE", "KEY_FILE_MODE", "PORT", "LOG_LEVEL", "LOG_FORMAT"];
  const kept = Object.fromEntries(names.map((name) => [name, environment[name] || file[name]]));
  return parseConfig({ HOST: "127.0.0.1", METRICS_PORT: "off", ...jeedom }, kept, { LOG_FORMAT: "text" });
}

async function startOnFreePort(config: Config, platform: Platform): Promise<RunningGateway> {
  const log = startLog(config, platform.isTerminal);
  try {
    return await startGateway(config, platform, log);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "AddrInUse") throw error;
    return await startGateway({ ...config, PORT: 0 }, platform, log);
  }
}

/** Does once what a phone would do, over HTTP, and prints it. */
async function show(gateway: RunningGateway, { print, fetch }: Platform): Promise<void> {
  if (gateway.secret === undefined) {
    throw new Error(
      "The demonstration uses the key of SECRET_KEY_FILE, and there is none. Give it files of its own: " +
        "SECRET_KEY_FILE=data/demo/key.txt KEYS_FILE=data/demo/keys.json deno task demo",
    );
  }
  let sealedRequest = "";
  const client = new GatewayClient({
    url: gateway.url,
    key: gateway.secret.toHex(),
    protocol: 2,
    fetch: (input, init) => {
      if (typeof init?.body === "string") sealedRequest = init.body;
      return fetch(input, init);
    },
  });

  print("\n1. A Jeedom call, sealed by the client and opened by the gateway:");
  const call = await client.callJeedom("summary::global");
  print(`   sent      POST /gateway  ${sealedRequest.slice(0, 60)}… (${sealedRequest.length} characters)`);
  print(`   answered  ${call.status} ${JSON.stringify(call.body)}`);

  print("2. A subscription to home/#, and 3. a message that switches the light on:");
  for await (const event of client.subscribe(["home/#"], { resume: false })) {
    if (event.type === "connected") {
      print(`   connected ${event.message}`);
      const published = await client.publish(LIGHT_COMMAND_TOPIC, "ON", { qos: 1 });
      print(`   published ${published.status} ${published.body}`);
    } else if (event.type === "message") {
      print(`   received  ${event.topic} ${event.payload}`);
      if (event.topic === "home/livingroom/light" && event.payload === "1") return;
    }
  }
}

function tellHowToGoOn({ url }: RunningGateway, config: Config, { print }: Platform): void {
  const at = url.endsWith(`:${config.PORT}`) ? "" : ` --url ${url}`;
  print(`
The gateway goes on at ${url}. In another terminal (with npx: npx -y deno@2.9.6 task …):
  deno task health${at}
  deno task call eqLogic::all${at}
  deno task publish ${LIGHT_COMMAND_TOPIC} OFF --qos 1${at}
  deno task subscribe 'home/#'${at}
Ctrl-C ends it.`);
}
