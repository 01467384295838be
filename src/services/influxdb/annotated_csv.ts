/**
 * Annotated CSV: the form of the results of InfluxDB 2.
 *
 * @module
 */
import { InfluxError } from "./influx_error.ts";
import { joinRecords, type Records, type Table, timeOf } from "./table.ts";

/** Columns that number results and tables. */
const NUMBERING: readonly string[] = ["", "result", "table"];

/** Values of a column, from the annotations before a table. */
interface Annotations {
  datatype: readonly string[];
  defaults: readonly string[];
}

/**
 * Parses a result. Its tables are joined, without the columns that number them; `_time` becomes `time`.
 *
 * @throws {InfluxError} if it has an error: one in the middle of a result, which begins with status 200
 * @throws {SyntaxError} if it is not annotated CSV
 */
export function parseAnnotatedCsv(text: string): Table {
  const tables: Records[] = [];
  const annotations: Annotations = { datatype: [], defaults: [] };
  let header: readonly string[] | undefined;
  let rows: unknown[][] = [];
  const end = () => {
    if (header !== undefined) tables.push(toRecords(header, rows));
    header = undefined;
    rows = [];
  };
  for (const cells of parseCsv(text)) {
    const [first = ""] = cells;
    if (cells.length === 1 && first === "") {
      end();
      annotations.datatype = annotations.defaults = [];
    } else if (first.startsWith("#")) {
      // Annotations begin another table, also without an empty line before them.
      end();
      if (first === "#datatype") annotations.datatype = cells;
      if (first === "#default") annotations.defaults = cells;
    } else if (header === undefined) {
      header = cells;
    } else {
      requireNoError(header, cells);
      if (cells.length !== header.length) throw new SyntaxError("A row has more or fewer cells than its table");
      rows.push(cells.map((cell, index) => valueOf(cell, index, annotations)));
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

function toRecords(header: readonly string[], rows: readonly (readonly unknown[])[]): Records {
  const kept = header.flatMap((name, index) => NUMBERING.includes(name) ? [] : [index]);
  const isTaken = header.includes("time");
  return {
    columns: kept.map((index) => header[index] ?? "").map((name) => name === "_time" && !isTaken ? "time" : name),
    rows: rows.map((row) => kept.map((index) => row[index])),
  };
}

function valueOf(cell: string, index: number, { datatype, defaults }: Annotations): unknown {
  const text = cell === "" ? defaults[index] ?? "" : cell;
  const type = datatype[index] ?? "string";
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
