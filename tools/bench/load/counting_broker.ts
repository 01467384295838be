/** Mosquitto that counts the messages that it receives. */
import { connectAsync } from "mqtt";
import { MOSQUITTO, startBroker, type TestBroker } from "../../../tests/support/broker.ts";

const TOPIC = "$SYS/broker/publish/messages/received";

/** Lines of Mosquitto's configuration that make it report every second. */
const REPORT_EACH_SECOND: readonly string[] = ["allow_anonymous true", "sys_interval 1"];

/** Broker that counts messages. */
export interface CountingBroker extends Pick<TestBroker, "host" | "port"> {
  /**
   * Waits until the broker reports exactly so many messages since its start.
   *
   * @throws {Error} if it reports another number for some seconds
   */
  expect(total: number): Promise<void>;
}

/** Exits with code 77 if Mosquitto is not installed. */
export function requireMosquitto(): void {
  if (MOSQUITTO !== undefined) return;
  // deno-lint-ignore no-console
  console.error(
    "Mosquitto is not installed; it counts the published messages. Install it: sudo apt-get install mosquitto",
  );
  Deno.exit(77);
}

/** Starts a broker, and subscribes to its count; `scope` stops it. */
export async function startCountingBroker(scope: AsyncDisposableStack): Promise<CountingBroker> {
  const broker = await startBroker(REPORT_EACH_SECOND);
  scope.defer(() => broker.stop());
  const { host, port } = broker;
  const client = await connectAsync(`mqtt://${host}:${port}`, { reconnectPeriod: 0 });
  scope.defer(() => client.endAsync(true));
  let count = 0;
  client.on("message", (_topic, payload) => count = Number(payload.toString()));
  await client.subscribeAsync(TOPIC);
  return {
    host,
    port,
    async expect(total) {
      for (let tries = 0; count !== total; tries++) {
        if (tries === 50) throw new Error(`Broker received ${count} messages, but ${total} were acknowledged`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
}
