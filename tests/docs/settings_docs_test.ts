/** Documents that are made from the settings table are up to date. */
import { assert, assertEquals } from "@std/assert";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { outdated } from "../../tools/docs/generate.ts";
import { configurationPage, readmeTable, withLimitDefaults, withReadmeTable } from "../../tools/docs/settings_docs.ts";

Deno.test("documents that are made from the settings table are up to date: otherwise run deno task docs", async () => {
  assertEquals([...(await outdated()).keys()], []);
});

Deno.test("configurationPage() has a row for every setting", () => {
  const rows = [...configurationPage().matchAll(/^\| `([A-Z_]+)` \| .* \|$/gm)].map(([, name]) => name);
  assertEquals(rows, SETTING_NAMES);
});

Deno.test("readmeTable() has ten settings, each with its default", () => {
  const rows = readmeTable().split("\n").slice(2);
  assertEquals(rows.length, 10);
  assert(rows.some((row) => row.startsWith("| `PORT` | `10000` | ")), rows.join("\n"));
});

Deno.test("withReadmeTable() replaces what is between the markers, and nothing else", () => {
  const text = withReadmeTable("a\n<!-- settings:begin -->\nold\n<!-- settings:end -->\nb\n");
  assertEquals(text, `a\n<!-- settings:begin -->\n${readmeTable()}\n<!-- settings:end -->\nb\n`);
  assertEquals(withReadmeTable(text), text);
  assertEquals(withReadmeTable("no markers"), "no markers");
});

Deno.test("withLimitDefaults() replaces the defaults of settings, in readable units", () => {
  const rows = (bytes: string, ms: string, count: string) =>
    [
      `| Size | ${bytes} | \`MAX_BODY_BYTES\` | x | y |`,
      `| Time | ${ms} | \`BODY_TIMEOUT_MS\` | x | y |`,
      `| Streams | ${count} | \`MAX_STREAMS\` | x | y |`,
      "| Other | 7 | fixed: `A` in `b.ts` | x | y |",
    ].join("\n");
  assertEquals(withLimitDefaults(rows("2 B", "1 ms", "0")), rows("1 MiB", "10 s", "1,000"));
});
