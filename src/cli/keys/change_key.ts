/**
 * The edit that `set`, `rotate`, `disable` and `enable` have in common: one key becomes another record in its place.
 *
 * @module
 */
import type { KeyRecord } from "../../keys/schema.ts";
import { findKey, refuseDefault } from "./find_key.ts";
import type { KeysSession } from "./session.ts";

/**
 * Changes some fields of a key in the keys file.
 *
 * @param name its name
 * @param change tells the fields that become others, from the record as it is
 * @returns the record as it was
 * @throws `UsageError` if there is no such key, or it is not in this file; `KeyFileError`, `KeysFileLockedError`
 */
export async function changeKey(
  session: KeysSession,
  name: string,
  change: (record: KeyRecord) => Partial<KeyRecord>,
): Promise<KeyRecord> {
  refuseDefault(name, session);
  const { before } = await session.edit((records) => {
    const record = findKey(records, name);
    return records.with(records.indexOf(record), { ...record, ...change(record) });
  });
  return findKey(before, name);
}
