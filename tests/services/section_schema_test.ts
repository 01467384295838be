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

Deno.test("createReadSection() parses once for each change, and has the empty content without a section", () => {
  const live = { current: { http: { a: { url: "http://b" } } } as Record<string, unknown> };
  const read = createReadSection(section, live);
  const first = read();
  assertEquals(read() === first, true);
  live.current = {};
  assertEquals(read(), []);
});
