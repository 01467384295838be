/**
 * Screen of Home Assistant: entities by domain.
 *
 * @module
 */
import type { Screen } from "../screen.ts";

/** Screen of Home Assistant, for keys with a right there. */
export const homeAssistantScreen: Screen = {
  id: "home-assistant",
  icon: "entities",
  name: { en: "Home Assistant", fr: "Home Assistant" },
  shortName: { en: "Assistant", fr: "Assistant" },
  isFor: (device) => device?.services.includes("home_assistant") ?? false,
  load: async () => (await import("./home_assistant_screen.tsx")).HomeAssistantScreen,
};
