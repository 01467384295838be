/**
 * Simulated sensors: they publish what changes in the house, and a lamp that listens.
 *
 * @module
 */
import type { BrokerAddress, ConnectBroker } from "../mqtt/broker.ts";
import { type Change, DEVICES, LIGHT_ID, type SimulatedHome } from "./simulated_home.ts";

/** The topic on which the lamp takes `ON` and `OFF`. */
export const LIGHT_COMMAND_TOPIC = "home/livingroom/light/set";

/**
 * Connects the house to a broker.
 *
 * @param tickMs how often something happens, in milliseconds
 * @returns a function that ends it
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
    // A lost broker ends the demonstration's sensors, and nothing else.
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
