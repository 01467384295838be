/**
 * The subcommands `keys disable` and `keys enable`: switch a key off and on.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { KeyRecord } from "../../security/key_record.ts";
import { changeKey } from "./change_key.ts";
import { oneName } from "./find_key.ts";
import { whyDead } from "./key_state.ts";
import type { KeysSession } from "./session.ts";

/** Switches a key off. It keeps its secret and its rights. */
export async function disableKey(session: KeysSession): Promise<void> {
  const { name, disabled: already } = await setDisabled(true, session);
  session.print(
    already
      ? `Key "${name}" was disabled already.`
      : `Key "${name}" is disabled: a running gateway refuses it, and ends its open streams, within 2 seconds.`,
  );
  session.print(`To switch it on again: deno task keys enable ${name}`);
}

/** Switches a key on again. */
export async function enableKey(session: KeysSession): Promise<void> {
  const record = await setDisabled(false, session);
  const { name } = record;
  session.print(
    record.disabled
      ? `Key "${name}" is enabled: a running gateway takes it within 2 seconds.`
      : `Key "${name}" was enabled already.`,
  );
  if (whyDead({ ...record, disabled: false }, session.now) !== undefined) {
    session.warn(
      `Key "${name}" has expired, so it does not work all the same: deno task keys set ${name} --expires 90d`,
    );
  }
}

/** Returns the record as it was. */
function setDisabled(disabled: boolean, session: KeysSession): Promise<KeyRecord> {
  const { positionals } = parseArgs({ args: [...session.args], allowPositionals: true });
  return changeKey(session, oneName(positionals, session), () => ({ disabled }));
}
