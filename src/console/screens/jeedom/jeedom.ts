/**
 * Screen of Jeedom: rooms, equipment and commands.
 *
 * @module
 */
import type { Screen } from "../screen.ts";

/** Screen of Jeedom, for keys with a right there. */
export const jeedomScreen: Screen = {
  id: "jeedom",
  icon: "rooms",
  name: { en: "Jeedom", fr: "Jeedom" },
  isFor: (device) => device?.services.includes("jeedom") ?? false,
  load: async () => (await import("./jeedom_screen.tsx")).JeedomScreen,
};
