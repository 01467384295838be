/** Builds the page into src/console/dist/, from which the gateway serves it. */
import type { CommandLine } from "../../src/cli/args.ts";
import { readToolArgs, refuseMore } from "../support/tool_args.ts";
import { buildConsole, SOURCES } from "./build_console.ts";
import { closeBundler } from "./bundle.ts";
import { makeRelease } from "./release.ts";

const LINE = {
  synopsis: "deno task console:build",
  summary: "Build the page into src/console/dist",
  options: {},
  notes: "The result is part of the repository: commit it together with the sources.",
} as const satisfies CommandLine;

readToolArgs(LINE, ({ positionals }) => refuseMore(positionals));

const target = `${SOURCES}/dist`;
const files = await buildConsole();
await closeBundler();
const release = await makeRelease(files);
await Deno.remove(target, { recursive: true }).catch(() => {});
for (const [path, content] of release) {
  await Deno.mkdir(`${target}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeFile(`${target}/${path}`, content);
}
const size = [...files].reduce((sum, [path, content]) => sum + (release.get(`${path}.gz`) ?? content).length, 0);
// deno-lint-ignore no-console
console.log(`${files.size} files in ${target}, ${(size / 1024).toFixed(1)} KB gzip`);
