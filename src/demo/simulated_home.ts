/**
 * Simulated home: the devices behind the simulated Jeedom and the simulated sensors.
 *
 * @module
 */

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
];

/** Id of the light, the only device that can be switched. */
export const LIGHT_ID = 3;

/** Most changes that are kept for polls. */
const MAX_CHANGES = 250;

/** Home with a temperature, a door and a light. */
export class SimulatedHome {
  readonly #values = new Map<number, number>([[1, 20.5], [2, 0], [LIGHT_ID, 0]]);
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
