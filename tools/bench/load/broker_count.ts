/** How many messages a Mosquitto took, by its own word. */
import { connectAsync } from "mqtt";

const TOPIC = "$SYS/broker/publish/messages/received";

/** Lines of Mosquitto's configuration that make it tell each second. */
export const TELL_EACH_SECOND: readonly string[] = ["allow_anonymous true", "sys_interval 1"];

/** Waits until the broker has said that it took so many messages since its start, and no more. */
export interface BrokerCount {
  /**
   * @throws {Error} if it says another number for some seconds
   */
  expect(total: number): Promise<void>;
  /** Ends the watch. */
  close(): Promise<void>;
}

/** Begins to watch a broker. */
export async function watchBroker(port: number): Promise<BrokerCount> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  let count = 0;
  client.on("message", (_topic, payload) => count = Number(payload.toString()));
  await client.subscribeAsync(TOPIC);
  return {
    async expect(total) {
      for (let tries = 0; count !== total; tries++) {
        if (tries === 50) throw new Error(`Broker took ${count} messages, and ${total} were acknowledged`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    close: () => client.endAsync(true),
  };
}
