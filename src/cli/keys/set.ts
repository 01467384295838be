/**
 * The subcommand `keys set`: changes rights, rate limit and end of a key, whose secret stays.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { KeyRecord } from "../../security/key_record.ts";
import { UsageError } from "../client.ts";
import { changeKey } from "./change_key.ts";
import { findKey, oneName } from "./find_key.ts";
import { whyDead } from "./key_state.ts";
import { expiryFromOption, protocolFromOption } from "./life_from_options.ts";
import { paceFromOptions, type PaceValues } from "./pace_from_options.ts";
import { replaceRights, RIGHTS_OPTIONS, type RightsValues } from "./rights_from_options.ts";
import { describeKey } from "./rights_text.ts";
import type { KeysSession } from "./session.ts";

/** How the command line goes. */
export const SET_USAGE = `Usage: deno task keys set NAME [options]
  --service --publish --subscribe --method --refuse-method --command --scenario
  --endpoint --broker       as with keys add; '' for none
  --command any             no limit to some commands; likewise --scenario any
  --own-apikey              requests may bring a Jeedom API key; --no-own-apikey: not
  --rate N --burst N        N requests a second, and so many at once
  --rate default            the rate limit of all keys
  --expires 90d|24h|30m|2027-01-31|never
  --min-protocol 1|2        2 for devices whose app speaks version 2
Each option replaces what the key had there, with all that is given of it; what is
not given stays. The secret stays too: nothing has to be paired again.`;

/** Values of the options. */
interface SetValues extends RightsValues, PaceValues {
  readonly expires?: string | undefined;
  readonly "min-protocol"?: string | undefined;
}

/** Changes a key and prints what is different. */
export async function setKey(session: KeysSession): Promise<void> {
  const { now, print, warn, usage } = session;
  const { values, positionals } = parseArgs({
    args: [...session.args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      ...RIGHTS_OPTIONS,
      rate: { type: "string" },
      burst: { type: "string" },
      expires: { type: "string" },
      "min-protocol": { type: "string" },
    },
  });
  const name = oneName(positionals, session);
  if (Object.keys(values).length === 0) throw new UsageError(`Nothing to change is named\n${usage}`);
  const before = await changeKey(session, name, (record) => changeOf(record, values, now));
  const after = findKey(await session.read(), name);

  const changes = differences(before, after, now);
  if (changes.length === 0) return print(`Key "${name}" has all of that already: nothing changed.`);
  print(`Key "${name}" is changed:`);
  for (const [label, from, to] of changes) print(`  ${`${label}:`.padEnd(19)}${from} → ${to}`);
  print(
    changes.every(([label]) => label === "expires")
      ? "A running gateway knows it within 2 seconds. Open streams go on."
      : "A running gateway knows it within 2 seconds, and ends the key's open streams, which connect again.",
  );
  const { publish, services, commands, scenarios } = after;
  const isNewLimit = (commands ?? scenarios) !== undefined && (values.command ?? values.scenario) !== undefined;
  if (isNewLimit && services.includes("mqtt") && publish.length > 0) {
    warn(`Key "${name}" may still publish to ${publish.join(" ")}: where that reaches devices, add --publish ''`);
  }
  const dead = whyDead(after, now);
  if (dead === "disabled") warn(`Key "${name}" is disabled all the same: deno task keys enable ${name}`);
  if (dead === "expired") warn(`Key "${name}" has expired all the same: deno task keys set ${name} --expires 90d`);
}

/** Finds the fields that become others; everything that is wrong with the options is told at once. */
function changeOf(record: KeyRecord, values: SetValues, now: number): Partial<KeyRecord> {
  const { rights, mistakes: wrongRights } = replaceRights(record, values);
  const { expires, mistakes: wrongEnd } = expiryFromOption(values.expires, now);
  const protocol = protocolFromOption(values["min-protocol"] ?? String(record.minProtocol));
  const isDefaultPace = values.rate === "default" && values.burst === undefined;
  const { pace, mistakes: wrongPace } = paceFromOptions(isDefaultPace ? {} : values);
  const mistakes = [...wrongRights, ...wrongPace, ...wrongEnd, ...protocol.mistakes];
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\n"));
  return {
    // A limit that is taken away is absent from the rights.
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
