/** Sensor that publishes numbers straight to the broker, and pauses without a connection. */
import { connectAsync } from "mqtt";

/** Topic of the sensor. */
export const TOPIC = "soak/temperature";

/** A running sensor. */
export interface Sensor {
  /** Number of messages sent. */
  readonly sent: number;
  /** Stops it. */
  stop(): Promise<void>;
}

/** Starts a sensor that sends `rate` messages per second. */
export async function startSensor(port: number, rate: number): Promise<Sensor> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 500, queueQoSZero: false });
  // MQTT.js reconnects by itself.
  client.on("error", () => {});
  let sequence = 0;
  const timer = setInterval(() => {
    if (client.connected) client.publish(TOPIC, String(sequence++));
  }, 1000 / rate);
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
