/**
 * Whether there are keys, and whether their files are as they should be.
 *
 * @module
 */
import { dirname } from "node:path";
import { DEFAULT_KEY_NAME } from "../../security/key_record.ts";
import type { Check } from "../check.ts";
import { failed, type Finding, ok, together, warning } from "../finding.ts";
import { type FoundKeys, usableKeys } from "../found_keys.ts";
import type { House } from "../house.ts";
import { lookAtRights } from "../file_rights.ts";

const DAY_MS = 86_400_000;

/** How long before its end a key is told of: time for its owner to come home. In days. */
const NOTICE_DAYS = 14;

/** The files of keys. */
export const KEY_FILES: Check = {
  name: "keys",
  async look(house) {
    const { config, machine, now } = house;
    const found = await house.keys();
    const files = [
      ...found.single === undefined ? [] : [config.SECRET_KEY_FILE],
      ...found.records === undefined ? [] : [config.KEYS_FILE],
    ];
    const directories = new Set([config.SECRET_KEY_FILE, config.KEYS_FILE].map((path) => dirname(path)));
    const problems = [
      ...found.faults.map(splitFault),
      ...twins(found, config),
      ...lives(found, now()),
      ...await lookAtRights({ files, directories: [...directories], mode: config.KEY_FILE_MODE, machine }),
    ];
    if (problems.length > 0) return together(problems);
    const count = usableKeys(found, now()).length;
    return ok(`${count} ${count === 1 ? "key works" : "keys work"}, in ${files.join(" and ")}`);
  },
};

/** The gateway's own words are what is wrong, and behind a full stop what to do about it. */
function splitFault(fault: string): Finding {
  const [, message = fault, remedy = "Mend it, or restore it from a backup"] = /^(.*?)\. ([A-Z].*)$/.exec(fault) ?? [];
  return failed(message, remedy);
}

/** One secret in both files would leave open what its holder may do: the gateway does not start. */
function twins({ single, records = [] }: FoundKeys, config: House["config"]): Finding[] {
  const hex = single?.toHex();
  return records
    .filter(({ secret, previous }) => [secret.toHex(), previous?.secret.toHex()].includes(hex ?? ""))
    .map(({ name }) =>
      failed(
        `Key "${name}" has the same secret as "${config.SECRET_KEY_FILE}", which grants every right`,
        `Give it a new secret: deno task keys rotate ${name}`,
      )
    );
}

/** What is to be said of the keys' lives. */
function lives(found: FoundKeys, now: number): Finding[] {
  const { single, records = [], faults } = found;
  if (single === undefined && records.length === 0) {
    if (faults.length > 0) return [];
    return [
      warning("There is no key yet", "Give each device one: deno task keys add NAME; the first start makes one, too"),
    ];
  }
  const problems = records.flatMap(({ name, disabled, expires = Infinity }) => {
    if (disabled || expires - now > NOTICE_DAYS * DAY_MS) return [];
    const remedy = `Extend it: deno task keys set ${name} --expires 90d`;
    if (expires <= now) return [warning(`Key "${name}" has expired`, remedy)];
    const days = Math.floor((expires - now) / DAY_MS);
    return [warning(`Key "${name}" expires in ${days === 0 ? "less than a day" : `${days} d`}`, remedy)];
  });
  if (usableKeys(found, now).length > 0) return problems;
  const remedy = `Enable one, or add one: deno task keys add NAME. The key "${DEFAULT_KEY_NAME}" has no file either`;
  return [failed("No key works: all are expired or disabled", remedy), ...problems];
}
