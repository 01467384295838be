/**
 * A small imaginary house whose devices live: what the simulated Jeedom and the simulated sensors both show.
 *
 * @module
 */

/** The state of one device: degrees Celsius, or 0 and 1 for closed and open, off and on. */
export interface Change {
  /** Id of the device, which is also its command's id in Jeedom. */
  readonly id: number;
  /** Its new value. */
  readonly value: number;
  /** When it changed, in seconds since 1970, with fractions. */
  readonly at: number;
}

/** The devices of the house by id, with their names and rooms. */
export const DEVICES: readonly { readonly id: number; readonly name: string; readonly topic: string }[] = [
  { id: 1, name: "Temperature", topic: "home/livingroom/temperature" },
  { id: 2, name: "Front door", topic: "home/hall/door" },
  { id: 3, name: "Light", topic: "home/livingroom/light" },
];

/** Id of the light, the one device that can be switched. */
export const LIGHT_ID = 3;

/** Most changes to remember for whoever polls. */
const MEMORY = 250;

/** A house with a temperature, a door and a light. */
export class SimulatedHome {
  readonly #values = new Map<number, number>([[1, 20.5], [2, 0], [LIGHT_ID, 0]]);
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #now: () => number;

  /** Makes a house, with a wall clock in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Tells the value of a device, or undefined where there is no such device. */
  value(id: number): number | undefined {
    return this.#values.get(id);
  }

  /** Changes a device. */
  set(id: number, value: number): void {
    const change = { id, value, at: this.#now() / 1000 };
    this.#values.set(id, value);
    this.#changes.push(change);
    if (this.#changes.length > MEMORY) this.#changes.shift();
    for (const listener of this.#listeners) listener(change);
  }

  /** Lists the changes at and after a time in seconds since 1970. */
  changesSince(seconds: number): Change[] {
    return this.#changes.filter(({ at }) => at >= seconds);
  }

  /** Calls a function for each change from now on. Returns the function that ends it. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets a little time pass: the temperature drifts, and now and then somebody goes through the door. */
  tick(): void {
    const temperature = this.#values.get(1) ?? 20;
    this.set(1, Math.round((temperature + (Math.random() - 0.5) * 0.4) * 10) / 10);
    if (Math.random() < 0.3) this.set(2, this.#values.get(2) === 0 ? 1 : 0);
  }
}
