/**
 * Services of a simulated Home Assistant, with its checks of their fields.
 *
 * @module
 */
import { AREAS, type HomeAssistantHome, type ServiceCall } from "./home_assistant_home.ts";
import { type Context, type EntityState, formatTime } from "./home_assistant_state.ts";

/** No such service. */
export class ServiceNotFound extends Error {}

/** Fields that the service refuses. */
export class InvalidFields extends Error {}

/** Whether a service answers: never, if asked, or only if asked. */
export type SupportsResponse = "none" | "optional" | "only";

type Data = Readonly<Record<string, unknown>>;

interface Field {
  readonly description: string;
  readonly required: boolean;
  readonly isValid: (value: unknown) => boolean;
}

interface Service {
  readonly description: string;
  readonly response: SupportsResponse;
  /** True if it needs a target. */
  readonly hasTarget: boolean;
  /** Domain of its entities; all if undefined. */
  readonly domain: string | undefined;
  readonly fields: Readonly<Record<string, Field>>;
  /** Changes one entity of its target, or the home if it has no target. Returns the answer. */
  readonly run: (work: Work) => unknown;
}

interface Work {
  readonly home: HomeAssistantHome;
  readonly entity: EntityState | undefined;
  readonly data: Data;
  readonly context: Context;
}

const TARGETS = ["entity_id", "device_id", "area_id", "floor_id", "label_id"] as const;

/** Makes a service for entities of a domain. */
function forEntities(
  domain: string | undefined,
  description: string,
  change: (data: Data, entity: EntityState) => Pick<EntityState, "state"> & { readonly attributes?: Data } | undefined,
  fields: Readonly<Record<string, Field>> = {},
): Service {
  return {
    description,
    response: "none",
    hasTarget: true,
    domain,
    fields,
    run({ home, entity, data, context }) {
      if (entity === undefined) return;
      const { state = entity.state, attributes = {} } = change(data, entity) ?? {};
      home.set(entity.entity, { state, attributes: { ...entity.attributes, ...attributes }, context });
    },
  };
}

function field(description: string, isValid: (value: unknown) => boolean, required = false): Field {
  return { description, isValid, required };
}

const isWithin = (least: number, most: number) => (value: unknown) =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;

const LIGHT_ON_FIELDS = {
  brightness: field("Brightness, 0 to 255", isWithin(0, 255)),
  "brightness_pct": field("Brightness, 0 to 100 %", isWithin(0, 100)),
  transition: field("Duration, in seconds", (value) => typeof value === "number" && value >= 0),
};

function lightOn({ brightness, brightness_pct: percent }: Data): { readonly state: string; readonly attributes: Data } {
  const level = typeof percent === "number" ? Math.round(percent * 2.55) : brightness ?? 255;
  return level === 0 ? lightOff() : { state: "on", attributes: { "color_mode": "brightness", brightness: level } };
}

function lightOff(): { readonly state: string; readonly attributes: Data } {
  return { state: "off", attributes: { "color_mode": null, brightness: null } };
}

/** Switches an entity that the general services of `homeassistant` can switch; others stay. */
function switchAny({ entity }: EntityState, isOn: boolean): { readonly state: string; readonly attributes?: Data } {
  if (entity.startsWith("light.")) return isOn ? lightOn({}) : lightOff();
  if (entity.startsWith("cover.")) return coverAt(isOn ? 100 : 0);
  return { state: isOn ? "on" : "off" };
}

function coverAt(position: unknown): { readonly state: string; readonly attributes: Data } {
  return { state: position === 0 ? "closed" : "open", attributes: { "current_position": position } };
}

function runScript({ home, context }: Work): unknown {
  const { attributes } = home.state("script.good_night") ?? { attributes: {} };
  const off = { state: "off", context };
  home.set("script.good_night", {
    ...off,
    attributes: { ...attributes, "last_triggered": formatTime(home.now()) },
  });
  for (const { entity, attributes } of home.states()) {
    if (entity.startsWith("light.")) {
      home.set(entity, { ...off, attributes: { ...attributes, ...lightOff().attributes } });
    }
  }
  return { lights: "off" };
}

const SERVICES: Readonly<Record<string, Readonly<Record<string, Service>>>> = {
  light: {
    "turn_on": forEntities("light", "Turns on lights", lightOn, LIGHT_ON_FIELDS),
    "turn_off": forEntities("light", "Turns off lights", lightOff),
    toggle: forEntities(
      "light",
      "Toggles lights",
      (data, { state }) => state === "on" ? lightOff() : lightOn(data),
      LIGHT_ON_FIELDS,
    ),
  },
  cover: {
    "open_cover": forEntities("cover", "Opens covers", () => coverAt(100)),
    "close_cover": forEntities("cover", "Closes covers", () => coverAt(0)),
    "set_cover_position": forEntities("cover", "Moves covers", ({ position }) => coverAt(position), {
      position: field("Position, 0 to 100 %", isWithin(0, 100), true),
    }),
  },
  lock: {
    lock: forEntities("lock", "Locks", () => ({ state: "locked" }), { code: field("Code", isText) }),
    unlock: forEntities("lock", "Unlocks", () => ({ state: "unlocked" }), { code: field("Code", isText) }),
  },
  homeassistant: {
    "turn_on": forEntities(undefined, "Turns on entities of any kind", (_, entity) => switchAny(entity, true)),
    "turn_off": forEntities(undefined, "Turns off entities of any kind", (_, entity) => switchAny(entity, false)),
  },
  script: {
    "good_night": {
      description: "Turns off all lights",
      response: "optional",
      hasTarget: false,
      domain: undefined,
      fields: {},
      run: runScript,
    },
    "turn_on": { ...forEntities("script", "Runs scripts", () => undefined), run: runScript },
  },
  weather: {
    "get_forecasts": {
      ...forEntities("weather", "Returns forecasts", () => undefined, {
        type: field("Kind: daily, hourly or twice_daily", isText, true),
      }),
      response: "only",
      run: () => ({ forecast: [{ condition: "sunny", temperature: 23, templow: 14 }] }),
    },
  },
};

