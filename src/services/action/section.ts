/**
 * Section `actions` of the services file: named requests to other services.
 *
 * @module
 */
import { z } from "zod";
import { ENTRY_NAME_RULE, isEntryName } from "../entry_names.ts";
import { topicFault } from "../../mqtt/topics/rules.ts";
import type { Section } from "../section.ts";
import { sectionOf } from "../section_schema.ts";
import type { Params } from "./params.ts";
import { checkPlaceholders } from "./placeholder_rules.ts";
import type { ActionRequest } from "./request.ts";
import type { StateSource } from "./states.ts";

/** An action. */
export interface Action {
  /** Text for people. */
  readonly label: string;
  /** Name of an icon. */
  readonly icon?: string | undefined;
  /** Question to ask before the action is run. */
  readonly confirm?: string | undefined;
  /** Least time between two runs, in milliseconds. */
  readonly coolDownMs?: number | undefined;
  /** Parameters by name. */
  readonly params: Params;
  /** Request that runs it. */
  readonly request: ActionRequest;
  /** True if the service's answer is passed on. */
  readonly answer: boolean;
  /** Source of the current state. */
  readonly state?: StateSource | undefined;
}

/** The actions by name, in the order of the file. */
export type Actions = ReadonlyMap<string, Action>;

/** Returns the rule for a text of bounded length. */
function boundedText(max: number) {
  const rule = `must be a text of 1 to ${max} characters`;
  return z.string(rule).min(1, rule).max(max, rule);
}

/** Returns the rule for a text of a form. */
function matching(regex: RegExp, rule: string) {
  return z.string(rule).regex(regex, rule);
}

/** Returns the rule for values by name. */
function mapOf<Name extends z.ZodType<string, string>, Value extends z.ZodType>(name: Name, value: Value) {
  return z.record(name, value, {
    error: (issue) => issue.code === "invalid_key" ? issue.issues[0]?.message : "must be a map",
  });
}

const flag = z.boolean("must be true or false");

const json = z.json({ error: "must be a value of JSON" });

const jsonMembers = mapOf(z.string(), json);

const label = boundedText(100).optional();

const bound = z.number("must be a number");

const numberParam = z.strictObject({
  type: z.literal("number"),
  label,
  min: bound.optional(),
  max: bound.optional(),
  step: bound.positive("must be above 0").optional(),
}).refine(({ min = -Infinity, max = Infinity }) => min <= max, { path: ["max"], message: "must be at least min" });

const VALUES_RULE = "must be a list of 1 to 100 different texts or numbers";

const enumParam = z.strictObject({
  type: z.literal("enum"),
  label,
  values: z.array(z.union([boundedText(100), z.number()], VALUES_RULE), VALUES_RULE).min(1, VALUES_RULE)
    .max(100, VALUES_RULE).refine((all) => new Set(all.map(String)).size === all.length, VALUES_RULE),
});

const booleanParam = z.strictObject({ type: z.literal("boolean"), label });

const LENGTH_RULE = "must be a whole number from 1 to 1000";

const textParam = z.strictObject({
  type: z.literal("text"),
  label,
  maxLength: z.int(LENGTH_RULE).min(1, LENGTH_RULE).max(1000, LENGTH_RULE).default(100),
});

const param = z.discriminatedUnion("type", [numberParam, enumParam, booleanParam, textParam], {
  error: (issue) => issue.code === "invalid_union" ? "must be number, enum, boolean or text" : "must be a map",
});

const params = mapOf(matching(/^[A-Za-z]\w{0,39}$/, "must be 1 to 40 letters, digits and _, first a letter"), param)
  .refine((all) => Object.keys(all).length <= 20, "must be at most 20 parameters")
  .transform((all): Params => new Map(Object.entries(all)));

