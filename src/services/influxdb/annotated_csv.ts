/**
 * Annotated CSV: the form of the results of InfluxDB 2.
 *
 * @module
 */
import { InfluxError } from "./influx_error.ts";
import { joinRecords, type Records, requireFewRecords, type Table, timeOf } from "./table.ts";

/** Columns that number results and tables. */
const NUMBERING: readonly string[] = ["", "result", "table"];

/** A column of a table. */
interface Column {
  readonly name: string;
  /** Its place in each line. */
  readonly index: number;
  readonly type: string;
  /** Value of an empty cell. */
  readonly whenEmpty: unknown;
}

/**
 * Parses a result. Its tables are joined, without the columns that number them; `_time` becomes `time`.
 *
 * @throws {InfluxError} if it has an error: one in the middle of a result, which begins with status 200
 * @throws {SyntaxError} if it is not annotated CSV
 * @throws {ServiceError} if it has too many tables
 */
export function parseAnnotatedCsv(text: string): Table {
  const tables: Records[] = [];
  let datatype: readonly string[] = [];
  let defaults: readonly string[] = [];
  let table:
    | { readonly header: readonly string[]; readonly columns: readonly Column[]; readonly rows: unknown[][] }
    | undefined;
  const end = () => {
    if (table !== undefined) tables.push({ columns: table.columns.map(({ name }) => name), rows: table.rows });
    table = undefined;
  };
  for (const cells of parseCsv(text)) {
    const [first = ""] = cells;
    if (cells.length === 1 && first === "") {
      end();
      datatype = defaults = [];
    } else if (first.startsWith("#")) {
      // Annotations begin another table, also without an empty line before them.
      end();
      if (first === "#datatype") datatype = cells;
      if (first === "#default") defaults = cells;
    } else if (table === undefined) {
      requireFewRecords(tables.length + 1);
      table = { header: cells, columns: columnsOf(cells, { datatype, defaults }), rows: [] };
    } else {
      requireNoError(table.header, cells);
      if (cells.length !== table.header.length) throw new SyntaxError("A row has more or fewer cells than its table");
      table.rows.push(table.columns.map((column) => valueOf(cells[column.index] ?? "", column)));
    }
  }
  end();
  return joinRecords(tables);
}

function requireNoError(header: readonly string[], cells: readonly string[]): void {
  const names = header.filter((name) => name !== "");
  if (names.length === 2 && names[0] === "error" && names[1] === "reference") {
    throw new InfluxError(cells[header.indexOf("error")] ?? "");
  }
}

function columnsOf(
  header: readonly string[],
  { datatype, defaults }: { readonly datatype: readonly string[]; readonly defaults: readonly string[] },
): readonly Column[] {
  const isTaken = header.includes("time");
  return header.flatMap((name, index) => {
    if (NUMBERING.includes(name)) return [];
    const type = datatype[index] ?? "string";
    // Once for all rows: it may be long.
    const whenEmpty = parseValue(defaults[index] ?? "", type);
    return [{ name: name === "_time" && !isTaken ? "time" : name, index, type, whenEmpty }];
  });
}

function valueOf(cell: string, { type, whenEmpty }: Column): unknown {
  return cell === "" ? whenEmpty : parseValue(cell, type);
}

function parseValue(text: string, type: string): unknown {
  if (type === "string") return text;
  if (text === "") return null;
  if (type.startsWith("dateTime")) return timeOf(text) ?? text;
  switch (type) {
    case "double":
    case "long":
    case "unsignedLong": {
      const number = Number(text);
      // JSON has no NaN and no infinity.
      return Number.isFinite(number) ? number : null;
    }
    case "boolean":
      return text === "true";
    default:
      return text;
  }
}

/** Parses CSV (RFC 4180): yields the cells of each line. An empty line has one empty cell. */
export function* parseCsv(text: string): Generator<string[]> {
  let cells: string[] = [];
  const cell = /"([^"]*(?:""[^"]*)*)"(?=,|\r?\n|$)|([^",\r\n]*)/y;
  for (let at = 0; at < text.length;) {
    cell.lastIndex = at;
    const match = cell.exec(text);
    if (match === null) throw new SyntaxError("Not CSV");
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    at = cell.lastIndex;
    const isLast = at >= text.length;
    const separator = text[at];
    if (separator === ",") {
      at += 1;
      // A comma at the very end has an empty cell behind it.
      if (at === text.length) cells.push("");
    } else if (separator === "\n" || text.startsWith("\r\n", at)) {
      at += separator === "\n" ? 1 : 2;
    } else if (!isLast) throw new SyntaxError("Not CSV");
    if (separator === "," && at < text.length) continue;
    yield cells;
    cells = [];
  }
}
