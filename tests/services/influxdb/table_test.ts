import { assertEquals } from "@std/assert";
import { formatTable, joinRecords, timeOf } from "../../../src/services/influxdb/table.ts";

const TABLE = { columns: ["time", "value"], rows: [[1, 20.5], [2, null], [3, "é"]] };

Deno.test("formatTable() writes columns and rows, and marks a table with fewer rows than there are", () => {
  const format = (limits: Partial<{ maxRows: number; maxBytes: number }>) =>
    JSON.parse(formatTable(TABLE, { maxRows: 10, maxBytes: 1000, ...limits }));
  assertEquals(format({}), TABLE);
  assertEquals(format({ maxRows: 3 }), TABLE);
  assertEquals(format({ maxRows: 2 }), { columns: TABLE.columns, rows: TABLE.rows.slice(0, 2), truncated: true });
  assertEquals(format({ maxBytes: 10 }), { columns: TABLE.columns, rows: TABLE.rows.slice(0, 1), truncated: true });
  const partial = formatTable({ ...TABLE, isPartial: true }, { maxRows: 10, maxBytes: 1000 });
  assertEquals(JSON.parse(partial), { ...TABLE, truncated: true });
});

Deno.test("joinRecords() has null in the columns of other records", () => {
  const { columns, rows } = joinRecords([
    { columns: ["time", "a"], rows: [[1, 2]] },
    { columns: ["b", "time"], rows: [[3, 4], [5, 6]] },
  ]);
  assertEquals({ columns, rows: [...rows] }, {
    columns: ["time", "a", "b"],
    rows: [[1, 2, null], [4, null, 3], [6, null, 5]],
  });
});

Deno.test("timeOf() reads RFC 3339, in UTC where there is no zone", () => {
  assertEquals(timeOf("2023-01-01T00:00:00"), Date.UTC(2023, 0, 1));
  assertEquals(timeOf("2023-01-01T00:00:00.123456789Z"), Date.UTC(2023, 0, 1, 0, 0, 0, 123));
  assertEquals(timeOf("2023-01-01T01:00:00+01:00"), Date.UTC(2023, 0, 1));
  for (const text of ["2023-01-01", "2023-13-01T00:00:00Z", "yesterday", ""]) assertEquals(timeOf(text), undefined);
});
