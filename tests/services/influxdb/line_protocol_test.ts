import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatLine, type Point } from "../../../src/services/influxdb/line_protocol.ts";
import type { FieldValue } from "../../../src/services/influxdb/write_schema.ts";

/** Parses a line as its specification says, without the code under test. */
function parseLine(line: string): Point {
  const [head = ""] = split(line, " ");
  // Quotation marks mean something in fields alone.
  const [fields = "", time = ""] = split(line.slice(head.length + 1), " ", { hasStrings: true });
  const [measurement = "", ...tags] = split(head, ",");
  return {
    measurement: unescape(measurement),
    tags: tags.map((tag) => pairOf(tag, unescape)),
    fields: split(fields, ",", { hasStrings: true }).map((field) => pairOf(field, parseField)),
    ms: Number(time),
  };
}

/** Splits at a separator that is neither escaped nor within a string. */
function split(text: string, separator: string, { hasStrings = false } = {}): string[] {
  const parts = [""];
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    const last = parts.length - 1;
    if (char === "\\") {
      parts[last] += char + text[++at];
    } else if (char === separator && !isQuoted) {
      parts.push("");
    } else {
      if (char === '"' && hasStrings) isQuoted = !isQuoted;
      parts[last] += char;
    }
  }
  return parts;
}

/** Splits at the first equals sign that is not escaped. */
function pairOf<T>(text: string, parse: (value: string) => T): readonly [string, T] {
  const [name = ""] = split(text, "=");
  return [unescape(name), parse(text.slice(name.length + 1))];
}

const unescape = (text: string) => text.replace(/\\([,= ])/g, "$1");

function parseField(text: string): FieldValue {
  if (text.startsWith('"')) return { kind: "string", text: text.slice(1, -1).replace(/\\([\\"])/g, "$1") };
  if (text.endsWith("i")) return { kind: "integer", number: Number(text.slice(0, -1)) };
  return text === "true" || text === "false"
    ? { kind: "boolean", flag: text === "true" }
    : { kind: "float", number: Number(text) };
}

Deno.test("formatLine() writes tags, typed fields and the time", () => {
  assertEquals(
    formatLine({
      measurement: "my temp",
      tags: [["room", "living room, left=1"]],
      fields: [
        ["value", { kind: "float", number: 21.5 }],
        ["count", { kind: "integer", number: 3 }],
        ["on", { kind: "boolean", flag: true }],
        ["note", { kind: "string", text: 'a "b" \\ c, d=e' }],
      ],
      ms: 1_700_000_000_000,
    }),
    'my\\ temp,room=living\\ room\\,\\ left\\=1 value=21.5,count=3i,on=true,note="a \\"b\\" \\\\ c, d=e" 1700000000000',
  );
});

Deno.test("a line is parsed back as its point, whatever its texts are", () => {
  const unit = fc.constantFrom("a", "b", ",", "=", " ", '"', "'", "é", "😀", "#", "/");
  const name = fc.string({ unit: fc.constantFrom("a", "b", "_", " ", "1"), minLength: 1 }).map((text) =>
    `n${text}`.trimEnd()
  );
  const tag = fc.string({ unit, minLength: 1 });
  const field: fc.Arbitrary<FieldValue> = fc.oneof(
    fc.string({ unit: fc.oneof(unit, fc.constant("\\")) }).map((text) => ({ kind: "string" as const, text })),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => ({
      kind: "float" as const,
      number: number + 0,
    })),
    fc.maxSafeInteger().map((number) => ({ kind: "integer" as const, number })),
    fc.boolean().map((flag) => ({ kind: "boolean" as const, flag })),
  );
  const point = fc.record({
    measurement: name,
    tags: fc.array(fc.tuple(name, tag), { maxLength: 3 }),
    fields: fc.array(fc.tuple(name, field), { minLength: 1, maxLength: 3 }),
    ms: fc.nat(),
  });
  fc.assert(fc.property(point, (given) => {
    const line = formatLine(given);
    assertEquals(line.includes("\n"), false);
    assertEquals(parseLine(line), given);
  }));
});
