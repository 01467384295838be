/** Checks that every exported name has a doc comment. */
import type { CommandLine } from "../../src/cli/args.ts";
import { readToolArgs } from "../support/tool_args.ts";

const LINE = {
  synopsis: "deno task doc-lint [FILE...]",
  summary: "Check that every exported name has a doc comment",
  options: {},
  notes: "Without FILE: main.ts and all files below src/.",
} as const satisfies CommandLine;

const ROOT = new URL("../..", import.meta.url).pathname;

/** Folder of the page. Its components return types of packages, which `deno doc` takes for private. */
const PAGE = `${ROOT}src/console/`;

/** The only rule for the page. */
const PAGE_RULE = "error[missing-jsdoc]";

const given = readToolArgs(LINE, ({ positionals }) => positionals);
const files = given.length > 0 ? given : [`${ROOT}main.ts`, ...await sourceFiles(`${ROOT}src`)];
const isOfPage = (file: string) => file.startsWith(PAGE);

const problems = [
  ...await lint(files.filter((file) => !isOfPage(file))),
  ...(await lint(files.filter(isOfPage))).filter((problem) => problem.startsWith(PAGE_RULE)),
];
// deno-lint-ignore no-console
for (const problem of problems) console.error(`${problem}\n`);
if (problems.length > 0) Deno.exit(1);

/** Returns the problems that Deno finds, each with its position. */
async function lint(files: readonly string[]): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--quiet", "--lint", ...files],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  const text = new TextDecoder().decode(stderr).trim();
  // The last one is the number of problems.
  return success ? [] : text.split(/\n(?=error)/).map((problem) => problem.trim());
}

/** Lists the modules below a folder; not those that were built. */
async function sourceFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && name !== "dist") found.push(...await sourceFiles(`${folder}/${name}`));
    else if (/\.tsx?$/.test(name)) found.push(`${folder}/${name}`);
  }
  return found.sort();
}
