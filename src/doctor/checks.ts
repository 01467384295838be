/**
 * Checks that need the settings, in the order of the report.
 *
 * @module
 */
import type { ServiceModule } from "../services/service.ts";
import type { Check } from "./check.ts";
import { GATEWAY } from "./checks/gateway.ts";
import { KEY_FILES } from "./checks/key_files.ts";
import { METRICS } from "./checks/metrics.ts";
import { PUBLIC_URL } from "./checks/public_url.ts";
import { PUSH } from "./checks/push.ts";
import { REDIS } from "./checks/redis.ts";
import { REFUSALS } from "./checks/refusals.ts";
import { SERVICES_FILE } from "./checks/services_file.ts";
import { TAILSCALE } from "./checks/tailscale.ts";

/** Returns all checks, with those of some services. */
export async function checksWith(services: readonly Pick<ServiceModule, "doctor">[]): Promise<Check[]> {
  const ofServices = await Promise.all(services.map((service) => service.doctor?.() ?? []));
  return [
    KEY_FILES,
    SERVICES_FILE,
    ...ofServices.flat(),
    REDIS,
    GATEWAY,
    METRICS,
    REFUSALS,
    PUSH,
    PUBLIC_URL,
    TAILSCALE,
  ];
}
