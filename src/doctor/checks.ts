/**
 * Checks that need the settings, in the order of the report.
 *
 * @module
 */
import { JEEDOM } from "../services/jeedom/doctor.ts";
import { BROKER } from "../services/mqtt/doctor.ts";
import type { Check } from "./check.ts";
import { CLOCK } from "./checks/clock.ts";
import { GATEWAY } from "./checks/gateway.ts";
import { KEY_FILES } from "./checks/key_files.ts";
import { METRICS } from "./checks/metrics.ts";
import { PUBLIC_URL } from "./checks/public_url.ts";
import { REDIS } from "./checks/redis.ts";
import { REFUSALS } from "./checks/refusals.ts";
import { TAILSCALE } from "./checks/tailscale.ts";

/** All checks that need the settings. */
export const CHECKS: readonly Check[] = [
  KEY_FILES,
  CLOCK,
  JEEDOM,
  BROKER,
  REDIS,
  GATEWAY,
  METRICS,
  REFUSALS,
  PUBLIC_URL,
  TAILSCALE,
];
