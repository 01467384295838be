/**
 * Settings of actions: none, as actions are a section of the services file.
 *
 * @module
 */
import type { ServiceSettings } from "../../config/rules.ts";

/** Settings of actions. */
export const ACTION_SETTINGS = {
  name: "action",
  title: "Actions",
  settings: {},
} as const satisfies ServiceSettings;
