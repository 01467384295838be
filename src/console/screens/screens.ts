/**
 * Screens of the page, in the order of the navigation.
 *
 * @module
 */
import { deviceScreen } from "./device/device.ts";
import { homeAssistantScreen } from "./home_assistant/home_assistant.ts";
import { homeScreen } from "./home/home.ts";
import { jeedomScreen } from "./jeedom/jeedom.ts";
import { liveScreen } from "./live/live.ts";
import type { Screen } from "./screen.ts";

/** All screens. A new one is a folder beside this file, and one entry here. */
export const SCREENS: readonly Screen[] = [homeScreen, liveScreen, jeedomScreen, homeAssistantScreen, deviceScreen];

/** Returns the screens for a key. */
export function screensFor(device: Parameters<Screen["isFor"]>[0]): readonly Screen[] {
  return SCREENS.filter(({ isFor }) => isFor(device));
}
