/** Gateway with its dependencies, for tests of clients. */
import { within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { type JeedomServer, startJeedom } from "../support/jeedom_server.ts";

/** Gateway with its embedded broker, and a simulated Jeedom. */
export interface TestEnvironment {
  readonly gateway: GatewayProcess;
  readonly jeedom: JeedomServer;
  readonly brokerPort: number;
}

/** Runs a test in its own environment. */
export async function withEnvironment(test: (environment: TestEnvironment) => Promise<void>): Promise<void> {
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
