/** A sensor that publishes numbers straight to the broker, and waits while there is none. */
import { connectAsync } from "mqtt";

/** Where it publishes. */
export const TOPIC = "soak/temperature";

/** A running sensor. */
export interface Sensor {
  /** How many messages it sent. */
  readonly sent: number;
  /** Stops it. */
  stop(): Promise<void>;
}

/** Starts a sensor that sends so many messages in a second. */
export async function startSensor(port: number, pace: number): Promise<Sensor> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 500, queueQoSZero: false });
  // It tries again by itself.
  client.on("error", () => {});
  let sequence = 0;
  const timer = setInterval(() => {
    if (client.connected) client.publish(TOPIC, String(sequence++));
  }, 1000 / pace);
  return {
    get sent() {
      return sequence;
    },
    async stop() {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
