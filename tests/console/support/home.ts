/** A real gateway with a broker and the simulated services of the demo. */
import { SimulatedHome, startSensors } from "../../../src/demo/simulated_home.ts";
import { startSimulatedServices } from "../../../src/demo/simulated_services.ts";
import { createConnectBroker } from "../../../src/mqtt/connect.ts";
import type { Variables } from "../../../src/config/rules.ts";
import { startBroker, type TestBroker } from "../../support/broker.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway_process.ts";
import { freePort } from "../../support/loopback.ts";

/** A gateway and everything around it. */
export interface TestHome extends AsyncDisposable {
  /** Address of the page, and of the gateway. */
  readonly url: string;
  /** The running gateway. */
  readonly gateway: GatewayProcess;
  readonly broker: TestBroker;
  readonly home: SimulatedHome;
  /** Starts sensors that publish to the broker, until the end; `tickMs` is the time between their values. */
  startSensors(tickMs: number): Promise<void>;
  /** Ends the gateway at once, as a power failure does, or by another signal. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Starts the gateway again after {@linkcode kill}, at the same address and with the same files. */
  restart(): Promise<void>;
}

/** Starts a home; `env` are further settings of its gateway, `flags` those of its process. */
export async function startHome(env: Variables = {}, flags: readonly string[] = []): Promise<TestHome> {
  await using opened = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "console-home-" });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  const broker = await startBroker();
  opened.defer(() => broker.stop());
  const home = new SimulatedHome(() => Date.now());
  const { settings, servicesFile } = startSimulatedServices(home, { platform: Deno, opened });
  await Deno.writeTextFile(`${directory}/services.yaml`, servicesFile, { mode: 0o600 });
  const variables = {
    ...settings,
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    // The same after a restart.
    PORT: String(freePort()),
    // A file of tests opens more browsers than a household, and as fast as the machine can.
    RATE_LIMITS: "off",
    ...env,
  };
  let gateway = await startGatewayProcess(variables, { directory, flags });
  opened.defer(async () => void await gateway.stop());
  const running = opened.move();
  return {
    url: `${gateway.url}/`,
    get gateway() {
      return gateway;
    },
    broker,
    home,
    async startSensors(tickMs) {
      const connect = createConnectBroker({ keepaliveSeconds: 10, addressFault: () => undefined });
      running.defer(await startSensors(home, connect, { broker, tickMs }));
    },
    async kill(signal = "SIGKILL") {
      await gateway.stop(signal);
    },
    async restart() {
      gateway = await startGatewayProcess(variables, { directory, flags });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
