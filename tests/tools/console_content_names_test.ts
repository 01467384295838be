import { assert, assertEquals, assertMatch } from "@std/assert";
import { nameByContent } from "../../tools/console/content_names.ts";

const startOf = (name: string) => name.slice(0, name.lastIndexOf("-"));

/** Files of a page, with the hash that esbuild has given to each. */
const filesWith = (main: string, live: string, chunk: string, text = "x") =>
  new Map([
    [`main-${main}.js`, `import"./chunk-${chunk}.js";import("./live-${live}.js")`],
    [`live-${live}.js`, `import"./chunk-${chunk}.js";import("./main-${main}.js");${text}`],
    [`chunk-${chunk}.js`, "export{}"],
  ]);

async function namesOf(files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  return [...(await nameByContent(files, startOf)).texts.keys()];
}

Deno.test("names and texts do not depend on the names that the bundler gave", async () => {
  const one = await nameByContent(filesWith("AAAAAAAA", "BBBBBBBB", "CCCCCCCC"), startOf);
  const other = await nameByContent(filesWith("DDDDDDDD", "EEEEEEEE", "FFFFFFFF"), startOf);
  assertEquals([...one.texts], [...other.texts]);
  for (const name of one.texts.keys()) assertMatch(name, /^(main|live|chunk)-[0-9a-f]{16}\.js$/);
});

Deno.test("every name in a text is the new one", async () => {
  const { names, texts } = await nameByContent(filesWith("AAAAAAAA", "BBBBBBBB", "CCCCCCCC"), startOf);
  const text = texts.get(names.get("main-AAAAAAAA.js") ?? "");
  assertEquals(text, `import"./${names.get("chunk-CCCCCCCC.js")}";import("./${names.get("live-BBBBBBBB.js")}")`);
});

Deno.test("a change gives a new name to the file and to those that name it, also in a circle, and to no other", async () => {
  const [main, live, chunk] = await namesOf(filesWith("A", "B", "C"));
  const [newMain, newLive, newChunk] = await namesOf(filesWith("A", "B", "C", "y"));
  assert(main !== newMain && live !== newLive);
  assertEquals(chunk, newChunk);
});
