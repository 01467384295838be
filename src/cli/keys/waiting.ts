/**
 * Keys that wait for their devices: they are not in the keys file yet.
 *
 * @module
 */
import { KeyFileError } from "../../keys/default_key_file.ts";
import { parsePendingKey, type PendingKey } from "../../keys/pairing_code.ts";
import { UsageError } from "../args.ts";
import { type KeysSession, UnknownKeyError } from "./session.ts";

/**
 * Finds a key that waits for its device.
 *
 * @returns undefined if there is none of that name
 * @throws {UsageError} if it is of another version of the gateway
 */
export async function findWaitingKey(
  name: string,
  { usePairings, now, services }: Pick<KeysSession, "usePairings" | "now" | "services">,
): Promise<PendingKey | undefined> {
  const pending = await usePairings((pairings) => pairings.listPairings(now));
  const record = pending.find((pairing) => pairing.name === name)?.record;
  if (record === undefined) return undefined;
  try {
    return parsePendingKey(record, services);
  } catch {
    throw new UsageError(
      `Key "${name}" waits for its device, but is of another version of the gateway: remove it with deno task keys ` +
        `remove ${name}, and pair it again`,
    );
  }
}

/** Makes a subcommand that says of an unknown key that it waits for its device, if it does. */
export function explainWaiting(
  run: (session: KeysSession) => Promise<void>,
): (session: KeysSession) => Promise<void> {
  return async (session) => {
    try {
      await run(session);
    } catch (error) {
      if (error instanceof UnknownKeyError && await isWaiting(error.key, session)) throw waitingError(error.key);
      throw error;
    }
  };
}

/** Returns whether a key waits for its device. A file that cannot be used is no reason for another message. */
async function isWaiting(name: string, session: KeysSession): Promise<boolean> {
  try {
    return await findWaitingKey(name, session) !== undefined;
  } catch (error) {
    if (error instanceof KeyFileError) return false;
    throw error;
  }
}

function waitingError(name: string): UsageError {
  return new UsageError(
    `Key "${name}" waits for its device, and does not exist before that has opened the link. For another link with the ` +
      `same rights: deno task keys pair ${name} --replace. For other rights: deno task keys pair ${name} with their ` +
      `options. To withdraw the link: deno task keys remove ${name}`,
  );
}