const topic = z.string("must be a topic").superRefine((text, context) => {
  const fault = topicFault(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

const publish = z.strictObject({
  topic,
  message: json,
  qos: z.literal([0, 1, 2], "must be 0, 1 or 2").default(0),
  retain: flag.default(false),
}).transform(({ message, ...fixed }): ActionRequest => ({ service: "mqtt", fixed, values: { message } }));

const jeedomCall = z.strictObject({
  method: matching(/^[\w:.\-]{1,128}$/, "must be the name of a JSON-RPC method"),
  params: jsonMembers.default({}),
});

const call = jeedomCall.transform(({ method, params }): ActionRequest => ({
  service: "jeedom",
  fixed: { jsonrpc: method },
  values: { params },
}));

const http = z.strictObject({
  target: boundedText(100),
  method: matching(/^[A-Z]{1,20}$/, "must be an HTTP method such as POST").default("GET"),
  path: matching(
    /^\/[^?#\\]{0,1999}$/,
    "must be a path such as /api/open, without a query: that has a field of its own",
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

/** Form of a service and of an entity of Home Assistant. */
const DOTTED = /^[a-z0-9_]+\.[a-z0-9_]+$/;

const entity = matching(DOTTED, "must be an entity such as cover.gate");

const homeAssistant = z.strictObject({
  call: matching(DOTTED, "must be a call such as light.turn_on"),
  // The service takes entities alone, as rights name these.
  target: z.strictObject({
    "entity_id": z.union([entity, z.array(entity).min(1)], "must be an entity such as cover.gate, or a list of them"),
  }).optional(),
  data: jsonMembers.optional(),
}).transform(({ call, target, data }): ActionRequest => ({
  service: "home_assistant",
  fixed: { call, ...target && { target } },
  values: { ...data && { data } },
}));

const state = z.strictObject({
  topic: topic.optional(),
  homeAssistant: entity.optional(),
  call: jeedomCall.optional(),
  query: boundedText(100).optional(),
  params: jsonMembers.optional(),
  field: matching(/^(?=.{1,200}$)[^.]+(\.[^.]+)*$/, "must be names of members with dots between them").optional(),
}).transform(({ topic, homeAssistant, call, query, params, field }, context): StateSource => {
  const path = field?.split(".") ?? [];
  const sources: readonly (StateSource | undefined)[] = [
    topic === undefined ? undefined : { service: "mqtt", payload: { retained: topic }, path },
    homeAssistant === undefined ? undefined : { service: "home_assistant", payload: { state: homeAssistant }, path },
    call && { service: "jeedom", payload: { jsonrpc: call.method, params: call.params }, path },
    query === undefined ? undefined : { service: "influxdb", payload: { query, params: params ?? {} }, path },
  ];
  const [source, second] = sources.filter((one) => one !== undefined);
  const isOne = second === undefined && (params === undefined || query !== undefined);
  if (source !== undefined && isOne) return source;
  context.addIssue({
    code: "custom",
    message: "must have one of topic, homeAssistant, call, query; params only with query",
  });
  return z.NEVER;
});

const COOL_DOWN_RULE = "must be a duration such as 5s, 2m or 1h, at most 24h";

/** Longest cool-down, in milliseconds. */
const MAX_COOL_DOWN_MS = 86_400_000;

/** Milliseconds of each unit. */
const UNITS = new Map([["s", 1000], ["m", 60_000], ["h", 3_600_000]]);

const coolDown = z.string(COOL_DOWN_RULE).transform((text, context): number => {
  const [, count, unit = ""] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS.get(unit) ?? NaN);
  if (ms > 0 && ms <= MAX_COOL_DOWN_MS) return ms;
  context.addIssue({ code: "custom", message: COOL_DOWN_RULE });
  return z.NEVER;
});

/** Fields that hold the request, by the service that executes it. */
export const REQUEST_FIELDS = {
  mqtt: "publish",
  jeedom: "call",
  http: "http",
  "home_assistant": "homeAssistant",
} as const satisfies Readonly<Record<ActionRequest["service"], string>>;

/** The same fields, of which an action has one. */
const REQUESTS = Object.values(REQUEST_FIELDS);

const action = z.strictObject({
  label: boundedText(100),
  icon: matching(/^[a-z0-9:_-]{1,40}$/, "must be a short name such as gate or mdi:gate").optional(),
  confirm: boundedText(300).optional(),
  coolDown: coolDown.optional(),
  params: params.default(new Map()),
  answer: flag.default(false),
  state: state.optional(),
  publish: publish.optional(),
  call: call.optional(),
  http: http.optional(),
  homeAssistant: homeAssistant.optional(),
}).transform((given, context): Action => {
  const { label, icon, confirm, coolDown, params, answer, state } = given;
  const report = (path: readonly PropertyKey[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const [field, second] = REQUESTS.filter((name) => given[name] !== undefined);
  const request = field === undefined ? undefined : given[field];
  if (field === undefined || request === undefined || second !== undefined) {
    report([], `must have one of ${REQUESTS.join(", ")}`);
    return z.NEVER;
  }
  const { faults, used } = checkPlaceholders(request, params);
  for (const { path, message } of faults) report([field, ...path], message);
  for (const name of params.keys()) {
    if (!used.has(name)) report(["params", name], `must be used in ${field}, as $${name}`);
  }
  if (answer && field === "publish") report(["answer"], "must not be true with publish: its answer names the topic");
  return { label, icon, confirm, coolDownMs: coolDown, params, request, answer, state };
});

const schema = mapOf(z.string().refine(isEntryName, ENTRY_NAME_RULE), action)
  .refine((actions) => Object.keys(actions).length <= 500, "must be at most 500 actions")
  .transform((actions): Actions => new Map(Object.entries(actions)));

/** The section. */
export const ACTIONS_SECTION: Section<Actions> = sectionOf<Actions>("actions", schema, new Map());
