/**
 * Screen of actions and pinned values.
 *
 * @module
 */
import type { Screen } from "../screen.ts";
import { HomeScreen } from "./home_screen.tsx";

/** The first screen. */
export const homeScreen: Screen = {
  id: "home",
  icon: "home",
  name: { en: "Home", fr: "Maison" },
  isFor: () => true,
  load: () => HomeScreen,
};
