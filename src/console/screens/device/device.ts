/**
 * Screen of this device: its key, its connection, its homes.
 *
 * @module
 */
import type { Screen } from "../screen.ts";

/** Screen of this device. */
export const deviceScreen: Screen = {
  id: "device",
  icon: "device",
  name: { en: "This device", fr: "Cet appareil" },
  shortName: { en: "Device", fr: "Appareil" },
  isFor: () => true,
  load: async () => (await import("./device_screen.tsx")).DeviceScreen,
};
