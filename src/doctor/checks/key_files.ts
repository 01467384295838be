/**
 * Whether there are keys, and whether their files are as they should be.
 *
 * @module
 */
import { dirname } from "node:path";
import { expiryNotice } from "../../keys/key_expiry.ts";
import { DEFAULT_KEY_NAME } from "../../keys/schema.ts";
import type { Check } from "../check.ts";
import { failed, type Finding, ok, skipped, together, warning } from "../finding.ts";
import { type FoundKeys, usableKeys } from "../found_keys.ts";
import type { DoctorContext } from "../context.ts";
import { checkFileRights } from "../file_rights.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const LONGEST_EXTENSION_DAYS = 90;

/** The files of keys. */
export const KEY_FILES: Check = {
  name: "keys",
  async run(house, signal) {
    const { config, machine, now } = house;
    const found = await house.keys();
    const files = [
      ...found.single === undefined ? [] : [config.keys.secretKeyFile],
      ...found.records === undefined ? [] : [config.keys.keysFile],
    ];
    const directories = new Set([config.keys.secretKeyFile, config.keys.keysFile].map((path) => dirname(path)));
    const problems = [
      ...found.faults.map(splitFault),
      ...twins(found, config),
      ...await lives(found, house, signal),
      ...await checkFileRights({ files, directories: [...directories], mode: config.keys.fileMode, machine }),
    ];
    const idle = idleKeys(found, now());
    if (problems.length > 0) return together([...problems, ...idle]);
    const count = usableKeys(found, now()).length;
    return together([ok(`${count} ${count === 1 ? "key works" : "keys work"}, in ${files.join(" and ")}`), ...idle]);
  },
};

/** The gateway's own words are what is wrong, and behind a full stop what to do about it. */
function splitFault(fault: string): Finding {
  const [, message = fault, remedy = "Mend it, or restore it from a backup"] = /^(.*?)\. ([A-Z].*)$/.exec(fault) ?? [];
  return failed(message, remedy);
}

/** One secret in both files would leave open what its holder may do: the gateway does not start. */
function twins({ single, records = [] }: FoundKeys, config: DoctorContext["config"]): Finding[] {
  const hex = single?.toHex();
  return records
    .filter(({ secret, previous }) => [secret.toHex(), previous?.secret.toHex()].includes(hex ?? ""))
    .map(({ name }) =>
      failed(
        `Key "${name}" has the same secret as "${config.keys.secretKeyFile}", which grants every right`,
        `Give it a new secret: deno task keys rotate ${name}`,
      )
    );
}

/** Reports keys that are near their end, and that no key works. */
async function lives(found: FoundKeys, house: DoctorContext, signal: AbortSignal): Promise<Finding[]> {
  const now = house.now();
  const { single, records = [], faults } = found;
  if (single === undefined && records.length === 0) return faults.length > 0 ? [] : [await reportNoKey(house, signal)];
  const ending = records.flatMap(({ name, disabled, created, expires = Infinity }) => {
    const left = expires - now;
    if (disabled || left <= 0 || left > expiryNotice({ created, expires })) return [];
    const days = Math.floor(left / DAY_MS);
    return [
      warning(
        `Key "${name}" expires in ${days === 0 ? "less than a day" : `${days} d`}`,
        `Extend it: ${extension(name, expires - created)}`,
      ),
    ];
  });
  if (usableKeys(found, now).length > 0) return ending;
  const remedy = `Enable one, or add one: deno task keys add NAME. The key "${DEFAULT_KEY_NAME}" has no file either`;
  return [failed("No key works: all are expired or disabled", remedy)];
}

/** Reports that there is no key, which is normal before the first start of a gateway. */
async function reportNoKey(house: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const { kind } = await house.gateway(signal);
  if (kind === "gateway" || kind === "veiled") {
    return warning(
      "There is no key in these files, though a gateway runs",
      "Run the doctor where the gateway runs, with the same settings; or add a key: deno task keys add NAME",
    );
  }
  return skipped(
    "There is no key yet: the first start makes one",
    "To give each device its own: deno task keys add NAME",
  );
}

/** Reports expired and disabled keys, which are no problem. */
function idleKeys({ records = [] }: FoundKeys, now: number): Finding[] {
  return records.flatMap(({ name, disabled, created, expires = Infinity }): Finding[] => {
    if (disabled) return [ok(`Key "${name}" is disabled`)];
    if (expires > now) return [];
    return [{ ...ok(`Key "${name}" has expired`), remedy: `To use it again: ${extension(name, expires - created)}` }];
  });
}

/** Returns the command that extends a key by the length of its life, at most 90 days. */
function extension(name: string, lifeMs: number): string {
  const span = lifeMs < DAY_MS
    ? `${Math.max(1, Math.round(lifeMs / HOUR_MS))}h`
    : `${Math.min(LONGEST_EXTENSION_DAYS, Math.round(lifeMs / DAY_MS))}d`;
  return `deno task keys set ${name} --expires ${span}`;
}
