/**
 * Check of the keys, their files and those beside them: a key is usable, none is about to expire, and only their owner can
 * read the files.
 *
 * @module
 */
import { dirname } from "node:path";
import { expiryNotice } from "../../keys/status.ts";
import { keysCopyPath } from "../../keys/keys_copy.ts";
import { DEFAULT_KEY_NAME } from "../../keys/schema.ts";
import { vapidKeyFileOf } from "../../push/vapid_key_file.ts";
import { handoverFileOf } from "../../store/replay_handover.ts";
import { StateFileError, stateFileOf, statStateFile } from "../../store/state/state_file.ts";
import { type Check, combineFindings, failed, type Finding, ok, skipped, warning } from "../check.ts";
import type { DoctorContext } from "../context.ts";
import { checkFileAccess, type FoundKeys, usableKeys } from "../key_files.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const MAX_EXTENSION_DAYS = 90;

/** Check of the keys and their files. */
export const KEY_FILES: Check = {
  name: "keys",
  async run(context, signal) {
    const { config, machine, now } = context;
    const found = await context.keys();
    const state = await findState(context);
    const { secretKeyFile, keysFile, masterKeyFile } = config.keys;
    const inRedis = config.keys.redis === "on";
    const recordFile = inRedis ? masterKeyFile ?? keysFile : keysFile;
    const keyFiles = [
      ...found.single === undefined ? [] : [secretKeyFile],
      ...found.records === undefined ? [] : [recordFile],
    ];
    // The master key may be on a disk that is read-only.
    const directories = new Set([secretKeyFile, ...inRedis ? [] : [keysFile]].map((path) => dirname(path)));
    const places = [
      ...found.single === undefined ? [] : [secretKeyFile],
      ...found.records === undefined ? [] : [placeOf(config)],
    ];
    const problems = [
      ...found.faults.map(splitFault),
      ...findDuplicates(found, config),
      ...await checkExpiry(found, context, signal),
      ...state.faults.map(splitFault),
      ...await checkFileAccess({
        files: [
          ...keyFiles,
          ...state.files,
          vapidKeyFileOf(secretKeyFile),
          keysCopyPath(secretKeyFile),
          handoverFileOf(secretKeyFile),
        ],
        directories: [...directories],
        mode: config.keys.fileMode,
        machine,
      }),
    ];
    const unusable = reportUnusableKeys(found, now());
    if (problems.length > 0) return combineFindings([...problems, ...unusable]);
    const count = usableKeys(found, now()).length;
    return combineFindings([
      ok(`${count} usable ${count === 1 ? "key" : "keys"}, in ${places.join(" and ")}`),
      ...unusable,
    ]);
  },
};

/** Returns the place of the keys but `default`, in messages. */
function placeOf({ keys }: DoctorContext["config"]): string {
  return keys.redis === "on" ? "Redis" : keys.keysFile;
}

/** Looks for the state file, which is absent until a use of a key is counted. */
async function findState(
  { config, machine: { files } }: DoctorContext,
): Promise<{ readonly files: readonly string[]; readonly faults: readonly string[] }> {
  const path = stateFileOf(config.keys.secretKeyFile);
  try {
    return { files: await statStateFile(path, files) === undefined ? [] : [path], faults: [] };
  } catch (error) {
    if (error instanceof StateFileError) return { files: [], faults: [error.message] };
    throw error;
  }
}

/** Splits an error message of the gateway at the full stop between the problem and its remedy. */
function splitFault(fault: string): Finding {
  const [, message = fault, remedy = "Fix it, or restore it from a backup"] = /^(.*?)\. ([A-Z].*)$/.exec(fault) ?? [];
  return failed(message, remedy);
}

/** Reports secrets that are in both files, with which the gateway does not start: their rights would be ambiguous. */
function findDuplicates({ single, records = [] }: FoundKeys, config: DoctorContext["config"]): Finding[] {
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

/** Reports keys that are about to expire, and that no key is usable. */
async function checkExpiry(found: FoundKeys, context: DoctorContext, signal: AbortSignal): Promise<Finding[]> {
  const now = context.now();
  const { single, records = [], faults } = found;
  if (single === undefined && records.length === 0) {
    if (faults.length > 0) return [];
    const isEmpty = found.records !== undefined || context.config.keys.redis === "on";
    return [isEmpty ? reportEmpty(context) : await reportNoKey(context, signal)];
  }
  const expiring = records.flatMap(({ name, disabled, created, expires = Infinity }) => {
    const left = expires - now;
    if (disabled || left <= 0 || left > expiryNotice({ created, expires })) return [];
    const days = Math.floor(left / DAY_MS);
    return [
      warning(
        `Key "${name}" expires in ${days === 0 ? "less than a day" : `${days} d`}`,
        `Extend it: ${extendCommand(name, expires - created)}`,
      ),
    ];
  });
  if (usableKeys(found, now).length > 0) return expiring;
  const remedy = `Enable one, or add one: deno task keys add NAME. The key "${DEFAULT_KEY_NAME}" has no file either`;
  return [failed("No key is usable: all are expired or disabled", remedy)];
}

/** Reports that there is no key, which is normal before the first start of the gateway. */
async function reportNoKey(context: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const { kind } = await context.gateway(signal);
  if (kind === "gateway" || kind === "tls_name_mismatch") {
    return warning(
      "There is no key in these files, though a gateway runs",
      "Run the doctor where the gateway runs, with the same settings; or add a key: deno task keys add NAME",
    );
  }
  return skipped(
    "There is no key yet: the first start creates one",
    "To add one for each device: deno task keys add NAME",
  );
}

/** Reports a place without keys, which no start fills. */
function reportEmpty({ config }: DoctorContext): Finding {
  return failed(
    `There is no key: ${config.keys.redis === "on" ? "Redis has none" : `${config.keys.keysFile} is empty`}`,
    "Give each device its own: deno task keys pair NAME",
  );
}

/** Reports expired and disabled keys, which are not a problem. */
function reportUnusableKeys({ records = [] }: FoundKeys, now: number): Finding[] {
  return records.flatMap(({ name, disabled, created, expires = Infinity }): Finding[] => {
    if (disabled) return [ok(`Key "${name}" is disabled`)];
    if (expires > now) return [];
    return [{
      ...ok(`Key "${name}" has expired`),
      remedy: `To use it again: ${extendCommand(name, expires - created)}`,
    }];
  });
}

/** Returns the command that extends a key by its lifetime, at most 90 days. */
function extendCommand(name: string, lifetimeMs: number): string {
  const span = lifetimeMs < DAY_MS
    ? `${Math.max(1, Math.round(lifetimeMs / HOUR_MS))}h`
    : `${Math.min(MAX_EXTENSION_DAYS, Math.round(lifetimeMs / DAY_MS))}d`;
  return `deno task keys set ${name} --expires ${span}`;
}
