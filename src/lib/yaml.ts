/**
 * YAML as people write it in a file of settings: one document of mappings, lists, texts, numbers, booleans and nulls.
 *
 * @module
 */
import { parse } from "@std/yaml/parse";

/** A fault in a YAML text. The message names the place, and quotes nothing of the text: a secret may be anywhere. */
export class YamlError extends Error {
  /** Makes the error from its message for the operator, which follows the file's name. */
  constructor(message: string) {
    super(message);
    this.name = "YamlError";
  }
}

/** A line that is indented with a tab, which the parser would take for part of the level above. */
const TAB_INDENT = /^ *\t\s*[^\s#]/;

/**
 * Parses a text, strictly: no tags, no dates, no merge keys, no name twice in a mapping. An empty text is null.
 *
 * @throws {YamlError} at the first fault
 */
export function parseYaml(text: string): unknown {
  // The first is in every UTF-16 text, the second replaces bytes that are not UTF-8.
  if (/[\0\ufffd]/.test(text)) {
    throw new YamlError("is not text in UTF-8 (PowerShell and Notepad write UTF-16): save it as UTF-8");
  }
  const lines = text.split(/\r\n|\r|\n/);
  const tabbed = lines.findIndex((line) => TAB_INDENT.test(line));
  if (tabbed !== -1) throw new YamlError(`is indented with a tab in line ${tabbed + 1}: use spaces`);
  try {
    return parse(text, { schema: "core" });
  } catch (error) {
    throw new YamlError(describe(error, lines));
  }
}

function describe(error: unknown, lines: readonly string[]): string {
  if (error instanceof RangeError) return "is nested too deep: remove brackets";
  if (!(error instanceof SyntaxError)) return "is not YAML";
  const [line, column] = [numberOf(error, "line"), numberOf(error, "column")];
  // Before the place, after which a line of the file follows. A part between quotes or brackets is a word of the file.
  const [message = ""] = error.message.split(" at line ");
  const reason = /["<]/.test(message) ? "there is a tag, an alias without its anchor, or a control character" : message;
  const hint = /[{[].*\$\{/.test(lines[line - 1] ?? "")
    ? '. Within { } and [ ], put a variable between quotes: "${NAME}"'
    : "";
  return `is not YAML: see line ${line}, column ${column}: ${reason}${hint}`;
}

/** Returns a part of the place of a fault, which the parser counts from 1. */
function numberOf(error: SyntaxError, part: "line" | "column"): number {
  const value: unknown = Reflect.get(error, part);
  return typeof value === "number" ? value : 1;
}
