/**
 * Screen of what comes live.
 *
 * @module
 */
import { mayReadAny } from "../../connection/device_info.ts";
import type { Screen } from "../screen.ts";

/** Screen of topics and entities with their newest values. */
export const liveScreen: Screen = {
  id: "live",
  icon: "live",
  name: { en: "Live", fr: "Direct" },
  isFor: (device) => device !== undefined && mayReadAny(device),
  load: async () => (await import("./live_screen.tsx")).LiveScreen,
};
