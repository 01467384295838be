/**
 * A key in words: a fold over the services.
 *
 * @module
 */
import type { Rights } from "../keys/rights.ts";
import type { KeyRecord } from "../keys/schema.ts";
import { grantedServices, summarizeEach } from "./granted.ts";
import type { ServiceModule } from "./service.ts";
import { formatDuration, formatTime } from "../keys/duration.ts";

/**
 * Describes all that can be changed of a key: one line each, with its label.
 *
 * @param now the time, in milliseconds since 1970
 */
export function describeKey(
  { label, rights, rate, expires, minProtocol }: Omit<KeyRecord, "secret">,
  now: number,
  services: readonly ServiceModule[],
): (readonly [label: string, text: string])[] {
  const isOver = expires !== undefined && expires <= now;
  return [
    ...label === undefined ? [] : [["label", JSON.stringify(label)] as const],
    ...describeRights(rights, services),
    ["rate limit", rate === undefined ? "as configured" : `${rate.perSecond} a second, ${rate.burst} at once`],
    ["protocol", minProtocol === 2 ? "version 2 only" : "versions 1 and 2"],
    [
      "expires",
      expires === undefined ? "never" : formatTime(expires) + (isOver ? "" : `, in ${formatDuration(expires - now)}`),
    ],
  ];
}

/** Describes rights in full: one line each, with its label. */
export function describeRights(
  rights: Rights,
  services: readonly ServiceModule[],
): (readonly [label: string, text: string])[] {
  return grantedServices(rights, services).flatMap(([service, own]) => service.rights.describe(own));
}

/** Summarizes rights in one line: only what is granted, and of long lists the beginning. */
export function summarizeRights(rights: Rights, services: readonly ServiceModule[]): string {
  return summarizeEach(rights, services).join("; ") || "nothing";
}
