/**
 * Writes the documents that are made from the settings table. With `--check`, it writes nothing, and fails when one is
 * not up to date.
 *
 * @module
 */
import { configurationPage, envExample, withLimitDefaults, withReadmeTable } from "./settings_docs.ts";

/** Each document by its path, with the function that makes its text from the present one. */
export const DOCUMENTS: Readonly<Record<string, (present: string) => string>> = {
  ".env.example": envExample,
  "docs/configuration.md": configurationPage,
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

/** Writes the documents, or only compares them. Returns the exit code. */
async function generate(isCheck: boolean, print: (line: string) => void): Promise<number> {
  const found = await outdated();
  for (const [path, text] of found) {
    if (isCheck) print(`${path} is not up to date: run deno task docs`);
    else {
      await Deno.writeTextFile(at(path), text);
      print(`${path} is written`);
    }
  }
  return isCheck && found.size > 0 ? 1 : 0;
}

// deno-lint-ignore no-console
if (import.meta.main) Deno.exit(await generate(Deno.args.includes("--check"), (line) => console.log(line)));
