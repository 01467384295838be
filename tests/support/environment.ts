/** Gateway process with its own broker and a simulated Jeedom. */
import { within } from "./deadline.ts";
import { startBroker, type TestBroker } from "./broker.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway_process.ts";
import { type JeedomServer, type JeedomServerOptions, startJeedom } from "./jeedom_server.ts";

/** Running gateway and its dependencies. */
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
