import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseAnnotatedCsv, parseCsv } from "../../../src/services/influxdb/annotated_csv.ts";
import { InfluxError } from "../../../src/services/influxdb/influx_error.ts";

function parse(text: string) {
  const { columns, rows } = parseAnnotatedCsv(text);
  return { columns, rows: [...rows] };
}

/** The documented example, with line ends as InfluxDB sends them. */
const EXAMPLE =
  `#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string,string
#default,mean,,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,host,region
,,0,2022-12-31T05:41:24Z,2023-01-31T05:41:24.001Z,2023-01-01T00:52:00Z,15.43,mem,m,A,east
,,1,2022-12-31T05:41:24Z,2023-01-31T05:41:24.001Z,2023-01-01T00:52:00Z,59.25,mem,m,B,east

`.replaceAll("\n", "\r\n");

Deno.test("parseAnnotatedCsv() makes times numbers, and leaves out the numbering of tables", () => {
  const [start, stop, time] = [
    Date.UTC(2022, 11, 31, 5, 41, 24),
    Date.UTC(2023, 0, 31, 5, 41, 24, 1),
    Date.UTC(2023, 0, 1, 0, 52),
  ];
  assertEquals(parse(EXAMPLE), {
    columns: ["_start", "_stop", "time", "_value", "_field", "_measurement", "host", "region"],
    rows: [
      [start, stop, time, 15.43, "mem", "m", "A", "east"],
      [start, stop, time, 59.25, "mem", "m", "B", "east"],
    ],
  });
});

Deno.test("parseAnnotatedCsv() joins tables with different columns, and reads each type", () => {
  const text = `#datatype,string,long,dateTime:RFC3339,boolean,long
#default,_result,,,,
,result,table,_time,on,count
,,0,2023-01-01T00:00:00.5Z,true,42

#datatype,string,long,string,double,unsignedLong,dateTime:RFC3339
#default,_result,,none,,,
,result,table,note,value,big,_time
,,1,"a ""quoted"", text
with a line",NaN,7,
,,1,,+Inf,,2023-01-01T00:00:00.123456789Z
`;
  const time = Date.UTC(2023, 0, 1);
  assertEquals(parse(text), {
    columns: ["time", "on", "count", "note", "value", "big"],
    rows: [
      [time + 500, true, 42, null, null, null],
      [null, null, null, 'a "quoted", text\nwith a line', null, 7],
      [time + 123, null, null, "none", null, null],
    ],
  });
});

Deno.test("parseAnnotatedCsv() finds an error in the middle of a result", () => {
  const error = `${EXAMPLE}#datatype,string,string\r\n#default,,\r\n,error,reference\r\n,Failed to query,897\r\n`;
  assertThrows(() => parse(error), InfluxError, "Failed to query");
  assertThrows(() => parse("error,reference\r\nengine: panic,\r\n"), InfluxError, "engine: panic");
});

Deno.test("parseAnnotatedCsv() has no rows for an empty result, and refuses what is not annotated CSV", () => {
  assertEquals(parse("\r\n"), { columns: [], rows: [] });
  assertEquals(parse(""), { columns: [], rows: [] });
  for (const text of ["a,b\n1\n", 'a\n"x', 'a\n"x"y\n', 'a"b\n']) assertThrows(() => parse(text), SyntaxError);
});

Deno.test("parseCsv() reads what any writer of CSV writes", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", " ", "é") });
  const write = (text: string) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 })),
      fc.constantFrom("\n", "\r\n"),
      (lines, end) => {
        const text = lines.map((cells) => cells.map(write).join(",") + end).join("");
        assertEquals([...parseCsv(text)], lines);
      },
    ),
  );
});

Deno.test("parseCsv() ends for any text", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      for (const _ of parseCsv(text));
    } catch (error) {
      assertEquals(error instanceof SyntaxError, true);
    }
  }));
});
