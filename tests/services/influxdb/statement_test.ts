import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import {
  decimal,
  fluxNumber,
  fluxString,
  influxqlIdentifier,
  sqlIdentifier,
} from "../../../src/services/influxdb/literals.ts";
import type { ParamValues } from "../../../src/services/influxdb/params.ts";
import { fluxScript, influxqlStatement, sqlStatement } from "../../../src/services/influxdb/statement.ts";
import { parseTemplate } from "../../../src/services/influxdb/template.ts";

const VALUES: ParamValues = new Map([
  ["text", { kind: "text", text: 'it\'s "${x}" $n' }],
  ["number", { kind: "number", number: -2.5, isInteger: false }],
  ["count", { kind: "number", number: 3, isInteger: true }],
  ["from", { kind: "time", ms: 1_700_000_000_000 }],
  ["every", { kind: "duration", ms: 600_000 }],
  ["field", { kind: "identifier", name: 'a"b\\' }],
]);

const TEXT = "SELECT $field $text $number $count $from $every";

function templateOf(language: "influxql" | "flux" | "sql") {
  const { template } = parseTemplate(TEXT, { language, params: [...VALUES.keys()] });
  if (template === undefined) throw new Error("No template");
  return template;
}

Deno.test("InfluxQL has texts and numbers as bound values, and all else as literals", () => {
  assertEquals(influxqlStatement(templateOf("influxql"), VALUES), {
    text: 'SELECT "a\\"b\\\\" $text $number $count 1700000000000ms 600000ms',
    paramsJson: '{"text":"it\'s \\"${x}\\" $n","number":-2.5,"count":3}',
  });
});

Deno.test("SQL has texts and numbers as bound values, and all else as literals", () => {
  assertEquals(
    sqlStatement(templateOf("sql"), VALUES).text,
    "SELECT \"a\"\"b\\\" $text $number $count TIMESTAMP '2023-11-14T22:13:20.000Z' INTERVAL '600 seconds'",
  );
});

Deno.test("Flux has all values as literals of their types", () => {
  assertEquals(
    fluxScript(templateOf("flux"), VALUES),
    'SELECT "a\\"b\\\\" "it\'s \\"\\${x}\\" $n" (-2.5) 3 2023-11-14T22:13:20.000Z 600000ms',
  );
});

/** Reads a string of Flux as its scanner does; undefined if it ends early, has an expression, or a wrong escape. */
function readFluxString(literal: string): string | undefined {
  if (!literal.startsWith('"')) return undefined;
  let text = "";
  for (let at = 1; at < literal.length; at++) {
    const char = literal[at];
    if (char === '"') return at === literal.length - 1 ? text : undefined;
    if (char === "$" && literal[at + 1] === "{") return undefined;
    if (char !== "\\") {
      text += char;
      continue;
    }
    const escape = literal[++at] ?? "";
    const plain = new Map([["n", "\n"], ["r", "\r"], ["t", "\t"], ["\\", "\\"], ['"', '"'], ["$", "$"]]).get(escape);
    if (plain === undefined) return undefined;
    if (escape === "$" && literal[at + 1] === "{") at += 1;
    text += escape === "$" && literal[at] === "{" ? "${" : plain;
  }
  return undefined;
}

/** Reads an identifier of InfluxQL as its scanner does: quotation marks, and escapes of four characters. */
function readInfluxqlIdentifier(literal: string): string | undefined {
  const [, inner] = /^"((?:[^"\\\n]|\\[n\\"'])*)"$/.exec(literal) ?? [];
  return inner?.replace(/\\(.)/g, (_, char) => char === "n" ? "\n" : char);
}

/** Texts that are likely to leave quotes. */
const TEXTS = fc.string({ unit: fc.constantFrom("\\", '"', "'", "$", "{", "}", "\n", "\r", "\t", "a", "é", " ", ")") });

Deno.test("fluxString() writes any text as one string that is the text", () => {
  fc.assert(fc.property(fc.oneof(TEXTS, fc.string()), (text) => assertEquals(readFluxString(fluxString(text)), text)));
});

Deno.test("influxqlIdentifier() and sqlIdentifier() write any text as one identifier that is the text", () => {
  fc.assert(fc.property(fc.oneof(TEXTS, fc.string()), (text) => {
    assertEquals(readInfluxqlIdentifier(influxqlIdentifier(text)), text);
    const quoted = sqlIdentifier(text);
    assertMatch(quoted, /^"(?:[^"]|"")*"$/);
    assertEquals(quoted.slice(1, -1).replaceAll('""', '"'), text);
  }));
});

Deno.test("decimal() and fluxNumber() write numbers without an exponent", () => {
  fc.assert(fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true }), (value) => {
    assertMatch(decimal(value), /^-?\d+(?:\.\d+)?$/);
    const difference = Math.abs(Number(decimal(value)) - value);
    assert(difference <= 1e-20);
    assertMatch(fluxNumber(value, false), value < 0 ? /^\(-\d+\.\d+\)$/ : /^\d+\.\d+$/);
  }));
  assertEquals([decimal(-0), fluxNumber(5, false), fluxNumber(5, true), fluxNumber(-5, true)], [
    "0",
    "5.0",
    "5",
    "(-5)",
  ]);
});
