/**
 * The subcommand `keys set`: changes rights, rate limit and expiry of a key, and keeps its secret.
 *
 * @module
 */
import type { KeyRecord } from "../../keys/schema.ts";
import { type CommandLine, readArgs, UsageError, wrongUsage } from "../args.ts";
import { changeKey, findKey, type KeysSession, oneName } from "./session.ts";
import { unusableReason } from "../../keys/status.ts";
import { expiryFromOption, protocolFromOption, rateFromOptions, type RateValues } from "./key_options.ts";
import { replaceRights, RIGHTS_OPTIONS, type RightsValues } from "./rights_from_options.ts";
import { describeKey } from "./rights_text.ts";

/** Command line of `keys set`. */
export const SET_LINE = {
  synopsis: "deno task keys set NAME",
  summary: "Change what a key may do, its rate limit and its end",
  options: {
    ...RIGHTS_OPTIONS,
    "no-own-apikey": { type: "boolean", description: "Requests may bring no Jeedom API key" },
    rate: {
      type: "string",
      value: "N",
      description: 'N requests a second, together with --burst;\n"default" alone: the rate limit of all keys',
    },
    burst: { type: "string", value: "N", description: "N requests at once, together with --rate" },
    expires: { type: "string", value: "WHEN", description: "90d, 24h, 30m, 2027-01-31 or never" },
    "min-protocol": { type: "string", value: "1|2", description: "2 for devices whose app speaks version 2" },
  },
  notes: `Each option replaces what the key had there, with all that is given of it; what
is not given stays. '' empties a list; --command any and --scenario any take the
limit to some of them away. The secret stays: nothing has to be paired again.`,
} as const satisfies CommandLine;

/** Values of the options. */
interface SetValues extends RightsValues, RateValues {
  readonly expires?: string | undefined;
  readonly "min-protocol"?: string | undefined;
}

/** Changes a key and prints what is different. */
export async function setKey(session: KeysSession): Promise<void> {
  const { now, print, warn, usage } = session;
  const { values, positionals } = readSetArgs(session.args);
  const name = oneName(positionals, session);
  if (Object.keys(values).length === 0) throw new UsageError(`No change is given\n${usage}`);
  const before = await changeKey(session, name, (record) => changeOf(record, values, now));
  const after = findKey(await session.read(), name);

  const changes = differences(before, after, now);
  if (changes.length === 0) return print(`Key "${name}" has these values already: nothing changed.`);
  print(`Key "${name}" is changed:`);
  for (const [label, from, to] of changes) print(`  ${`${label}:`.padEnd(19)}${from} → ${to}`);
  print(
    changes.every(([label]) => label === "expires")
      ? "A running gateway applies this within 2 seconds. Open streams continue."
      : "A running gateway applies this within 2 seconds, and ends the key's open streams, which reconnect.",
  );
  const { publish, services, commands, scenarios } = after;
  const isNewLimit = (commands ?? scenarios) !== undefined && (values.command ?? values.scenario) !== undefined;
  if (isNewLimit && services.includes("mqtt") && publish.length > 0) {
    warn(`Key "${name}" may still publish to ${publish.join(" ")}: where that reaches devices, add --publish ''`);
  }
  const reason = unusableReason(after, now);
  if (reason === "disabled") warn(`Key "${name}" is still disabled: deno task keys enable ${name}`);
  if (reason === "expired") warn(`Key "${name}" is still expired: deno task keys set ${name} --expires 90d`);
}

/** Parses the command line; `--no-own-apikey` negates `--own-apikey`. */
function readSetArgs(args: readonly string[]): { readonly values: SetValues; readonly positionals: readonly string[] } {
  const { values: { "no-own-apikey": isNegated, ...values }, positionals } = readArgs(args, SET_LINE);
  if (isNegated === undefined) return { values, positionals };
  if (values["own-apikey"] === undefined) return { values: { ...values, "own-apikey": false }, positionals };
  throw wrongUsage("Give --own-apikey or --no-own-apikey, not both", SET_LINE);
}

/** Returns the changed fields. The error names everything that is wrong with the options. */
function changeOf(record: KeyRecord, values: SetValues, now: number): Partial<KeyRecord> {
  const { rights, mistakes: wrongRights } = replaceRights(record, values);
  const { expires, mistakes: wrongEnd } = expiryFromOption(values.expires, now);
  const protocol = protocolFromOption(values["min-protocol"] ?? String(record.minProtocol));
  const isDefaultPace = values.rate === "default" && values.burst === undefined;
  const { pace, mistakes: wrongPace } = rateFromOptions(isDefaultPace ? {} : values);
  const mistakes = [...wrongRights, ...wrongPace, ...wrongEnd, ...protocol.mistakes];
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\n"));
  return {
    // A removed limit is absent from the rights.
    commands: undefined,
    scenarios: undefined,
    ...rights,
    ...values.expires === undefined ? {} : { expires },
    ...pace !== undefined || isDefaultPace ? { rate: pace } : {},
    minProtocol: protocol.minProtocol,
  };
}

function differences(before: KeyRecord, after: KeyRecord, now: number): (readonly [string, string, string])[] {
  const [from, to] = [before, after].map((record) => new Map(describeKey(record, now)));
  const labels = new Set([...from?.keys() ?? [], ...to?.keys() ?? []]);
  return [...labels].flatMap((label) => {
    const [old = "none", next = "none"] = [from?.get(label), to?.get(label)];
    return old === next ? [] : [[label, old, next] as const];
  });
}
