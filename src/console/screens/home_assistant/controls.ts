/**
 * Controls of an entity: those that fit its domain and its attributes, as far as the key may call their services.
 *
 * @module
 */
import type { MayCall } from "./access.ts";
import { type Entity, isAway, numberIn } from "./entity.ts";

/** Names of controls and buttons, for which the page has texts. */
export type ControlName =
  | ("power" | "brightness" | "position" | "temperature" | "mode" | "value" | "option" | "speed" | "volume")
  | (
    | "open"
    | "stop"
    | "close"
    | "lock"
    | "unlock"
    | "run"
    | "press"
    | "on"
    | "off"
    | "play"
    | "pause"
    | "start"
    | "dock"
  );

/** Call of a service for the entity. */
export interface EntityCall {
  /** Service, such as `light.turn_on`. */
  readonly service: string;
  /** Data of the call. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** Control of an entity. */
export type Control =
  | { readonly kind: "switch"; readonly on: EntityCall; readonly off: EntityCall; readonly isOn: boolean }
  | {
    readonly kind: "slider";
    readonly name: ControlName;
    readonly min: number;
    readonly max: number;
    readonly step: number;
    readonly unit: string;
    readonly value: number | undefined;
    readonly call: (value: number) => EntityCall;
  }
  | {
    readonly kind: "choice";
    readonly name: ControlName;
    readonly values: readonly string[];
    readonly value: string | undefined;
    readonly call: (value: string) => EntityCall;
  }
  | {
    readonly kind: "buttons";
    readonly buttons: readonly {
      readonly name: ControlName;
      readonly call: EntityCall;
      /** True if it is asked for first, as it may let a person in. */
      readonly asks: boolean;
    }[];
  };

/** Domains that are switched on and off by services of their own. */
const SWITCHED: readonly string[] = [
  "light",
  "switch",
  "input_boolean",
  "fan",
  "siren",
  "humidifier",
  "automation",
  "remote",
  "media_player",
];

/** Classes of covers that let a person in. */
const ENTRANCES: readonly unknown[] = ["garage", "gate", "door"];

/** Most values of a list. */
const MAX_VALUES = 200;

/** Returns the controls of an entity; none for one that cannot be reached. */
export function controlsOf(entity: Entity, mayCall: MayCall): readonly Control[] {
  const { id, domain, state, attributes } = entity;
  if (isAway(entity)) return [];
  const may = (service: string) => mayCall(service, id);
  const controls: Control[] = [];
  const switching = () => {
    const [on, off] = [`${domain}.turn_on`, `${domain}.turn_off`];
    if (may(on) && may(off) && state !== undefined) {
      controls.push({ kind: "switch", on: { service: on }, off: { service: off }, isOn: state !== "off" });
    } else buttons(["on", on], ["off", off]);
  };
  const buttons = (...all: readonly (readonly [ControlName, string, boolean?])[]) => {
    const granted = all.filter(([, service]) => may(service));
    if (granted.length === 0) return;
    controls.push({
      kind: "buttons",
      buttons: granted.map(([name, service, asks = false]) => ({ name, call: { service }, asks })),
    });
  };
  const slider = (
    name: ControlName,
    service: string,
    field: string,
    { min = 0, max = 100, step = 1, unit = "%", value }: {
      readonly min?: number | undefined;
      readonly max?: number | undefined;
      readonly step?: number | undefined;
      readonly unit?: string;
      readonly value: number | undefined;
    },
  ) => {
    if (!may(service) || !(max > min) || !(step > 0)) return;
    const call = (value: number) => ({ service, data: { [field]: value } });
    controls.push({ kind: "slider", name, min, max, step, unit, value, call });
  };
  const choice = (name: ControlName, service: string, field: string, values: unknown, value: unknown) => {
    const list = Array.isArray(values) ? values.filter((one) => typeof one === "string").slice(0, MAX_VALUES) : [];
    if (!may(service) || list.length === 0) return;
    const call = (value: string) => ({ service, data: { [field]: value } });
    controls.push({ kind: "choice", name, values: list, value: typeof value === "string" ? value : undefined, call });
  };

  if (SWITCHED.includes(domain)) switching();
  switch (domain) {
    case "light": {
      const modes = attributes["supported_color_modes"];
      const isDimmable = Array.isArray(modes) && modes.some((mode) => mode !== "onoff" && mode !== "unknown");
      const level = numberIn(attributes["brightness"]);
      const value = state === "off" ? 0 : level === undefined ? undefined : Math.round(level / 2.55);
      if (isDimmable) slider("brightness", "light.turn_on", "brightness_pct", { value });
      break;
    }
    case "fan":
      if (attributes["percentage"] !== undefined) {
        slider("speed", "fan.set_percentage", "percentage", {
          value: numberIn(attributes["percentage"]),
          step: numberIn(attributes["percentage_step"]) ?? 1,
        });
      }
      break;
    case "cover": {
      const asks = ENTRANCES.includes(attributes["device_class"]);
      buttons(["open", "cover.open_cover", asks], ["stop", "cover.stop_cover"], ["close", "cover.close_cover"]);
      const value = numberIn(attributes["current_position"]);
      if (value !== undefined && !asks) slider("position", "cover.set_cover_position", "position", { value });
      break;
    }
    case "climate":
      slider("temperature", "climate.set_temperature", "temperature", {
        min: numberIn(attributes["min_temp"]) ?? 7,
        max: numberIn(attributes["max_temp"]) ?? 35,
        step: numberIn(attributes["target_temp_step"]) ?? 0.5,
        unit: "°",
        value: numberIn(attributes["temperature"]),
      });
      choice("mode", "climate.set_hvac_mode", "hvac_mode", attributes["hvac_modes"], state);
      break;
    case "lock":
      buttons(["lock", "lock.lock"], ["unlock", "lock.unlock", true]);
      break;
    case "scene":
      buttons(["run", "scene.turn_on"]);
      break;
    case "script":
      buttons(["run", "script.turn_on"]);
      break;
    case "button":
    case "input_button":
      buttons(["press", `${domain}.press`]);
      break;
    case "number":
    case "input_number":
      slider("value", `${domain}.set_value`, "value", {
        min: numberIn(attributes["min"]),
        max: numberIn(attributes["max"]),
        step: numberIn(attributes["step"]),
        unit: entity.unit,
        value: numberIn(state),
      });
      break;
    case "select":
    case "input_select":
      choice("option", `${domain}.select_option`, "option", attributes["options"], state);
      break;
    case "media_player": {
      buttons(["play", "media_player.media_play"], ["pause", "media_player.media_pause"]);
      break;
    }
    case "vacuum":
      buttons(["start", "vacuum.start"], ["stop", "vacuum.stop"], ["dock", "vacuum.return_to_base"]);
      break;
  }
  return controls;
}
