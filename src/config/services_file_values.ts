/**
 * Values of the services file: checks what its schemas cannot, and fills in the variables.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import { SECRET_FIELD } from "../observability/mask.ts";

/** Values whose variables are filled in. */
export interface FilledValues {
  /** The values; a faulty one is left as it was. */
  readonly value: unknown;
  /** Names of the variables, each once. */
  readonly variables: readonly string[];
  /** Values that must not be shown: those of the variables, and those of fields with a name such as `password`. */
  readonly secrets: readonly string[];
  /** Everything that is wrong. */
  readonly faults: readonly ValueFault[];
}

/** A fault of a value. */
export interface ValueFault {
  /** Path of the value. */
  readonly path: readonly PropertyKey[];
  /** Text that follows the path, with the remedy. */
  readonly message: string;
}

/** Deepest nesting of lists and mappings. */
const MAX_DEPTH = 32;

/** Largest sum of the lengths of all texts, in characters: variables and aliases may repeat a long one. */
const MAX_TEXT_LENGTH = 4 * 2 ** 20;

/** `$${`, which stands for `${`, or `${NAME}`; the last group is missing where the brace is not closed. */
const VARIABLE = /\$\$\{|\$\{([^{}\n]*)(\})?/g;

/** Name of a variable that a flag of the sandbox can carry. */
const NAME = /^[A-Z][A-Z0-9_]*$/;

/**
 * Fills in `${NAME}` in all texts. What a variable holds is text, and not read again.
 *
 * @param variable returns the value of a variable; undefined if it is not set
 */
export function fillVariables(value: unknown, variable: (name: string) => string | undefined): FilledValues {
  const variables = new Set<string>();
  const secrets = new Set<string>();
  const faults: ValueFault[] = [];
  const seen = new Set<object>();
  let length = 0;

  function fillText(text: string, path: readonly PropertyKey[]): string {
    const report = (message: string) => void faults.push({ path, message });
    const filled = text.replace(VARIABLE, (found, name?: string, end?: string) => {
      if (found === "$${") return "${";
      if (name === undefined || end === undefined || !NAME.test(name)) {
        report('must have the name of a variable in "${NAME}", in capitals; "$${" stands for "${"');
        return found;
      }
      variables.add(name);
      const filledIn = variable(name);
      if (filledIn === undefined) {
        report(`names the variable ${name}, which is not set: set it in the environment or .env`);
        return found;
      }
      secrets.add(filledIn);
      return filledIn;
    });
    length += filled.length;
    if (length <= MAX_TEXT_LENGTH) return filled;
    if (length - filled.length <= MAX_TEXT_LENGTH) report("makes the file too long, with its variables and aliases");
    return text;
  }

  function fill(given: unknown, path: readonly PropertyKey[]): unknown {
    if (typeof given === "string") {
      const text = fillText(given, path);
      if (path.some((part) => SECRET_FIELD.test(String(part)))) secrets.add(text);
      return text;
    }
    if (typeof given === "number" && Number.isInteger(given) && !Number.isSafeInteger(given)) {
      faults.push({ path, message: "must have at most 15 digits, or be between quotes" });
    }
    if (!isObject(given) && !Array.isArray(given)) return given;
    if (seen.has(given)) {
      faults.push({ path, message: "must be written out: an alias (*) of a list or a mapping is not supported" });
      return undefined;
    }
    seen.add(given);
    if (path.length > MAX_DEPTH) {
      faults.push({ path: path.slice(0, 1), message: `must be nested at most ${MAX_DEPTH} levels deep` });
      return undefined;
    }
    if (Array.isArray(given)) return given.map((entry, index) => fill(entry, [...path, index]));
    if (Object.hasOwn(given, "__proto__")) faults.push({ path, message: "must not have a field named __proto__" });
    return Object.fromEntries(Object.entries(given).map(([name, entry]) => [name, fill(entry, [...path, name])]));
  }

  const filled = fill(value, []);
  return { value: filled, variables: [...variables], secrets: [...secrets], faults };
}
