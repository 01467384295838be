/**
 * Requests that actions send to other services: the fields that are fixed, and those that parameters may fill in.
 *
 * @module
 */
import { z } from "zod";
import { FieldError, type Payload } from "../../protocol/payload.ts";
import type { Param } from "./params.ts";
import { fillIn, fillInText, findPlaceholders, type Json, type ParamValues, type Placeholder } from "./placeholders.ts";
import { boundedText, jeedomMethod, json, jsonMembers, mapOf, topic } from "./rules.ts";

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

const publish = z.strictObject({
  topic,
  message: json,
  qos: z.literal([0, 1, 2], "must be 0, 1 or 2").default(0),
  retain: z.boolean("must be true or false").default(false),
}).transform(({ message, ...fixed }): ActionRequest => ({ service: "mqtt", fixed, values: { message } }));

const call = z.strictObject({ method: jeedomMethod, params: jsonMembers.default({}) })
  .transform(({ method, params }): ActionRequest => ({
    service: "jeedom",
    fixed: { jsonrpc: method },
    values: { params },
  }));

const http = z.strictObject({
  target: boundedText(100),
  method: z.string().regex(/^[A-Z]{1,20}$/, "must be an HTTP method such as GET"),
  path: z.string().max(2000).regex(
    /^\/[^?#\\]*$/,
    "must be a path such as /api/open, with query in a field of its own",
  ),
  query: jsonMembers.optional(),
  headers: mapOf(z.string(), z.string("must be a text")).optional(),
  body: json.optional(),
}).transform(({ target, method, headers, path, query, body }): ActionRequest => ({
  service: "http",
  fixed: { target, method, ...headers && { headers } },
  values: { ...query && { query }, ...body !== undefined && { body } },
  path,
}));

const ENTITY_RULE = "must be an entity such as cover.gate, or a list of them";

const entity = z.string(ENTITY_RULE).regex(/^[a-z0-9_]+\.[a-z0-9_]+$/, ENTITY_RULE);

const homeAssistant = z.strictObject({
  call: z.string().regex(/^[a-z0-9_]+\.[a-z0-9_]+$/, "must be a call such as light.turn_on"),
  // The service takes entities alone, as rights name these.
  target: z.strictObject({ "entity_id": z.union([entity, z.array(entity).min(1)], ENTITY_RULE) }).optional(),
  data: jsonMembers.optional(),
}).transform(({ call, target, data }): ActionRequest => ({
  service: "home_assistant",
  fixed: { call, ...target && { target } },
  values: { ...data && { data } },
}));

/** Schemas of the requests, by the field of the action that holds them. */
export const REQUESTS = { publish, call, http, homeAssistant };

/** Members by which a request names what it acts on, or logs in: fixed, though they stand among values. */
const FIXED_MEMBERS: Readonly<Record<ActionRequest["service"], readonly string[]>> = {
  mqtt: [],
  jeedom: ["id", "plugin", "apikey", "api", "session", "sess_id"],
  http: [],
  "home_assistant": ["entity_id", "device_id", "area_id", "floor_id", "label_id"],
};

/** Fault of a placeholder. */
export interface PlaceholderFault {
  /** Path within the action's request. */
  readonly path: readonly PropertyKey[];
  /** Rule that it does not follow; quotes nothing, as the text may hold a secret. */
  readonly message: string;
}

/** Returns the faults of a request's placeholders, and the names of the parameters that it uses. */
export function checkPlaceholders(
  request: ActionRequest,
  params: ReadonlyMap<string, Param>,
): { readonly faults: readonly PlaceholderFault[]; readonly used: ReadonlySet<string> } {
  const placeholders = [...findPlaceholders(request.values), ...findPlaceholders(request.path, ["path"])];
  const faults = placeholders.flatMap((one) => {
    const message = placeholderFault(request, one, params);
    return message === undefined ? [] : [{ path: one.path, message }];
  });
  const isDeclared = (name: string | undefined) => name !== undefined && params.has(name);
  const misplaced = [...textsOf(request.fixed), ...namesOf(request.values)].filter(([, value]) =>
    findPlaceholders(value).some(({ name }) => isDeclared(name))
  );
  return {
    faults: [
      ...faults,
      ...misplaced.map(([path]) => ({ path, message: "must not have a parameter: only values may" })),
    ],
    used: new Set(placeholders.flatMap(({ name }) => name ?? [])),
  };
}

function placeholderFault(
  { service, values }: ActionRequest,
  { name, path, isWhole, text }: Placeholder,
  params: ReadonlyMap<string, Param>,
): string | undefined {
  const param = name === undefined ? undefined : params.get(name);
  if (param === undefined) return "has a $ that no parameter in params belongs to: write $$ for a dollar sign";
  const [field, member] = path;
  if (path.length > 1 && FIXED_MEMBERS[service].some((one) => one === member)) {
    return "must not have a parameter: it chooses what the action acts on";
  }
  if (param.type !== "text" || isWhole || path.length > 1) return undefined;
  // A text within a text of another format could add to it: quotes to JSON, an ampersand to a form.
  if (field === "body") {
    return "must not have a text parameter within a longer text: write the body as a map, or use query";
  }
  const looksLikeJson = service === "mqtt" && typeof values["message"] === "string" && /^\s*[[{]/.test(text);
  return looksLikeJson ? "must not have a text parameter within JSON text: write the message as a map" : undefined;
}

type Place = readonly [path: readonly (string | number)[], text: string];

/** Lists the texts of a value, and the names of its members. */
function textsOf(value: unknown, path: readonly (string | number)[] = []): Place[] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]): Place[] => [
    [[...path, name], name],
    ...textsOf(member, [...path, name]),
  ]);
}

/** Lists the names of all members within a value. */
function namesOf(value: unknown, path: readonly (string | number)[] = []): Place[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]): Place[] => [
    [[...path, name], name],
    ...namesOf(member, [...path, name]),
  ]);
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
  declared: ReadonlyMap<string, Param>,
): Payload {
  const isFreeText = (name: string) => declared.get(name)?.type === "text";
  const evaluated = EVALUATED[service];
  for (const [name, value] of params) {
    if (evaluated !== undefined && isFreeText(name) && evaluated.pattern.test(String(value))) {
      throw new FieldError(`Invalid field: params.${name}: must not have ${evaluated.shown}`);
    }
  }
  const filled = Object.entries(values).map(([name, value]) => [name, fillIn(value, params)]);
  const filledPath = path === undefined ? {} : { path: fillInPath(path, params, isFreeText) };
  return { ...Object.fromEntries(filled), ...filledPath, ...fixed };
}

/** Fills in a path, each parameter within one segment. */
function fillInPath(path: string, params: ParamValues, isFreeText: (name: string) => boolean): string {
  return path.split("/").map((segment) => {
    const [first] = findPlaceholders(segment);
    const filled = fillInText(segment, params, (value, name) => {
      // Servers differ in what they make of these, even encoded.
      if (isFreeText(name) && /[/\\%]/.test(value)) throw new FieldError(`Invalid field: params.${name}: ${PATH_RULE}`);
      return encodeURIComponent(value);
    });
    if (first === undefined || !/^\.{0,2}$/.test(filled)) return filled;
    throw new FieldError(`Invalid field: params.${first.name}: ${PATH_RULE}`);
  }).join("/");
}

const PATH_RULE = "must not be empty or dots alone, and must not have /, \\ and %: it is a part of a path";
