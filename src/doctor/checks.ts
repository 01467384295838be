/**
 * The checks, in the order of the report.
 *
 * @module
 */
import type { Check } from "./check.ts";
import { BROKER } from "./checks/broker.ts";
import { CLOCK } from "./checks/clock.ts";
import { GATEWAY } from "./checks/gateway.ts";
import { JEEDOM } from "./checks/jeedom.ts";
import { KEY_FILES } from "./checks/key_files.ts";
import { METRICS } from "./checks/metrics.ts";
import { PUBLIC_URL } from "./checks/public_url.ts";
import { REDIS } from "./checks/redis.ts";
import { REFUSALS } from "./checks/refusals.ts";
import { TAILSCALE } from "./checks/tailscale.ts";

/** All that need the settings. */
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
