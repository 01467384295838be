/**
 * The next step after a new secret.
 *
 * @module
 */
import type { KeysSession } from "./session.ts";

/** Says how the secret of a key gets to its device, and what has to be set before that. */
export function describeNextStep(name: string, { config }: Pick<KeysSession, "config">): string {
  const first = config.server.publicUrl === undefined
    ? "set PUBLIC_URL in .env to the address that devices reach, then "
    : "";
  return `Next, ${first}hand it to its device: deno task keys show ${name}`;
}
