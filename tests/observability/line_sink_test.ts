import { assertEquals } from "@std/assert";
import type { LogRecord } from "@logtape/logtape";
import { createLineSink } from "../../src/observability/line_sink.ts";
import { until } from "../support/deadline.ts";

function record(text: string): LogRecord {
  return { category: ["t"], level: "info", message: [text], rawMessage: text, timestamp: 0, properties: {} };
}

Deno.test("a line sink writes the lines of one turn in one go, in order, and later ones later", async () => {
  const written: string[] = [];
  const sink = createLineSink(({ rawMessage }: LogRecord) => `${rawMessage}\n`, (lines) => void written.push(lines));
  sink(record("one"));
  sink(record("two"));
  assertEquals(written, []);
  await until("writing", () => written.length === 1);
  sink(record("three"));
  await until("writing", () => written.length === 2);
  assertEquals(written, ["one\ntwo", "three"]);
});

Deno.test("a line sink writes what is left when it is disposed of", () => {
  const written: string[] = [];
  {
    using sink = createLineSink(({ rawMessage }: LogRecord) => `${rawMessage}\n`, (lines) => void written.push(lines));
    sink(record("last"));
  }
  assertEquals(written, ["last"]);
});
