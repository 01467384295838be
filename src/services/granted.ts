/**
 * Services that a key is granted.
 *
 * @module
 */
import type { Rights, ServiceRights } from "../keys/rights.ts";
import type { ServiceModule } from "./service.ts";

/** Returns the services that rights grant, each with the rights in it, in the order of the list. */
export function grantedServices(
  rights: Rights,
  services: readonly ServiceModule[],
): (readonly [ServiceModule, ServiceRights])[] {
  return services.flatMap((service) => {
    const own = Object.hasOwn(rights, service.name) ? rights[service.name] : undefined;
    return own === undefined ? [] : [[service, own] as const];
  });
}

/** Summarizes the rights in each service: only what is granted, and of long lists the beginning. */
export function summarizeEach(rights: Rights, services: readonly ServiceModule[]): string[] {
  return grantedServices(rights, services).map(([service, own]) => service.rights.summarize(own));
}
