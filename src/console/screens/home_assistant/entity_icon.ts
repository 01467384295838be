/**
 * Icon and colour of an entity.
 *
 * @module
 */
import type { IconName } from "../../components/icons.ts";
import { actionIcon, type Tone, toneOf } from "../home/actions/action_icon.ts";
import type { Entity } from "./entity.ts";

/** Icons of domains. */
const DOMAINS: Readonly<Record<string, IconName>> = {
  light: "light",
  switch: "plug",
  cover: "blind",
  climate: "heating",
  fan: "fan",
  lock: "lock",
  camera: "camera",
  "media_player": "music",
  weather: "sun",
  sun: "sun",
  vacuum: "robot",
  scene: "moon",
  script: "play",
  automation: "robot",
  person: "home",
  "device_tracker": "device",
  "alarm_control_panel": "shield",
  siren: "bell",
};

/** Icons of classes of sensors and covers. */
const CLASSES: Readonly<Record<string, IconName>> = {
  temperature: "thermometer",
  humidity: "water",
  moisture: "water",
  power: "bolt",
  energy: "bolt",
  battery: "bolt",
  door: "door",
  window: "door",
  opening: "door",
  "garage_door": "garage",
  garage: "garage",
  gate: "gate",
  motion: "robot",
  illuminance: "sun",
};

/** Returns the icon of an entity and its tone. */
export function entityIcon(
  { domain, name, attributes }: Pick<Entity, "domain" | "name" | "attributes">,
): { readonly icon: IconName; readonly tone: Tone } {
  const { device_class: kind, icon: given } = attributes;
  const byClass = typeof kind === "string" && Object.hasOwn(CLASSES, kind) ? CLASSES[kind] : undefined;
  const byDomain = Object.hasOwn(DOMAINS, domain) ? DOMAINS[domain] : undefined;
  const guessed = actionIcon({ icon: typeof given === "string" ? given : undefined, name });
  const icon = byClass ?? byDomain ?? (guessed === "play" ? "live" : guessed);
  return { icon, tone: toneOf(icon) };
}
