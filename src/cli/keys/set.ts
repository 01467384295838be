/**
 * The subcommand `keys set`: changes rights, rate limit and expiry of a key, and keeps its secret.
 *
 * @module
 */
import type { Rights } from "../../keys/rights.ts";
import type { KeyRecord } from "../../keys/schema.ts";
import type { OptionValues } from "../../services/rights_options.ts";
import type { ServiceModule } from "../../services/service.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { changeKey, findKey, type KeysSession, oneName } from "./session.ts";
import { unusableReason } from "../../keys/status.ts";
import { changeFromOptions, type KeyChangeValues } from "../../services/key_from_options.ts";
import { setRightsOptions } from "../../services/rights_from_options.ts";
import { describeKey } from "../../services/key_text.ts";
import { alignLabels } from "./labels.ts";

/** Returns the command line of `keys set`. */
export function setLine(services: readonly ServiceModule[]): CommandLine {
  return commandLine(services);
}

function commandLine(services: readonly ServiceModule[]) {
  return {
    synopsis: "deno task keys set NAME",
    summary: "Change rights, rate limit and expiry of a key",
    options: {
      ...setRightsOptions(services),
      rate: {
        type: "string",
        value: "N",
        description: 'N requests a second, together with --burst;\n"default" alone: the rate limit of all keys',
      },
      burst: { type: "string", value: "N", description: "N requests at once, together with --rate" },
      expires: { type: "string", value: "WHEN", description: "90d, 24h, 30m, 2027-01-31 or never" },
      "min-protocol": { type: "string", value: "1|2", description: "2 for devices whose app speaks version 2" },
    },
    notes: `Each option replaces all of its earlier values; options that are not given
change nothing. '' empties a list. The secret stays: no device has to be paired
again.${services.map(({ rights: { setNote } }) => setNote === undefined ? "" : `\n${setNote}`).join("")}`,
  } as const satisfies CommandLine;
}

/** Changes a key and prints what is different. */
export async function setKey(session: KeysSession): Promise<void> {
  const { now, print, warn, usage, services } = session;
  const { values, positionals } = readArgs(session.args, commandLine(services));
  const name = oneName(positionals, session);
  if (Object.keys(values).length === 0) throw new UsageError(`No change is given\n${usage}`);
  const before = await changeKey(session, name, (record) => changeOf(record, values, session));
  const after = findKey(await session.read(), name);

  const changes = differences(before, after, session);
  if (changes.length === 0) return print(`Key "${name}" has these values already: nothing changed.`);
  print(`Key "${name}" is changed:`);
  for (const line of alignLabels(changes.map(([label, from, to]) => [label, `${from} → ${to}`]))) print(line);
  print(
    changes.every(([label]) => label === "expires")
      ? "A running gateway applies this within 2 seconds. Open streams continue."
      : "A running gateway applies this within 2 seconds, and ends the key's open streams, which reconnect.",
  );
  for (const reach of remainingReach(after.rights, values, services)) warn(`Key "${name}" may still ${reach}`);
  const reason = unusableReason(after, now);
  if (reason === "disabled") warn(`Key "${name}" is still disabled: deno task keys enable ${name}`);
  if (reason === "expired") warn(`Key "${name}" is still expired: deno task keys set ${name} --expires 90d`);
}

/** Describes rights that still reach devices although the options limit the key to some. */
function remainingReach(rights: Rights, values: OptionValues, services: readonly ServiceModule[]): string[] {
  const granted = services.flatMap(({ name, rights: definition }) => {
    const own = rights[name];
    return own === undefined ? [] : [{ definition, own }];
  });
  if (!granted.some(({ definition, own }) => definition.isNewLimit?.(own, values))) return [];
  return granted.flatMap(({ definition, own }) => definition.describeReach?.(own) ?? []);
}

/** Returns the changed fields. The error names everything that is wrong with the options. */
function changeOf(record: KeyRecord, values: KeyChangeValues, session: KeysSession): Partial<KeyRecord> {
  const { change, mistakes } = changeFromOptions(record, values, session);
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\n"));
  return change;
}

function differences(
  before: KeyRecord,
  after: KeyRecord,
  { now, services }: KeysSession,
): (readonly [string, string, string])[] {
  const [from, to] = [before, after].map((record) => new Map(describeKey(record, now, services)));
  const labels = new Set([...from?.keys() ?? [], ...to?.keys() ?? []]);
  return [...labels].flatMap((label) => {
    const [old = "none", next = "none"] = [from?.get(label), to?.get(label)];
    return old === next ? [] : [[label, old, next] as const];
  });
}
