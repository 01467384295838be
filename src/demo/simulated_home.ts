/**
 * Simulated home: its devices, and the sensors that publish their changes to a broker.
 *
 * @module
 */
import type { BrokerAddress, ConnectBroker } from "../mqtt/broker.ts";

/** Change of a device: degrees Celsius, or 0 and 1 for closed and open, off and on. */
export interface Change {
  /** Id of the device, and of its command in Jeedom. */
  readonly id: number;
  /** New value. */
  readonly value: number;
  /** Time, in seconds since 1970, with fractions. */
  readonly at: number;
}

/** Devices of the home. */
export const DEVICES: readonly { readonly id: number; readonly name: string; readonly topic: string }[] = [
  { id: 1, name: "Temperature", topic: "home/livingroom/temperature" },
  { id: 2, name: "Front door", topic: "home/hall/door" },
  { id: 3, name: "Light", topic: "home/livingroom/light" },
  { id: 4, name: "Gate", topic: "home/gate" },
];

/** Id of the light, the only device that Jeedom can switch. */
export const LIGHT_ID = 3;

/** Id of the gate. */
const GATE_ID = 4;

/** Most changes that are kept for polls. */
const MAX_CHANGES = 250;

/** Home with a temperature, a door, a light and a gate. */
export class SimulatedHome {
  readonly #values = new Map<number, number>([[1, 20.5], [2, 0], [LIGHT_ID, 0], [GATE_ID, 0]]);
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #now: () => number;

  /** Makes a home; `now` returns the time in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns the value of a device; undefined if there is no such device. */
  value(id: number): number | undefined {
    return this.#values.get(id);
  }

  /** Changes a device. */
  set(id: number, value: number): void {
    const change = { id, value, at: this.#now() / 1000 };
    this.#values.set(id, value);
    this.#changes.push(change);
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
    for (const listener of this.#listeners) listener(change);
  }

  /** Lists the changes at and after a time in seconds since 1970. */
  changesSince(seconds: number): Change[] {
    return this.#changes.filter(({ at }) => at >= seconds);
  }

  /** Calls a listener for each change from now on. Returns a function that removes it. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Simulates some time: the temperature drifts, and sometimes the door opens or closes. */
  tick(): void {
    const temperature = this.#values.get(1) ?? 20;
    this.set(1, Math.round((temperature + (Math.random() - 0.5) * 0.4) * 10) / 10);
    if (Math.random() < 0.3) this.set(2, this.#values.get(2) === 0 ? 1 : 0);
  }
}

/** Topic on which the light takes `ON` and `OFF`. */
export const LIGHT_COMMAND_TOPIC = "home/livingroom/light/set";

/** Topic on which the gate takes `OPEN` and `CLOSE`. */
export const GATE_COMMAND_TOPIC = "home/gate/set";

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
    onMessage({ topic, payload }) {
      const isOn = ["ON", "OPEN"].includes(new TextDecoder().decode(payload));
      home.set(topic === GATE_COMMAND_TOPIC ? GATE_ID : LIGHT_ID, isOn ? 1 : 0);
      return undefined;
    },
  });
  const filters = [LIGHT_COMMAND_TOPIC, GATE_COMMAND_TOPIC];
  await connection.subscribe(filters.map((filter, index) => ({ filter, qos: 1, id: index + 1 })));

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
