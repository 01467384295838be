/**
 * The table that `keys list` prints.
 *
 * @module
 */

/** What the table shows of a key. */
export interface KeyRow {
  /** Its name. */
  readonly name: string;
  /** Its public id. */
  readonly kid: string;
  /** The day it was made; empty when nobody knows. */
  readonly created: string;
  /** Remarks on its state, of which there is at least one. */
  readonly state: readonly string[];
  /** What it may do. */
  readonly rights: string;
}

const HEADER = { name: "NAME", kid: "KID", created: "CREATED", state: ["STATE"] } as const;

/** The day of a creation has as many characters. */
const CREATED_WIDTH = 10;
const KID_WIDTH = 16;
const GAP = "  ";

/**
 * Lays the keys out, sorted by name. What a key may do has a line of its own: beside the rest it would not fit into the
 * 80 columns of a terminal.
 */
export function formatKeyTable(rows: readonly KeyRow[]): string {
  const sorted = rows.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const width = Math.max(HEADER.name.length, ...sorted.map(({ name }) => name.length));
  const line = ({ name, kid, created, state: [state = "", ...further] }: Omit<KeyRow, "rights">) => {
    const cells = [name.padEnd(width), kid.padEnd(KID_WIDTH), created.padEnd(CREATED_WIDTH)].join(GAP) + GAP;
    return [cells + state, ...further.map((remark) => " ".repeat(cells.length) + remark)];
  };
  return [...line(HEADER), ...sorted.flatMap((row) => [...line(row), `${GAP}${row.rights}`])].join("\n");
}
