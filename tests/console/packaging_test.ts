/** The page's files in everything that a gateway is installed from: each way to install it serves the page. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { relative } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { CONSOLE_FOLDER } from "../../src/config/console_folder.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const FOLDER = relative(ROOT, CONSOLE_FOLDER);

const read = (path: string) => Deno.readTextFile(`${ROOT}${path}`);

Deno.test("deno task compile, and the command in the documents, put the page's files into the binary", async () => {
  for (const text of [project.tasks.compile.command, await read("docs/operations/systemd.md")]) {
    assertStringIncludes(text, `--include ${FOLDER} `);
  }
});

Deno.test("the container's build gets the page's files, and copies them into the image", async () => {
  assertStringIncludes(await read("Dockerfile"), "\nCOPY src ./src\n");
  // The last rule that matches decides.
  const rules = (await read(".dockerignore")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const matching = rules.filter((rule) => {
    const path = rule.replace("!", "");
    return path === "*" || FOLDER === path || FOLDER.startsWith(`${path}/`);
  });
  assertEquals(matching.at(-1), `!${FOLDER}`);
});

Deno.test("the installation for systemd keeps the page's files", async () => {
  const script = await read("systemd/install.sh");
  const [, removed = ""] = /find "[^"]*\/src\/console" (.*) -exec rm/.exec(script) ?? [];
  assertStringIncludes(script, '"$project/src" ');
  assertStringIncludes(removed, "! -name dist");
});
