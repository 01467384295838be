/**
 * The subcommand `keys list`: shows the keys, and none of their secrets.
 *
 * @module
 */
import { deriveKeyId } from "../../protocol/secret_key.ts";
import { DEFAULT_KEY_NAME } from "../../keys/schema.ts";
import { type CommandLine, readOptions } from "../args.ts";
import { formatDay } from "../../keys/duration.ts";
import { describeState } from "../../keys/status.ts";
import { formatKeyTable, type KeyRow } from "./key_table.ts";
import { summarizeRights } from "./rights_text.ts";
import type { KeysSession } from "./session.ts";

/** Command line of `keys list`. */
export const LIST_LINE = {
  synopsis: "deno task keys list",
  summary: "Show all keys, without their secrets",
  options: {},
} as const satisfies CommandLine;

/** Prints a table of all keys. */
export async function listKeys(session: KeysSession): Promise<void> {
  readOptions(session.args, LIST_LINE);
  const { config, now, print } = session;
  const records = await session.read();
  const rows = await Promise.all(records.map(async (record): Promise<KeyRow> => ({
    name: record.name,
    kid: await deriveKeyId(record.secret),
    created: formatDay(record.created),
    state: describeState(record, now),
    rights: summarizeRights(record),
  })));
  const own = await session.readDefault();
  if (own !== undefined) {
    const kid = await deriveKeyId(own);
    rows.push({ name: DEFAULT_KEY_NAME, kid, created: "", state: ["active"], rights: "every right" });
  }
  if (rows.length > 0) print(formatKeyTable(rows));
  if (records.length === 0) {
    print(`There is no key in ${config.KEYS_FILE}. Give each device one of its own: deno task keys add NAME`);
  }
}
