/**
 * Parts of a request that a gateway refuses: it refuses a request as a whole.
 *
 * @module
 */
import type { GatewayError } from "@e2e-gateway/client";

/** Refusal of the whole request. */
export interface RefusalOptions<Part> {
  /** Error of all parts together. */
  readonly error: GatewayError;
  /** Requests some parts alone. Returns the refusal; undefined if the gateway accepts them. */
  readonly refusalOf: (parts: readonly Part[]) => Promise<GatewayError | undefined>;
}

/** Finds the parts at fault, each with its refusal, by requesting halves. */
export async function findRefusals<Part>(
  parts: readonly Part[],
  { error, refusalOf }: RefusalOptions<Part>,
): Promise<ReadonlyMap<Part, GatewayError>> {
  if (parts.length === 1) return new Map(parts.map((part) => [part, error]));
  const middle = parts.length >> 1;
  const halves = [parts.slice(0, middle), parts.slice(middle)];
  const refusals = await Promise.all(halves.map(refusalOf));
  // With the same message for both, or none, the cause is not in single parts.
  if (refusals[0]?.message === refusals[1]?.message) return new Map(parts.map((part) => [part, error]));
  const found = new Map<Part, GatewayError>();
  for (const [index, half] of halves.entries()) {
    const refusal = refusals[index];
    if (refusal === undefined) continue;
    for (const entry of await findRefusals(half, { error: refusal, refusalOf })) found.set(...entry);
  }
  return found;
}
