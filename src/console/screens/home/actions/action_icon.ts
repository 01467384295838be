/**
 * Icon and colour of an action, from the name of its icon in the services file.
 *
 * @module
 */
import { type IconName, isIconName } from "../../../components/icons.ts";

/** Colour of a tile: none of them alone says anything. */
export type Tone = "accent" | "heat" | "glow" | "cool";

/** Words in names of icons, such as those of Material Design, and the icons of this page. */
const WORDS: readonly (readonly [RegExp, IconName])[] = [
  [/garage/, "garage"],
  [/gate|boom|fence/, "gate"],
  [/door/, "door"],
  [/lock|key/, "lock"],
  [/light|lamp|bulb|led/, "light"],
  [/fire|flame|heat|radiator|boiler/, "heating"],
  [/thermo|temp|climate/, "thermometer"],
  [/fan|air|vent/, "fan"],
  [/water|drop|valve|sprinkler|irrigation/, "water"],
  [/blind|shutter|curtain|roller|window|awning/, "blind"],
  [/plug|socket|outlet|power/, "plug"],
  [/camera|cctv|picture|image/, "camera"],
  [/shield|alarm|secur/, "shield"],
  [/bell|siren|horn/, "bell"],
  [/music|speaker|radio|media|volume|tv/, "music"],
  [/sun|day|weather/, "sun"],
  [/moon|night|sleep|bed/, "moon"],
  [/car|ev-|charger/, "car"],
  [/robot|vacuum|mower/, "robot"],
  [/home|house/, "home"],
  [/flash|bolt|lightning|energy/, "bolt"],
];

/** Tones of icons. */
const TONES: Partial<Readonly<Record<IconName, Tone>>> = {
  heating: "heat",
  thermometer: "heat",
  light: "glow",
  sun: "glow",
  bolt: "glow",
  plug: "glow",
  bell: "glow",
  fan: "cool",
  water: "cool",
  moon: "cool",
};

/** Returns the icon for a name; the name of the action helps where it has no icon. */
export function actionIcon({ icon, name }: { readonly icon?: string | undefined; readonly name: string }): IconName {
  const plain = icon?.replace(/^\w+:/, "");
  if (plain !== undefined && isIconName(plain)) return plain;
  const find = (text: string) => WORDS.find(([word]) => word.test(text))?.[1];
  return find(plain ?? "") ?? find(name.toLowerCase()) ?? "play";
}

/** Returns the tone of an icon. */
export function toneOf(icon: IconName): Tone {
  return TONES[icon] ?? "accent";
}
