/**
 * The subcommand `keys list`: shows the keys without their secrets.
 *
 * @module
 */
import { deriveKeyId } from "../../protocol/secret_key.ts";
import { KeyFileError } from "../../keys/default_key_file.ts";
import { parsePendingKey } from "../../keys/pairing_code.ts";
import type { PendingPairing } from "../../store/state/pairing_store.ts";
import { DEFAULT_KEY_NAME } from "../../keys/schema.ts";
import { type CommandLine, readOptions } from "../args.ts";
import { formatDay, formatDuration } from "../../keys/duration.ts";
import { describeState } from "../../keys/status.ts";
import { summarizeRights } from "../../services/key_text.ts";
import type { KeysSession } from "./session.ts";
import type { ServiceModule } from "../../services/service.ts";

/** Command line of `keys list`. */
export const LIST_LINE = {
  synopsis: "deno task keys list",
  summary: "Show all keys and waiting pairings, without secrets",
  options: {},
} as const satisfies CommandLine;

/** Prints a table of all keys. */
export async function listKeys(session: KeysSession): Promise<void> {
  readOptions(session.args, LIST_LINE);
  const { now, place, print, services } = session;
  const records = await session.read();
  const pending = await readPairings(session);
  const waits = new Map(pending.map(({ name, expires }) => [name, waitsFor(expires - now)]));
  const rows = await Promise.all(records.map(async (record): Promise<KeyRow> => ({
    name: record.name,
    kid: await deriveKeyId(record.secret),
    created: formatDay(record.created),
    state: [...describeState(record, now), ...waits.get(record.name) ?? []],
    label: record.label,
    rights: summarizeRights(record.rights, services),
  })));
  for (const { name, record, expires } of pending) {
    if (record === undefined || records.some((key) => key.name === name)) continue;
    rows.push({ name, kid: "", created: "", state: waitsFor(expires - now), rights: summarize(record, services) });
  }
  const own = await session.readDefault();
  if (own !== undefined) {
    const kid = await deriveKeyId(own);
    rows.push({ name: DEFAULT_KEY_NAME, kid, created: "", state: ["active"], rights: "every right" });
  }
  if (rows.length > 0) print(formatKeyTable(rows));
  if (records.length === 0) {
    print(`There is no key in ${place}. Give each device its own: deno task keys pair NAME`);
  }
}

/** Summarizes the rights of a key whose device has not paired yet. */
function summarize(record: string, services: readonly ServiceModule[]): string {
  try {
    return summarizeRights(parsePendingKey(record, services).rights, services);
  } catch {
    return "rights of another version of the gateway: its device cannot pair";
  }
}

function waitsFor(ms: number): string[] {
  return [`waits for its device: ${formatDuration(ms)}`];
}

/** Reads the codes that wait for their devices. A file that cannot be used is a warning: the keys are elsewhere. */
async function readPairings({ usePairings, now, warn }: KeysSession): Promise<readonly PendingPairing[]> {
  try {
    return await usePairings((pairings) => pairings.listPairings(now));
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    warn(error.message);
    return [];
  }
}

/** Row of the table. */
export interface KeyRow {
  /** Its name. */
  readonly name: string;
  /** Its public id. */
  readonly kid: string;
  /** Day of its creation; empty if unknown. */
  readonly created: string;
  /** Remarks on its state, at least one. */
  readonly state: readonly string[];
  /** Text by which its device describes itself. */
  readonly label?: string | undefined;
  /** Its rights. */
  readonly rights: string;
}

const HEADER = { name: "NAME", kid: "KID", created: "CREATED", state: ["STATE"] } as const;

/** Length of a day, in characters. */
const CREATED_WIDTH = 10;
const KID_WIDTH = 16;
const GAP = "  ";

/**
 * Formats the keys, sorted by name. The label and the rights of a key have lines of their own, as they do not fit beside
 * the rest into the 80 columns of a terminal.
 */
export function formatKeyTable(keys: readonly KeyRow[]): string {
  const sorted = keys.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const width = Math.max(HEADER.name.length, ...sorted.map(({ name }) => name.length));
  const line = ({ name, kid, created, state: [state = "", ...further] }: Omit<KeyRow, "label" | "rights">) => {
    const cells = [name.padEnd(width), kid.padEnd(KID_WIDTH), created.padEnd(CREATED_WIDTH)].join(GAP) + GAP;
    return [cells + state, ...further.map((remark) => " ".repeat(cells.length) + remark)];
  };
  // Quoted, as the text of a device could look like a state or a right.
  const label = ({ label }: KeyRow) => label === undefined ? [] : [`${GAP}label ${JSON.stringify(label)}`];
  const rows = sorted.flatMap((row) => [...line(row), ...label(row), `${GAP}${row.rights}`]);
  return [...line(HEADER), ...rows].join("\n");
}
