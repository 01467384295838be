import { assertEquals } from "@std/assert";
import { z } from "zod";
import { createReadSection, readSection } from "../../src/services/section.ts";
import { sectionOf } from "../../src/services/section_schema.ts";

const target = z.strictObject({
  url: z.string().transform((text) => new URL(text)),
  methods: z.array(z.enum(["GET", "POST"])).default(["GET"]),
  tls: z.strictObject({ caFile: z.string() }).optional(),
  run: z.union([z.strictObject({ publish: z.string() }), z.strictObject({ call: z.string().nullable() })]).optional(),
}).refine(({ methods }) => methods.length > 0, "must allow a method");

const section = sectionOf("http", z.record(z.string(), target).transform((targets) => Object.entries(targets)), []);

Deno.test("sectionOf() parses by the schema, and knows the fields of every level", () => {
  assertEquals(section.fields, ["url", "methods", "tls", "caFile", "run", "publish", "call"]);
  const [[name, { url }] = ["", { url: undefined }]] = readSection(section, { http: { a: { url: "http://b" } } });
  assertEquals([name, url?.href], ["a", "http://b/"]);
  assertEquals(section.safeParse({ a: { ulr: 1 } }).success, false);
});

Deno.test("sectionOf() has a rule for each fault, also where the schema has no text for it", () => {
  const rules = (value: unknown) =>
    sectionOf("http", z.record(z.string().regex(/^[a-z]+$/, "must be a small name"), target), {})
      .safeParse(value).error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
  assertEquals(rules(5), [" must be a mapping"]);
  assertEquals(rules({ a: null, B: { url: "http://b" } }), ["a must be a mapping", "B must be a small name"]);
  assertEquals(rules({ a: { methods: ["PUT"] }, b: { url: [], methods: "GET" } }), [
    "a.url is missing: it must be a text",
    "a.methods.0 must be one of: GET, POST",
    "b.url must be a text",
    "b.methods must be a list",
  ]);
  const limits = z.strictObject({
    list: z.array(z.string()).min(1),
    text: z.string().max(2),
    count: z.int().min(1).max(5),
  });
  const faults = (value: unknown) =>
    sectionOf("limits", limits, { list: [], text: "", count: 1 }).safeParse(value).error?.issues.map((issue) =>
      issue.message
    );
  assertEquals(faults({ list: [], text: "abc", count: 0 }), [
    "must not be empty",
    "must have at most 2 characters",
    "must be at least 1",
  ]);
  assertEquals(faults({ list: ["a"], text: "", count: 6 }), ["must be at most 5"]);
  assertEquals(faults({ list: ["a"], text: "", count: 1.5 }), ["must be a whole number"]);
});

Deno.test("createReadSection() parses once for each change, and has the empty content without a section", () => {
  const live = { current: { http: { a: { url: "http://b" } } } as Record<string, unknown> };
  const read = createReadSection(section, live);
  const first = read();
  assertEquals(read() === first, true);
  live.current = {};
  assertEquals(read(), []);
});
