import { EnvelopeError } from "../../src/protocol/aead.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { openRequest as tryRequest, parseRequest } from "../../src/protocol/exchange.ts";
import type { SecretKey } from "../../src/protocol/secret_key.ts";

/** All routes with sealed requests. */
export const ROUTES: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"];

/**
 * Opens a request with a key, whatever key id the request has.
 *
 * @throws {EnvelopeError} if its authentication fails
 */
export async function openRequest(text: string, { key, route }: { key: SecretKey; route: Route }): Promise<string> {
  const opened = await tryRequest(key, parseRequest(text), { route });
  if (opened === undefined) throw new EnvelopeError();
  return opened.text;
}
