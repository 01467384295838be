/**
 * Simulated sensors, which publish the changes of the simulated home, and a light that takes commands.
 *
 * @module
 */
import type { BrokerAddress, ConnectBroker } from "../mqtt/broker.ts";
import { type Change, DEVICES, LIGHT_ID, type SimulatedHome } from "./simulated_home.ts";

/** Topic on which the light takes `ON` and `OFF`. */
export const LIGHT_COMMAND_TOPIC = "home/livingroom/light/set";

/**
 * Connects the home to a broker.
 *
 * @param tickMs interval of simulated events, in milliseconds
 * @returns a function that disconnects it
 */
export async function startSensors(
  home: SimulatedHome,
  connect: ConnectBroker,
  { broker, tickMs }: { readonly broker: BrokerAddress; readonly tickMs: number },
): Promise<() => Promise<void>> {
  const connection = await connect(broker, {
    signal: AbortSignal.timeout(tickMs + 10_000),
    onMessage({ payload }) {
      home.set(LIGHT_ID, new TextDecoder().decode(payload) === "ON" ? 1 : 0);
      return undefined;
    },
  });
  await connection.subscribe([{ filter: LIGHT_COMMAND_TOPIC, qos: 1, id: 1 }]);

  const publish = ({ id, value }: Change) => {
    const topic = DEVICES.find((device) => device.id === id)?.topic ?? `home/device/${id}`;
    // A lost broker affects only the sensors of the demo.
    connection.publish({ topic, payload: String(value), qos: 0, retain: true }).acknowledged.catch(() => {});
  };
  const stopListening = home.onChange(publish);
  for (const { id } of DEVICES) home.set(id, home.value(id) ?? 0);
  const timer = setInterval(() => home.tick(), tickMs);

  return async () => {
    clearInterval(timer);
    stopListening();
    await connection.close();
  };
}
