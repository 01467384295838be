/**
 * The subcommands `keys disable` and `keys enable`.
 *
 * @module
 */
import type { KeyRecord } from "../../keys/schema.ts";
import { type CommandLine, readArgs } from "../args.ts";
import { changeKey, type KeysSession, oneName } from "./session.ts";
import { unusableReason } from "../../keys/status.ts";

/** Command line of `keys disable`. */
export const DISABLE_LINE = {
  synopsis: "deno task keys disable NAME",
  summary: "Disable a key; it keeps its secret and its rights",
  options: {},
} as const satisfies CommandLine;

/** Command line of `keys enable`. */
export const ENABLE_LINE = {
  synopsis: "deno task keys enable NAME",
  summary: "Enable a disabled key",
  options: {},
} as const satisfies CommandLine;

/** Disables a key. */
export async function disableKey(session: KeysSession): Promise<void> {
  const { name, disabled: already } = await setDisabled(session, { line: DISABLE_LINE, disabled: true });
  session.print(
    already
      ? `Key "${name}" was disabled already.`
      : `Key "${name}" is disabled: a running gateway refuses it, and ends its open streams, within 2 seconds.`,
  );
  session.print(`To enable it again: deno task keys enable ${name}`);
}

/** Enables a key. */
export async function enableKey(session: KeysSession): Promise<void> {
  const record = await setDisabled(session, { line: ENABLE_LINE, disabled: false });
  const { name } = record;
  session.print(
    record.disabled
      ? `Key "${name}" is enabled: a running gateway accepts it within 2 seconds.`
      : `Key "${name}" was enabled already.`,
  );
  if (unusableReason({ ...record, disabled: false }, session.now) !== undefined) {
    session.warn(
      `Key "${name}" has expired, so it still does not work: deno task keys set ${name} --expires 90d`,
    );
  }
}

/** Returns the record before the change. */
function setDisabled(
  session: KeysSession,
  { line, disabled }: { readonly line: CommandLine; readonly disabled: boolean },
): Promise<KeyRecord> {
  const { positionals } = readArgs(session.args, line);
  return changeKey(session, oneName(positionals, session), () => ({ disabled }));
}
