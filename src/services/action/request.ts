/**
 * Requests that actions send to other services: the fields that are fixed, and those that parameters may fill in.
 *
 * @module
 */
import { FieldError, type Payload } from "../../protocol/payload.ts";
import type { Params } from "./params.ts";
import { fillIn, fillInText, findPlaceholders, type Json, type ParamValues } from "./placeholders.ts";

/** A request to another service, with placeholders. */
export interface ActionRequest {
  /** Name of the service. */
  readonly service: "mqtt" | "jeedom" | "http" | "home_assistant";
  /** Fields that no parameter changes. */
  readonly fixed: Payload;
  /** Fields whose texts may have placeholders. */
  readonly values: Readonly<Record<string, Json>>;
  /** Path whose segments may have placeholders. */
  readonly path?: string | undefined;
}

/** Texts that a service would evaluate, though they are sent as plain values. */
const EVALUATED: Readonly<
  Record<ActionRequest["service"], { readonly pattern: RegExp; readonly shown: string } | undefined>
> = {
  mqtt: undefined,
  // Jeedom replaces #ID# by the value of a command, and evaluates functions such as variable(name).
  jeedom: { pattern: /[#(]/, shown: "# and (" },
  http: undefined,
  // Some of Home Assistant's services render templates of Jinja.
  "home_assistant": { pattern: /\{[{%#]/, shown: "{{, {% and {#" },
};

/**
 * Makes the payload for the service.
 *
 * @param declared parameters of the action
 * @throws {FieldError} if the service would evaluate the text of a parameter, or a text would change the path
 */
export function buildPayload(
  { service, fixed, values, path }: ActionRequest,
  params: ParamValues,
  declared: Params,
): Payload {
  const evaluated = EVALUATED[service];
  for (const [name, value] of params) {
    if (evaluated !== undefined && declared.get(name)?.type === "text" && evaluated.pattern.test(String(value))) {
      throw new FieldError(`Invalid field: params.${name}: must not have ${evaluated.shown}`);
    }
  }
  const filled = Object.entries(values).map(([name, value]) => [name, fillIn(value, params)]);
  const filledPath = path === undefined ? {} : { path: fillInPath(path, params) };
  return { ...Object.fromEntries(filled), ...filledPath, ...fixed };
}

/** Rule for a parameter within a path. */
export const PATH_RULE = "must not be empty or dots alone, and must not have / \\ % ; ? #: it is a part of a path";

/** Returns whether a text stays within its part of a path: servers differ in what they make of these characters, even encoded. */
export function fitsPath(text: string): boolean {
  return !/[/\\%;?#]/.test(text);
}

/** Fills in a path, each parameter within one segment. */
function fillInPath(path: string, params: ParamValues): string {
  return path.split("/").map((segment) => {
    const [first] = findPlaceholders(segment);
    const filled = fillInText(segment, params, (value, name) => {
      if (!fitsPath(value)) throw new FieldError(`Invalid field: params.${name}: ${PATH_RULE}`);
      return encodeURIComponent(value);
    });
    if (first === undefined || !/^\.*$/.test(filled)) return filled;
    throw new FieldError(`Invalid field: params.${first.name}: ${PATH_RULE}`);
  }).join("/");
}
