/**
 * Writes the documents that are made from the settings table. With `--check`, it writes nothing, and fails when one is
 * not up to date.
 *
 * @module
 */
import type { CommandLine } from "../../src/cli/args.ts";
import { readToolArgs, refuseMore } from "../support/tool_args.ts";
import { configurationPage, envExample, withLimitDefaults, withReadmeTable } from "./settings_docs.ts";

/** Each document by its path, with the function that makes its text from the present one. */
export const DOCUMENTS: Readonly<Record<string, (present: string) => string>> = {
  ".env.example": () => envExample(),
  "docs/configuration.md": () => configurationPage(),
  "docs/operations/limits.md": withLimitDefaults,
  "README.md": withReadmeTable,
};

const at = (path: string) => new URL(`../../${path}`, import.meta.url);

/** Returns the texts of the documents that are not up to date, by their paths. */
export async function outdated(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [path, make] of Object.entries(DOCUMENTS)) {
    const present = await Deno.readTextFile(at(path)).catch(() => "");
    const text = make(present);
    if (text !== present) found.set(path, text);
  }
  return found;
}

const LINE = {
  synopsis: "deno task docs",
  summary: "Write what the documents say of settings from the settings table",
  options: {
    check: { type: "boolean", default: false, description: "Only compare; exit code 1 if one is not up to date" },
  },
} as const satisfies CommandLine;

async function generate(isCheck: boolean): Promise<number> {
  const found = await outdated();
  for (const [path, text] of found) {
    if (!isCheck) await Deno.writeTextFile(at(path), text);
    // deno-lint-ignore no-console
    console.log(isCheck ? `${path} is not up to date: run deno task docs` : `${path} is written`);
  }
  return isCheck && found.size > 0 ? 1 : 0;
}

if (import.meta.main) {
  const isCheck = readToolArgs(LINE, ({ values, positionals }) => {
    refuseMore(positionals);
    return values.check;
  });
  Deno.exit(await generate(isCheck));
}
