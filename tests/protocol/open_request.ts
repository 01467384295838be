import { EnvelopeError } from "../../src/protocol/aead.ts";
import { tryEnvelope } from "../../src/protocol/envelope.ts";
import { type Route, tryRequestV2 } from "../../src/protocol/envelope_v2.ts";
import { parseRequest } from "../../src/protocol/exchange.ts";
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
  const envelope = parseRequest(text);
  const opened = envelope.version === 1
    ? await tryEnvelope(key.aead, envelope)
    : await tryRequestV2(key, envelope, route);
  if (opened === undefined) throw new EnvelopeError();
  return opened;
}
