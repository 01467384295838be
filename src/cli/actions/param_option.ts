/**
 * Option `--param` of `actions add`: `NAME:TYPE`, with the bounds of the type after further colons.
 *
 * @module
 */
import type { ActionMembers } from "./request_options.ts";

/** Forms of the option, for the help. */
export const PARAM_FORMS = `  NAME:number[:MIN[:MAX[:STEP]]]   NAME:boolean
  NAME:enum:VALUE,VALUE…           NAME:text[:LONGEST]`;

/** Parses the declarations of parameters into the member `params` of an action. */
export function paramsFromOptions(declarations: readonly string[] = []): ActionMembers {
  if (declarations.length === 0) return { members: {}, mistakes: [] };
  const params: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const text of declarations) {
    const [name = "", type = "", ...bounds] = text.split(":");
    const declaration = parseBounds(type, bounds);
    if (name === "" || declaration === undefined) mistakes.push(`--param "${text}" must be one of:\n${PARAM_FORMS}`);
    else if (Object.hasOwn(params, name)) mistakes.push(`--param "${text}": ${name} is given twice`);
    else params[name] = { type, ...declaration };
  }
  return { members: { params }, mistakes };
}

/** Returns the further members of a declaration; undefined if the bounds do not belong to the type. */
function parseBounds(type: string, bounds: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  switch (type) {
    case "number":
      return numbered(["min", "max", "step"], bounds);
    case "enum":
      // A value may have colons.
      return bounds.length === 0 ? undefined : { values: bounds.join(":").split(",").map(numberOrText) };
    case "boolean":
      return bounds.length === 0 ? {} : undefined;
    case "text":
      return numbered(["maxLength"], bounds);
    default:
      return undefined;
  }
}

/** Returns the numbers by their names; an empty text leaves its number out. */
function numbered(names: readonly string[], texts: readonly string[]): Record<string, number> | undefined {
  if (texts.length > names.length) return undefined;
  const found: Record<string, number> = {};
  for (const [index, text] of texts.entries()) {
    const [name, value] = [names[index], numberOrText(text)];
    if (text === "") continue;
    if (name === undefined || typeof value === "string") return undefined;
    found[name] = value;
  }
  return found;
}

/** Returns a number where the text is one in plain decimal notation, as in the file. */
function numberOrText(text: string): number | string {
  return /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(text) ? Number(text) : text;
}
