/** Gateway process with a broker and a simulated Jeedom. */
import { within } from "./deadline.ts";
import { startBroker, type TestBroker } from "./broker.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway_process.ts";
import { freePort } from "./loopback.ts";
import { type JeedomServer, type JeedomServerOptions, startJeedom } from "./jeedom_server.ts";

/** Running gateway with a separate broker and a simulated Jeedom. */
export interface TestEnvironment {
  readonly gateway: GatewayProcess;
  readonly broker: TestBroker;
  readonly jeedom: JeedomServer;
}

/** Runs a test in its own environment, for at most `ms` milliseconds, and returns its result. */
export async function withEnvironment<T>(
  test: (environment: TestEnvironment) => Promise<T>,
  { env = {}, jeedom: jeedomOptions = {}, ms = 120_000 }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly jeedom?: JeedomServerOptions;
    readonly ms?: number;
  } = {},
): Promise<T> {
  const jeedom = startJeedom(jeedomOptions);
  const broker = await startBroker();
  const gateway = await startGatewayProcess({
    JEEDOM_URL: jeedom.url,
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    ...env,
  });
  gateway.keepSecret("API key of Jeedom", jeedom.apikey);
  try {
    return await within("the test", test({ gateway, broker, jeedom }), ms);
  } finally {
    await gateway.stop();
    await broker.stop();
    await jeedom.stop();
  }
}

/** Running gateway with its embedded broker and a simulated Jeedom, whose API key it has. */
export interface EmbeddedEnvironment {
  readonly gateway: GatewayProcess;
  readonly jeedom: JeedomServer;
  readonly brokerPort: number;
}

/** Runs a test with a gateway that uses its embedded broker, for at most two minutes. */
export async function withEmbeddedBroker(test: (environment: EmbeddedEnvironment) => Promise<void>): Promise<void> {
  const jeedom = startJeedom();
  const gateway = await startGatewayProcess({
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: jeedom.apikey,
    MQTT_BROKER_PORT: String(freePort()),
  });
  try {
    const { port } = JSON.parse(await gateway.output.line((line) => line.includes("embedded broker runs on")));
    await within("the test", test({ gateway, jeedom, brokerPort: port }), 120_000);
  } finally {
    await gateway.stop();
    await jeedom.stop();
  }
}
