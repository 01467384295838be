/** Builds the npm package of the client, ready for `npm pack` or `npm publish`. */
import { readToolArgs, refuseMore } from "../tools/support/tool_args.ts";
import project from "../deno.json" with { type: "json" };
import { type CommandLine, UsageError } from "../src/cli/args.ts";
import { compileModule } from "./compile_module.ts";
import { makeManifest } from "./manifest.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const SOURCES = `${ROOT}src`;
const ENTRY = "client/gateway_client";

const LINE = {
  synopsis: "deno task build:npm [DIRECTORY]",
  summary: "Make the npm package of the TypeScript client",
  options: {},
  notes: "DIRECTORY is where to put it (default: dist/npm). Then: npm pack ./dist/npm",
} as const satisfies CommandLine;

const target = readToolArgs(LINE, ({ positionals: [directory = `${ROOT}dist/npm`, ...more] }) => {
  refuseMore(more);
  if (directory === "") throw new UsageError("DIRECTORY is empty");
  return directory;
});

const compiled = compileModule(`${SOURCES}/${ENTRY}.ts`, { sources: SOURCES, checks: project.compilerOptions });
const manifest = makeManifest({ project, entry: ENTRY, files: [...compiled.keys()] });
const files = new Map([
  ...compiled,
  ["package.json", `${JSON.stringify(manifest, null, 2)}\n`],
  ["README.md", await Deno.readTextFile(`${ROOT}npm/README.md`)],
  ["LICENSE", await Deno.readTextFile(`${ROOT}LICENSE`)],
]);

for (const [name, text] of files) {
  const path = `${target}/${name}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}
// deno-lint-ignore no-console
console.log(`${manifest.name} ${manifest.version}: ${files.size} files in ${target}`);
