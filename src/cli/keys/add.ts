/**
 * The subcommand `keys add`: makes a key for a device.
 *
 * @module
 */
import { KEY_BYTES } from "../../protocol/aead.ts";
import { deriveKeyId } from "../../protocol/secret_key.ts";
import { DEFAULT_KEY_NAME, isKeyName, type KeyRecord, NAME_RULE } from "../../keys/schema.ts";
import type { ServiceModule } from "../../services/service.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { type KeysSession, oneName } from "./session.ts";
import { expiryFromOption, protocolFromOption, rateFromOptions } from "./key_options.ts";
import { describeNextStep } from "./show.ts";
import { rightsFromOptions, rightsOptions } from "./rights_from_options.ts";
import { alignLabels, describeKey } from "./rights_text.ts";

/** Returns the command line of `keys add`. */
export function addLine(services: readonly ServiceModule[]): CommandLine {
  return commandLine(services);
}

function commandLine(services: readonly ServiceModule[]) {
  return {
    synopsis: "deno task keys add NAME",
    summary: "Create a key for a device",
    options: {
      ...rightsOptions(services),
      rate: { type: "string", value: "N", description: "N requests a second, together with --burst" },
      burst: { type: "string", value: "N", description: "N requests at once, together with --rate" },
      expires: {
        type: "string",
        value: "WHEN",
        description: "90d, 24h, 30m or 2027-01-31; never without it",
      },
      "min-protocol": {
        type: "string",
        value: "1|2",
        default: "1",
        description: "2 for devices whose app speaks version 2",
      },
    },
    notes: `Options of rights with a value can be given several times. Without any of them,
the key may do what an ordinary phone needs:
${services.flatMap(({ rights }) => rights.addNote ?? []).join("\n")}`,
  } as const satisfies CommandLine;
}

/** Adds a key and prints its rights. Its secret is left for `keys show`. */
export async function addKey(session: KeysSession): Promise<void> {
  const { config, now, print, services } = session;
  const { values, positionals } = readArgs(session.args, commandLine(services));
  const name = oneName(positionals, session);
  const { rights, mistakes: wrongRights } = rightsFromOptions(values, services);
  const { rate, mistakes: wrongRate } = rateFromOptions(values);
  const { expires, mistakes: wrongEnd } = expiryFromOption(values.expires, now);
  const { minProtocol, mistakes: wrongProtocol } = protocolFromOption(values["min-protocol"]);
  const mistakes = [...wrongRights, ...wrongRate, ...wrongEnd, ...wrongProtocol];
  refuse([...nameMistakes(name, await session.read()), ...mistakes]);

  const record: KeyRecord = {
    name,
    secret: session.random(KEY_BYTES),
    created: now,
    expires,
    disabled: false,
    minProtocol,
    rights,
    rate,
  };
  await session.edit((records) => {
    // Another command may have taken the name since.
    refuse(nameMistakes(name, records));
    return [...records, record];
  });
  print(`Key "${name}" is in ${config.keys.keysFile}. A running gateway accepts it within 2 seconds.`);
  const kid = await deriveKeyId(record.secret);
  for (const line of alignLabels([["KID", kid], ...describeKey(record, now, services)])) print(line);
  print(describeNextStep(name, session));
}

function nameMistakes(name: string, records: readonly KeyRecord[]): string[] {
  if (name === DEFAULT_KEY_NAME) return [`NAME "${name}" belongs to the key in SECRET_KEY_FILE: take another one`];
  if (!isKeyName(name)) {
    return [`NAME "${name}" ${NAME_RULE}`];
  }
  if (!records.some((record) => record.name === name)) return [];
  return [
    `NAME "${name}" is taken: take another one, or give this key a new secret with deno task keys rotate ${name}`,
  ];
}

function refuse(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\n"));
}
