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

/** Device of the home. */
export interface Device {
  /** Id, and that of its command in Jeedom. */
  readonly id: number;
  /** Text for people. */
  readonly name: string;
  /** Topic of its value. */
  readonly topic: string;
  /** Value at the start. */
  readonly start: number;
  /** Texts that are published for the values 0, 1 and so on; the number itself without them. */
  readonly words?: readonly string[];
}

/** Id of the light, the only device that Jeedom can switch. */
export const LIGHT_ID = 3;

/** Ids of the other devices. */
const ID = {
  temperature: 1,
  door: 2,
  gate: 4,
  outdoor: 5,
  humidity: 6,
  power: 7,
  blinds: 8,
  doorbell: 10,
  heating: 12,
  bedroom: 61,
  bathroom: 62,
} as const;

/** Devices of the home. */
export const DEVICES: readonly Device[] = [
  { id: ID.temperature, name: "Temperature", topic: "home/living-room/temperature", start: 20.5 },
  { id: ID.door, name: "Front door", topic: "home/hall/door", start: 0, words: ["closed", "open"] },
  { id: LIGHT_ID, name: "Light", topic: "home/living-room/light", start: 0, words: ["off", "on"] },
  { id: ID.gate, name: "Gate", topic: "home/gate", start: 0, words: ["closed", "open"] },
  { id: ID.outdoor, name: "Outdoor temperature", topic: "home/outdoor/temperature", start: 7.4 },
  { id: ID.humidity, name: "Humidity", topic: "home/living-room/humidity", start: 47 },
  { id: ID.power, name: "Power", topic: "home/power", start: 350 },
  { id: ID.blinds, name: "Blinds", topic: "home/living-room/blinds", start: 2, words: ["closed", "half", "open"] },
  { id: ID.doorbell, name: "Doorbell", topic: "home/hall/doorbell", start: 0, words: ["quiet", "ringing"] },
  { id: ID.bedroom, name: "Bedroom temperature", topic: "home/bedroom/temperature", start: 18.2 },
  { id: ID.bathroom, name: "Bathroom humidity", topic: "home/bathroom/humidity", start: 58 },
  { id: ID.heating, name: "Heating", topic: "home/living-room/heating", start: 20.5 },
];

/** Time after which the gate closes by itself, and for which the doorbell rings, in milliseconds. */
const GATE_MS = 20_000;
const RING_MS = 8000;

/** Shortest time between two rings, in milliseconds. */
const QUIET_MS = 25_000;

/** Most changes that are kept for polls. */
const MAX_CHANGES = 250;

/** Course of a value. */
interface Drift {
  /** Value that it comes back to. */
  readonly towards: number;
  /** Largest random change of its speed. */
  readonly by: number;
}

/** Value that moves as measurements do: neither jumps nor stays. */
interface Course {
  /** Value, with more decimals than are published. */
  readonly value: number;
  /** Change from one tick to the next. */
  readonly speed: number;
}

/** Home whose temperature follows its heating, with a light, blinds, a gate, a door and a doorbell. */
export class SimulatedHome {
  readonly #values = new Map(DEVICES.map(({ id, start }) => [id, start]));
  readonly #changedAt = new Map<number, number>();
  readonly #courses = new Map<number, Course>();
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #now: () => number;
  readonly #start: number;

  /** Makes a home; `now` returns the time in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
    this.#start = now();
  }

  /** Returns the value of a device; undefined if there is no such device. */
  value(id: number): number | undefined {
    return this.#values.get(id);
  }

