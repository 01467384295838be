/**
 * Gateways that this page may send requests to.
 *
 * @module
 */

/** Name of the meta element of an exported page, with its gateways, separated by spaces. */
const GATEWAYS = "e2eg-gateways";

/** Returns the origins or addresses that the page may send requests to: its own, unless it was exported for others. */
export function allowedGateways(
  page: { querySelector(selector: string): { getAttribute(name: string): string | null } | null; baseURI: string },
): readonly string[] {
  const listed = page.querySelector(`meta[name="${GATEWAYS}"]`)?.getAttribute("content")?.split(/\s+/) ?? [];
  const gateways = listed.filter((gateway) => gateway !== "").map((gateway) => gateway.replace(/\/+$/, ""));
  return gateways.length > 0 ? gateways : [new URL(page.baseURI).origin];
}
