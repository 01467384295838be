/**
 * Placeholders in the values of an action's request: `$degrees` stands for the parameter `degrees`, `$$` for a dollar sign.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";

/** A JSON value of the services file. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Value of a parameter. */
export type ParamValue = string | number | boolean;

/** Values of an action's parameters by name. */
export type ParamValues = ReadonlyMap<string, ParamValue>;

/** A dollar sign, with what makes it a placeholder, or an escaped dollar sign. */
const DOLLAR = /\$(\$|[A-Za-z]\w*)?/g;

/** A text that is one placeholder. */
const WHOLE = /^\$([A-Za-z]\w*)$/;

/** Placeholder in a value. */
export interface Placeholder {
  /** Path of the text that it is in. */
  readonly path: readonly (string | number)[];
  /** Name of its parameter; undefined for a dollar sign alone. */
  readonly name: string | undefined;
  /** True if the text is nothing but the placeholder. */
  readonly isWhole: boolean;
  /** The text. */
  readonly text: string;
}

/** Lists the placeholders in the texts of a value; not those in the names of members. */
export function findPlaceholders(value: Json | undefined, path: readonly (string | number)[] = []): Placeholder[] {
  if (typeof value === "string") {
    const isWhole = WHOLE.test(value);
    const names = [...value.matchAll(DOLLAR)].map(([, name]) => name).filter((name) => name !== "$");
    return names.map((name) => ({ path, name, isWhole, text: value }));
  }
  if (Array.isArray(value)) return value.flatMap((one, index) => findPlaceholders(one, [...path, index]));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => findPlaceholders(member, [...path, name]));
}

/**
 * Fills in the parameters of a value. A text that is one placeholder becomes the parameter's value, of its type; within
 * a longer text, the value is inserted as text.
 */
export function fillIn(value: Json, params: ParamValues): Json {
  if (typeof value === "string") {
    const name = WHOLE.exec(value)?.[1];
    return name === undefined ? fillInText(value, params) : valueOf(params, name);
  }
  if (Array.isArray(value)) return value.map((one) => fillIn(one, params));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fillIn(member, params)]));
}

/** Fills in the parameters of a text, each as text that `encode` makes of it. */
export function fillInText(
  text: string,
  params: ParamValues,
  encode: (value: string, name: string) => string = (value) => value,
): string {
  return text.replace(
    DOLLAR,
    (_match, name: string = "") => name === "$" ? "$" : encode(String(valueOf(params, name)), name),
  );
}

function valueOf(params: ParamValues, name: string): ParamValue {
  const value = params.get(name);
  // The section's parser has refused placeholders without a parameter.
  if (value === undefined) throw new TypeError(`No parameter ${name}`);
  return value;
}