  /** Changes a device. */
  set(id: number, value: number): void {
    const now = this.#now();
    const change = { id, value, at: now / 1000 };
    this.#values.set(id, value);
    this.#changedAt.set(id, now);
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

  /** Rings the doorbell. */
  ring(): void {
    this.set(ID.doorbell, 1);
  }

  /**
   * Simulates a second: temperatures drift, the gate closes by itself, and now and then the doorbell rings or the door is
   * opened.
   */
  tick(): void {
    this.#drift(ID.temperature, { towards: this.#value(ID.heating), by: 0.03 });
    this.#drift(ID.outdoor, { towards: 7.4, by: 0.06 });
    this.#drift(ID.bedroom, { towards: 18.2, by: 0.04 });
    this.#drift(ID.humidity, { towards: 47, by: 0.16 });
    this.#drift(ID.bathroom, { towards: 58, by: 0.2 });
    const load = 350 + (this.#value(LIGHT_ID) === 1 ? 60 : 0) + (this.#isHeating ? 900 : 0);
    this.set(ID.power, Math.round(load + Math.random() * 25));
    if (this.#value(ID.gate) === 1 && this.#age(ID.gate) >= GATE_MS) this.set(ID.gate, 0);
    this.#simulateDoorbell();
    const isOpen = this.#value(ID.door) === 1;
    if (Math.random() < (isOpen ? 0.15 : 0.02)) this.set(ID.door, isOpen ? 0 : 1);
  }

  /** Moves a value a little, on the whole towards another. */
  #drift(id: number, { towards, by }: Drift): void {
    const { value, speed } = this.#courses.get(id) ?? { value: this.#value(id), speed: 0 };
    const next = speed * 0.9 + (towards - value) / 100 + (Math.random() - 0.5) * 2 * by;
    this.#courses.set(id, { value: value + next, speed: next });
    this.set(id, Math.round((value + next) * 10) / 10);
  }

  /** Rings, or ends a ring. */
  #simulateDoorbell(): void {
    const age = this.#age(ID.doorbell);
    if (this.#value(ID.doorbell) === 1) {
      if (age >= RING_MS) this.set(ID.doorbell, 0);
    } else if (age >= QUIET_MS && Math.random() < 0.05) this.ring();
  }

  get #isHeating(): boolean {
    return this.#value(ID.temperature) < this.#value(ID.heating);
  }

  #value(id: number): number {
    return this.#values.get(id) ?? 0;
  }

  /** Returns the time since the last change of a device, or since the start, in milliseconds. */
  #age(id: number): number {
    return this.#now() - (this.#changedAt.get(id) ?? this.#start);
  }
}

/** Topic on which the light takes `ON` and `OFF`. */
export const LIGHT_COMMAND_TOPIC = "home/living-room/light/set";

/** Topic on which the gate takes `OPEN` and `CLOSE`. */
export const GATE_COMMAND_TOPIC = "home/gate/set";

/** Values of the devices by the words of their commands, in small letters. */
type Words = Readonly<Record<string, Readonly<Record<number, number>>>>;

/** Commands by topic. The heating takes degrees. */
const COMMANDS: Readonly<Record<string, Words | "degrees">> = {
  [LIGHT_COMMAND_TOPIC]: {
    on: { [LIGHT_ID]: 1 },
    true: { [LIGHT_ID]: 1 },
    off: { [LIGHT_ID]: 0 },
    false: { [LIGHT_ID]: 0 },
  },
  [GATE_COMMAND_TOPIC]: { open: { [ID.gate]: 1 }, close: { [ID.gate]: 0 } },
  "home/living-room/blinds/set": { closed: { [ID.blinds]: 0 }, half: { [ID.blinds]: 1 }, open: { [ID.blinds]: 2 } },
  "home/hall/doorbell/set": { ring: { [ID.doorbell]: 1 } },
  "home/scene/set": { night: { [LIGHT_ID]: 0, [ID.blinds]: 0, [ID.heating]: 17, [ID.gate]: 0 } },
  "home/living-room/heating/set": "degrees",
};

/** Returns the values that a command sets; none for what no device understands. */
export function valuesOf(topic: string, text: string): readonly (readonly [id: number, value: number])[] {
  const commands = COMMANDS[topic];
  if (commands === "degrees") {
    const degrees = Number(text);
    return text !== "" && degrees >= 5 && degrees <= 30 ? [[ID.heating, degrees]] : [];
  }
  return Object.entries(commands?.[text.toLowerCase()] ?? {}).map(([id, value]) => [Number(id), value]);
}

/** Returns the text that a device publishes for its value. */
export function textOf({ words }: Pick<Device, "words">, value: number): string {
  return words?.[value] ?? String(value);
}

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
      for (const [id, value] of valuesOf(topic, new TextDecoder().decode(payload))) home.set(id, value);
      return undefined;
    },
  });
  await connection.subscribe(Object.keys(COMMANDS).map((filter, index) => ({ filter, qos: 1, id: index + 1 })));

  const publish = ({ id, value }: Change) => {
    const device = DEVICES.find((device) => device.id === id);
    if (device === undefined) return;
    const message = { topic: device.topic, payload: textOf(device, value), qos: 0, retain: true } as const;
    // A lost broker affects only the sensors of the demo.
    connection.publish(message).acknowledged.catch(() => {});
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
