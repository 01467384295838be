/**
 * Describes refused requests for the operator.
 *
 * @module
 */
import type { RefusedRequest } from "../observability/telemetry.ts";
import { CHECK_AGENT } from "../protocol/check_agent.ts";
import type { Caller } from "./caller.ts";

/**
 * Describes the sender of a refused request.
 *
 * @returns undefined for the doctor and the conformance kit, which are refused on purpose
 */
export function refusedRequest(
  { headers }: Pick<Request, "headers">,
  { address, ...about }: Pick<Caller, "address"> & Omit<RefusedRequest, "address">,
): RefusedRequest | undefined {
  return headers.get("User-Agent") === CHECK_AGENT ? undefined : { address, ...about };
}
