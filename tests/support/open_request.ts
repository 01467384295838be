import { EnvelopeError } from "../../src/protocol/aead.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { openRequest as tryRequest, parseRequest } from "../../src/protocol/exchange.ts";
import type { SecretKey } from "../../src/protocol/secret_key.ts";

/** All routes that take sealed requests. */
export const ROUTES: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"];

/**
 * Opens a request as a gateway does that has one key, whatever key the request names: what the tag lets through is
 * all that counts here.
 *
 * @throws {EnvelopeError} if it does not open
 */
export async function openRequest(text: string, { key, route }: { key: SecretKey; route: Route }): Promise<string> {
  const opened = await tryRequest(key, parseRequest(text), { route });
  if (opened === undefined) throw new EnvelopeError();
  return opened.text;
}
