/**
 * Controls of an entity: those that fit its domain and its attributes, as far as the key may call their services.
 *
 * @module
 */
import { scaleOf } from "../../commands/scale.ts";
import { numberIn } from "../../text/scalar.ts";
import type { MayCall } from "./access.ts";
import type { Control, ControlName } from "./control.ts";
import { colorOfRgb, rgbOf } from "./rgb.ts";
import { type Entity, isAway } from "./entity.ts";

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

/** Modes of lights in which they have a colour. */
const COLOR_MODES: readonly unknown[] = ["hs", "rgb", "rgbw", "rgbww", "xy"];

/** Features of covers (`CoverEntityFeature`). */
const COVER = { open: 1, close: 2, position: 4, stop: 8 } as const;

/** Features of players (`MediaPlayerEntityFeature`). */
const PLAYER = { pause: 1, volume: 4, on: 128, off: 256, play: 16_384 } as const;

/** Features of vacuums (`VacuumEntityFeature`). */
const VACUUM = { stop: 8, dock: 16, start: 8192 } as const;

/** Most values of a list. */
const MAX_VALUES = 200;

/** Returns the controls of an entity; none for one that cannot be reached. */
export function controlsOf(entity: Entity, mayCall: MayCall): readonly Control[] {
  const { id, domain, state, attributes } = entity;
  if (isAway(entity)) return [];
  const may = (service: string) => mayCall(service, id);
  // Home Assistant tells the features of an entity as bits; where it does not, the attributes decide.
  const features = numberIn(attributes["supported_features"]);
  const has = (feature: number) => features === undefined || (features & feature) !== 0;
  const controls: Control[] = [];
  const switching = () => {
    const [on, off] = [`${domain}.turn_on`, `${domain}.turn_off`];
    if (may(on) && may(off) && state !== undefined && state !== "unknown") {
      controls.push({ kind: "switch", on: { service: on }, off: { service: off }, isOn: state !== "off" });
    } else buttons(["on", on], ["off", off]);
  };
  const buttons = (...all: readonly (readonly [ControlName, string, { asks?: boolean; feature?: number }?])[]) => {
    const granted = all.filter(([, service, { feature } = {}]) =>
      may(service) && (feature === undefined || has(feature))
    );
    if (granted.length === 0) return;
    controls.push({
      kind: "buttons",
      buttons: granted.map(([name, service, { asks = false } = {}]) => ({ name, call: { service }, asks })),
    });
  };
  const slider = (
    name: ControlName,
    service: string,
    field: string,
    { min = 0, max = 100, step = 1, unit = "%", value, divisor = 1 }: {
      readonly min?: number | undefined;
      readonly max?: number | undefined;
      readonly step?: number | undefined;
      readonly unit?: string;
      readonly value: number | undefined;
      /** Number by which a value is divided to be the field. */
      readonly divisor?: number;
    },
  ) => {
    const scale = scaleOf({ min, max, step });
    if (!may(service) || scale === undefined) return;
    const call = (value: number) => ({ service, data: { [field]: value / divisor } });
    controls.push({ kind: "slider", name, scale, unit, value, call });
  };
  const choice = (name: ControlName, service: string, field: string, values: unknown, value: unknown) => {
    const list = Array.isArray(values) ? values.filter((one) => typeof one === "string").slice(0, MAX_VALUES) : [];
    if (!may(service) || list.length === 0) return;
    const call = (value: string) => ({ service, data: { [field]: value } });
    controls.push({ kind: "choice", name, values: list, value: typeof value === "string" ? value : undefined, call });
  };

  if (SWITCHED.includes(domain) && (domain !== "media_player" || has(PLAYER.on) && has(PLAYER.off))) switching();
  switch (domain) {
    case "light": {
      const modes = attributes["supported_color_modes"];
      const supports = (isWanted: (mode: unknown) => boolean) => Array.isArray(modes) && modes.some(isWanted);
      const level = numberIn(attributes["brightness"]);
      const value = state === "off" ? 0 : level === undefined ? undefined : Math.round(level / 2.55);
      if (supports((mode) => mode !== "onoff" && mode !== "unknown")) {
        slider("brightness", "light.turn_on", "brightness_pct", { value });
      }
      if (may("light.turn_on") && supports((mode) => COLOR_MODES.includes(mode))) {
        const call = (value: string) => ({ service: "light.turn_on", data: { "rgb_color": rgbOf(value) } });
        controls.push({ kind: "color", name: "color", value: colorOfRgb(attributes["rgb_color"]), call });
      }
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
      buttons(
        ["open", "cover.open_cover", { asks, feature: COVER.open }],
        ["stop", "cover.stop_cover", { feature: COVER.stop }],
        ["close", "cover.close_cover", { feature: COVER.close }],
      );
      const value = numberIn(attributes["current_position"]);
      if (value !== undefined && !asks && has(COVER.position)) {
        slider("position", "cover.set_cover_position", "position", { value });
      }
      break;
    }
    case "climate":
      // One that has a range in place of one temperature has no such attribute.
      if (attributes["temperature"] !== undefined) {
        slider("temperature", "climate.set_temperature", "temperature", {
          min: numberIn(attributes["min_temp"]) ?? 7,
          max: numberIn(attributes["max_temp"]) ?? 35,
          step: numberIn(attributes["target_temp_step"]) ?? 0.5,
          unit: "°",
          value: numberIn(attributes["temperature"]),
        });
      }
      choice("mode", "climate.set_hvac_mode", "hvac_mode", attributes["hvac_modes"], state);
      break;
    case "lock":
      buttons(["lock", "lock.lock"], ["unlock", "lock.unlock", { asks: true }]);
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
      buttons(
        ["play", "media_player.media_play", { feature: PLAYER.play }],
        ["pause", "media_player.media_pause", { feature: PLAYER.pause }],
      );
      const level = numberIn(attributes["volume_level"]);
      if (level !== undefined && has(PLAYER.volume)) {
        slider("volume", "media_player.volume_set", "volume_level", {
          value: Math.round(level * 100),
          divisor: 100,
        });
      }
      break;
    }
    case "vacuum":
      buttons(
        ["start", "vacuum.start", { feature: VACUUM.start }],
        ["stop", "vacuum.stop", { feature: VACUUM.stop }],
        ["dock", "vacuum.return_to_base", { feature: VACUUM.dock }],
      );
      break;
  }
  return controls;
}
