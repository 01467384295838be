/** A whole gateway for one test: with a broker of its own, Mosquitto where it is installed, and a simulated Jeedom. */
import { within } from "./deadline.ts";
import { startBroker, type TestBroker } from "./broker.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway_process.ts";
import { type JeedomServer, type JeedomServerOptions, startJeedom } from "./jeedom_server.ts";

export interface TestEnvironment {
  readonly gateway: GatewayProcess;
  readonly broker: TestBroker;
  readonly jeedom: JeedomServer;
}

/** Runs a part of a test in a world of its own, for at most so many milliseconds, and returns what came of it. */
export async function withEnvironment<T>(
  test: (world: TestEnvironment) => Promise<T>,
  { env = {}, jeedom: choices = {}, ms = 120_000 }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly jeedom?: JeedomServerOptions;
    readonly ms?: number;
  } = {},
): Promise<T> {
  const jeedom = startJeedom(choices);
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
