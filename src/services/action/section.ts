/**
 * Section `actions` of the services file: named requests to other services.
 *
 * @module
 */
import { z } from "zod";
import type { Section } from "../section.ts";
import { type Param, paramsSchema } from "./params.ts";
import { type ActionRequest, checkPlaceholders, REQUESTS } from "./request.ts";
import { boundedText, mapOf } from "./rules.ts";
import { stateSchema, type StateSource } from "./state_source.ts";

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
  readonly params: ReadonlyMap<string, Param>;
  /** Request that runs it. */
  readonly request: ActionRequest;
  /** True if the service's answer is passed on. */
  readonly answer: boolean;
  /** Source of the current state. */
  readonly state?: StateSource | undefined;
}

/** The actions by name, in the order of the file. */
export type Actions = ReadonlyMap<string, Action>;

/** Rule for the name of an action, in words that follow the name. */
export const NAME_RULE = "must be 1 to 64 letters, digits, dots, dashes and underscores, first a letter or digit";

/** Returns whether a text can be the name of an action. */
export function isActionName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

const COOL_DOWN_RULE = "must be a duration such as 5s, 2m or 1h, at most 24h";

const UNIT_MS = new Map([["s", 1000], ["m", 60_000], ["h", 3_600_000]]);

const MAX_COOL_DOWN_MS = 86_400_000;

const coolDown = z.string(COOL_DOWN_RULE).transform((text, context): number => {
  const [, count, unit = ""] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS.get(unit) ?? NaN);
  if (ms > 0 && ms <= MAX_COOL_DOWN_MS) return ms;
  context.addIssue({ code: "custom", message: COOL_DOWN_RULE });
  return z.NEVER;
});

const { publish, call, http, homeAssistant } = REQUESTS;

const REQUEST_FIELDS = ["publish", "call", "http", "homeAssistant"] as const;

const action = z.strictObject({
  label: boundedText(100),
  icon: z.string().regex(/^[a-z0-9-]{1,40}$/, "must be a short name of small letters, digits and dashes").optional(),
  confirm: boundedText(300).optional(),
  coolDown: coolDown.optional(),
  params: paramsSchema.default(new Map()),
  answer: z.boolean("must be true or false").default(false),
  state: stateSchema.optional(),
  publish: publish.optional(),
  call: call.optional(),
  http: http.optional(),
  homeAssistant: homeAssistant.optional(),
}).transform((given, context): Action => {
  const { label, icon, confirm, coolDown, params, answer, state } = given;
  const report = (path: readonly PropertyKey[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const [field, second] = REQUEST_FIELDS.filter((name) => given[name] !== undefined);
  const request = field === undefined ? undefined : given[field];
  if (field === undefined || request === undefined || second !== undefined) {
    report([], `must have one of ${REQUEST_FIELDS.join(", ")}`);
    return z.NEVER;
  }
  const { faults, used } = checkPlaceholders(request, params);
  for (const { path, message } of faults) report([field, ...path], message);
  for (const name of params.keys()) {
    if (!used.has(name)) report(["params", name], `must be used in ${field}, as $${name}`);
  }
  return { label, icon, confirm, coolDownMs: coolDown, params, request, answer, state };
});

const schema = mapOf(z.string().refine(isActionName, NAME_RULE), action)
  .refine((actions) => Object.keys(actions).length <= 500, "must be at most 500 actions")
  .transform((actions): Actions => new Map(Object.entries(actions)));

/** The section. */
export const ACTIONS_SECTION: Section<Actions> = {
  name: "actions",
  empty: new Map(),
  safeParse: (value) => schema.safeParse(value),
};