function isText(value: unknown): boolean {
  return typeof value === "string";
}

/** Returns whether a service answers; `none` if there is no such service. */
export function responseOf({ domain, service }: ServiceCall): SupportsResponse {
  return findService(domain, service)?.response ?? "none";
}

/** What a call did. */
export interface CallResult {
  /** New states of the entities that it changed. */
  readonly changed: readonly EntityState[];
  /** Answer of the service. */
  readonly response: unknown;
}

/**
 * Calls a service.
 *
 * @throws {ServiceNotFound} if there is no such service
 * @throws {InvalidFields} if a field is wrong or missing
 */
export function callService(home: HomeAssistantHome, call: ServiceCall, context: Context): CallResult {
  const service = findService(call.domain, call.service);
  if (service === undefined) throw new ServiceNotFound(`Service ${call.domain}.${call.service} not found.`);
  home.announce(call, context);
  const data = checkFields(service, call.data);
  const entities = service.hasTarget ? entitiesOf(home, service, call.data) : [undefined];
  const changed = new Map<string, EntityState>();
  const stop = home.onEvent((event) => {
    if (event.type === "state_changed" && event.after !== undefined) changed.set(event.entity, event.after);
  });
  try {
    const responses = entities.map((entity) => [entity?.entity, service.run({ home, entity, data, context })] as const);
    const response = service.hasTarget ? Object.fromEntries(responses) : responses[0]?.[1];
    return { changed: [...changed.values()], response };
  } finally {
    stop();
  }
}

/** Lists the services by domain, as `get_services` does. */
export function describeServices(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return mapValues(SERVICES, (services) => mapValues(services, describe));
}

function describe({ description, fields, hasTarget, domain, response }: Service): Data {
  return {
    name: description,
    description,
    fields: mapValues(fields, ({ description, required }) => ({ name: description, description, required })),
    ...hasTarget && { target: { entity: [domain === undefined ? {} : { domain: [domain] }] } },
    ...response !== "none" && { response: { optional: response === "optional" } },
  };
}

function mapValues<T, U>(values: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}

function findService(domain: string, name: string): Service | undefined {
  const services = Object.hasOwn(SERVICES, domain) ? SERVICES[domain] : undefined;
  return services !== undefined && Object.hasOwn(services, name) ? services[name] : undefined;
}

function checkFields({ fields, hasTarget }: Service, data: Data): Data {
  if (hasTarget && !TARGETS.some((name) => Object.hasOwn(data, name))) {
    throw new InvalidFields(`must contain at least one of ${TARGETS.join(", ")}.`);
  }
  for (const [name, { required }] of Object.entries(fields)) {
    if (required && !Object.hasOwn(data, name)) {
      throw new InvalidFields(`required key not provided @ data['${name}']. Got None`);
    }
  }
  const given = Object.entries(data).filter(([name]) => !hasTarget || !TARGETS.some((target) => target === name));
  for (const [name, value] of given) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) throw new InvalidFields(`extra keys not allowed @ data['${name}']. Got ${show(value)}`);
    if (!field.isValid(value)) {
      throw new InvalidFields(`invalid value for dictionary value @ data['${name}']. Got ${show(value)}`);
    }
  }
  return Object.fromEntries(given);
}

function show(value: unknown): string {
  return typeof value === "string" ? `'${value}'` : JSON.stringify(value);
}

/** Lists the entities that a call is for. Unknown ones, and those of other domains, are left out in silence. */
function entitiesOf(home: HomeAssistantHome, { domain }: Service, data: Data): EntityState[] {
  const names = namesIn(data["entity_id"]);
  const areas = namesIn(data["area_id"]).flatMap((area) => Object.hasOwn(AREAS, area) ? AREAS[area] ?? [] : []);
  return home.states().filter(({ entity }) =>
    (domain === undefined || entity.startsWith(`${domain}.`)) &&
    (names.includes("all") || names.includes(entity) || areas.includes(entity))
  );
}

/** Lists the names in a list, or in a text with commas. */
function namesIn(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.flatMap((item) => typeof item === "string" ? item.split(",") : [])
    .map((name) => name.trim().toLowerCase());
}
