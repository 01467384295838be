/** Builds the page into src/console/dist/, from which the gateway serves it. */
import type { CommandLine } from "../../src/cli/args.ts";
import { readToolArgs, refuseMore } from "../support/tool_args.ts";
import { buildConsole, SOURCES } from "./build_console.ts";
import { closeBundler } from "./bundle.ts";
import { compressedForms } from "./compress.ts";

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
await Deno.remove(target, { recursive: true }).catch(() => {});
let size = 0;
for (const [path, content] of files) {
  const forms = new Map([[path, content as Uint8Array], ...compressedForms(path, content)]);
  size += forms.get(`${path}.gz`)?.length ?? content.length;
  for (const [name, form] of forms) {
    await Deno.mkdir(`${target}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeFile(`${target}/${name}`, form);
  }
}
// deno-lint-ignore no-console
console.log(`${files.size} files in ${target}, ${(size / 1024).toFixed(1)} KB gzip`);
