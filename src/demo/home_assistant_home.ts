/**
 * Simulated home that Home Assistant controls: its entities, their past states, and the events of their changes.
 *
 * @module
 */
import { type Context, type EntityState, isSame } from "./home_assistant_state.ts";

/** Event of the home. */
export type HomeEvent =
  /** An entity changed, was added (no `before`) or was removed (no `after`). */
  | {
    readonly type: "state_changed";
    readonly entity: string;
    readonly before: EntityState | undefined;
    readonly after: EntityState | undefined;
    readonly at: number;
    readonly context: Context;
  }
  /** A service was called. */
  | { readonly type: "call_service"; readonly call: ServiceCall; readonly at: number; readonly context: Context };

/** Received call of a service. */
export interface ServiceCall {
  /** Domain, such as `light`. */
  readonly domain: string;
  /** Name in the domain, such as `turn_on`. */
  readonly service: string;
  /** Target and fields. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** State that is set. */
export interface NewState {
  /** State, such as `on`. */
  readonly state: string;
  /** All attributes; those of before by default. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** Cause; a device by default. */
  readonly context?: Context;
}

/** Most past states that are kept of an entity. */
const MAX_PAST = 250;

/** Query token of the camera's picture, which needs no other token. */
export const CAMERA_TOKEN = "5c3b1f0e9d8a7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c8b7a6f5e4d3c2b";

/** Areas of the home, with their entities. */
export const AREAS: Readonly<Record<string, readonly string[]>> = {
  kitchen: ["light.kitchen", "sensor.kitchen_temperature"],
  "living_room": ["light.living_room", "cover.living_room"],
  hall: ["lock.front_door", "binary_sensor.front_door", "camera.front_door"],
};

const ENTITIES: Readonly<Record<string, NewState>> = {
  "light.kitchen": {
    state: "off",
    attributes: { "supported_color_modes": ["brightness"], "color_mode": null, brightness: null, ...named("Kitchen") },
  },
  "light.living_room": {
    state: "on",
    attributes: {
      "supported_color_modes": ["brightness"],
      "color_mode": "brightness",
      brightness: 180,
      ...named("Living room"),
    },
  },
  "cover.living_room": {
    state: "open",
    attributes: { "current_position": 100, "device_class": "shutter", ...named("Shutter") },
  },
  "sensor.kitchen_temperature": {
    state: "20.5",
    attributes: {
      "state_class": "measurement",
      "unit_of_measurement": "°C",
      "device_class": "temperature",
      ...named("Kitchen temperature"),
    },
  },
  "sensor.power": {
    state: "412",
    attributes: { "unit_of_measurement": "W", "device_class": "power", ...named("Power") },
  },
  "binary_sensor.front_door": { state: "off", attributes: { "device_class": "door", ...named("Front door") } },
  "lock.front_door": { state: "locked", attributes: named("Front door lock") },
  "camera.front_door": {
    state: "idle",
    attributes: {
      "access_token": CAMERA_TOKEN,
      "entity_picture": `/api/camera_proxy/camera.front_door?token=${CAMERA_TOKEN}`,
      ...named("Front door camera"),
    },
  },
  "script.good_night": {
    state: "off",
    attributes: { "last_triggered": null, mode: "single", current: 0, ...named("Good night") },
  },
  "weather.home": { state: "sunny", attributes: { temperature: 21, "temperature_unit": "°C", ...named("Home") } },
};

function named(name: string): Readonly<Record<string, string>> {
  return { "friendly_name": name };
}

/** Home with lights, a shutter, sensors, a lock, a camera, a script and a weather forecast. */
export class HomeAssistantHome {
  readonly #states = new Map<string, EntityState>();
  readonly #past = new Map<string, EntityState[]>();
  readonly #listeners = new Set<(event: HomeEvent) => void>();
  /** Returns the time, in milliseconds since 1970. */
  readonly now: () => number;
  #contexts = 0;

  /** Makes a home; `now` returns the time in milliseconds since 1970. */
  constructor(now: () => number) {
    this.now = now;
    for (const [entity, state] of Object.entries(ENTITIES)) this.set(entity, state);
  }

  /** Lists the states of all entities. */
  states(): EntityState[] {
    return [...this.#states.values()];
  }

  /** Returns the state of an entity; undefined if there is no such entity. */
  state(entity: string): EntityState | undefined {
    return this.#states.get(entity);
  }

  /** Lists the states that an entity has had, oldest first. */
  past(entity: string): readonly EntityState[] {
    return this.#past.get(entity) ?? [];
  }

  /** Sets a state. One that is the same as before is no change. */
  set(entity: string, { state, ...rest }: NewState): void {
    const before = this.#states.get(entity);
    const { attributes = before?.attributes ?? {}, context = this.createContext(null) } = rest;
    const hasSameState = before?.state === state;
    if (before !== undefined && hasSameState && isSame(before.attributes, attributes)) return;
    const at = this.now();
    const changedAt = before !== undefined && hasSameState ? before.changedAt : at;
    const after = { entity, state, attributes, changedAt, updatedAt: at, context };
    this.#states.set(entity, after);
    this.#past.set(entity, [...this.past(entity), after].slice(-MAX_PAST));
    this.#fire({ type: "state_changed", entity, before, after, at, context });
  }

  /** Removes an entity, if there is one of that name. */
  remove(entity: string): void {
    const before = this.#states.get(entity);
    if (before === undefined) return;
    this.#states.delete(entity);
    const context = this.createContext(null);
    this.#fire({ type: "state_changed", entity, before, after: undefined, at: this.now(), context });
  }

  /** Announces the call of a service. */
  announce(call: ServiceCall, context: Context): void {
    this.#fire({ type: "call_service", call, at: this.now(), context });
  }

  /** Makes the context of a cause; `userId` is null for a device. */
  createContext(userId: string | null): Context {
    this.#contexts += 1;
    return { id: `01J${String(this.#contexts).padStart(23, "0")}`, userId };
  }

  /** Calls a listener for each event from now on. Returns a function that removes it. */
  onEvent(listener: (event: HomeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #fire(event: HomeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
