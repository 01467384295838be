/**
 * The subcommand `keys rotate`: gives a key a new secret.
 *
 * @module
 */
import { KEY_BYTES } from "../../protocol/aead.ts";
import { deriveKeyId } from "../../protocol/secret_key.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { changeKey, type KeysSession, oneName } from "./session.ts";
import { formatDuration, formatTime, parseDuration } from "../../keys/duration.ts";
import { overlapLeft, unusableReason } from "../../keys/status.ts";
import { describeNextStep } from "./show.ts";

/** Command line of `keys rotate`. */
export const ROTATE_LINE = {
  synopsis: "deno task keys rotate NAME",
  summary: "Give a key a new secret",
  options: {
    overlap: {
      type: "string",
      value: "SPAN",
      default: "24h",
      description: "Time for which the old secret still works, such as 30m\nor 7d; 0 ends it now",
    },
  },
} as const satisfies CommandLine;

/** Makes a new secret. The old one works for a while, so that the device can be paired again. */
export async function rotateKey(session: KeysSession): Promise<void> {
  const { now, print } = session;
  const { values, positionals } = readArgs(session.args, ROTATE_LINE);
  const name = oneName(positionals, session);
  const overlap = values.overlap === "0" ? 0 : parseDuration(values.overlap);
  if (overlap === undefined) {
    throw new UsageError(`--overlap "${values.overlap}" must be a span such as 24h, 30m or 7d, or 0`);
  }
  const secret = session.random(KEY_BYTES);
  const until = now + overlap;
  const old = await changeKey(session, name, (record) => ({
    secret,
    previous: overlap === 0 ? undefined : { secret: record.secret, until },
  }));

  print(`Key "${name}" has a new secret, with the KID ${await deriveKeyId(secret)}.`);
  print(
    overlap === 0
      ? "The old secret ends: a running gateway refuses it, and ends its open streams, within 2 seconds."
      : `The old secret works until ${formatTime(until)}, for ${formatDuration(overlap)}.`,
  );
  if (overlapLeft(old, now) > 0) {
    print("The secret before that still worked: it ends now, and its open streams within 2 seconds.");
  }
  const reason = unusableReason(old, now);
  if (reason !== undefined) print(`The key is still ${reason}: neither secret works.`);
  print(describeNextStep(name, session));
}
