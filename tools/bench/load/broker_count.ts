/** Number of messages that Mosquitto reports to have received. */
import { connectAsync } from "mqtt";

const TOPIC = "$SYS/broker/publish/messages/received";

/** Lines of Mosquitto's configuration that make it report every second. */
export const REPORT_EACH_SECOND: readonly string[] = ["allow_anonymous true", "sys_interval 1"];

/** Message count of a broker. */
export interface BrokerCount {
  /**
   * Waits until the broker reports exactly so many messages since its start.
   *
   * @throws {Error} if it reports another number for some seconds
   */
  expect(total: number): Promise<void>;
  /** Disconnects. */
  close(): Promise<void>;
}

/** Subscribes to the count of a broker. */
export async function watchBroker(port: number): Promise<BrokerCount> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  let count = 0;
  client.on("message", (_topic, payload) => count = Number(payload.toString()));
  await client.subscribeAsync(TOPIC);
  return {
    async expect(total) {
      for (let tries = 0; count !== total; tries++) {
        if (tries === 50) throw new Error(`Broker received ${count} messages, but ${total} were acknowledged`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    close: () => client.endAsync(true),
  };
}
