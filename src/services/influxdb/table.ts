/**
 * Tables: the form of every query's result.
 *
 * @module
 */
import { ServiceError } from "../service.ts";

/** Result of a query. */
export interface Table {
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** Rows, each with a value for each column. */
  readonly rows: Iterable<readonly unknown[]>;
  /** True if InfluxDB itself left rows out. */
  readonly isPartial?: boolean;
}

/** Limits of a table. */
export interface TableLimits {
  /** Most rows. */
  readonly maxRows: number;
  /** Largest text of all rows, in bytes of ASCII text. */
  readonly maxBytes: number;
}

/** Formats a table as JSON: `{ columns, rows }`, with `truncated` if rows are left out. */
export function formatTable({ columns, rows, isPartial = false }: Table, { maxRows, maxBytes }: TableLimits): string {
  const texts: string[] = [];
  let length = 0;
  let isTruncated = isPartial;
  for (const row of rows) {
    const text = JSON.stringify(row);
    length += text.length + 1;
    if (texts.length >= maxRows || length > maxBytes) {
      isTruncated = true;
      break;
    }
    texts.push(text);
  }
  const end = isTruncated ? ',"truncated":true' : "";
  return `{"columns":${JSON.stringify(columns)},"rows":[${texts.join(",")}]${end}}`;
}

/** Records with the values of some columns each. */
export interface Records {
  /** Columns, each value of which is at the index of its column. */
  readonly columns: readonly string[];
  /** Rows of values. */
  readonly rows: Iterable<readonly unknown[]>;
}

/** Most records of a result: one takes far longer than a row, and may have none. */
const MAX_RECORDS = 10_000;

/**
 * Requires that a result has few records, before they are converted.
 *
 * @throws {ServiceError} if they are too many
 */
export function requireFewRecords(count: number): void {
  if (count <= MAX_RECORDS) return;
  const message = `InfluxDB's answer has more than ${MAX_RECORDS} series: let the query group by fewer tags`;
  throw new ServiceError(502, message, { code: "service_answer" });
}

/** Joins records below each other. A record has `null` in the columns of others. */
export function joinRecords(all: readonly Records[]): Pick<Table, "columns" | "rows"> {
  const places = new Map<string, number>();
  for (const name of all.flatMap(({ columns }) => columns)) if (!places.has(name)) places.set(name, places.size);
  return { columns: [...places.keys()], rows: rowsOf(all, places) };
}

function* rowsOf(all: readonly Records[], places: ReadonlyMap<string, number>): Generator<readonly unknown[]> {
  for (const { columns, rows } of all) {
    const at = columns.map((name) => places.get(name) ?? 0);
    for (const row of rows) {
      const whole: unknown[] = new Array(places.size).fill(null);
      for (const [index, place] of at.entries()) whole[place] = row[index] ?? null;
      yield whole;
    }
  }
}

/** Returns the milliseconds since 1970 of a time in RFC 3339; the zone is UTC where the text has none. */
export function timeOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?$/.test(text)) return undefined;
  const ms = Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}
