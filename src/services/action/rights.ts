/**
 * Rights of a key in actions: those that it may run, and the number of runs.
 *
 * @module
 */
import { z } from "zod";
import { createEntryMatcher, ENTRY_PATTERN_RULE, isEntryPattern } from "../entry_names.ts";
import { NotGrantedError, type ServiceRights } from "../../keys/rights.ts";
import {
  changeList,
  describeList,
  faultOf,
  grantsAny,
  listOption,
  type RightsChange,
  type RightsDefinition,
  type RightsRequest,
  summarizeList,
  wrongValues,
} from "../rights_options.ts";

/** Most runs that can be granted. */
const MAX_USES = 1_000_000;

/** Rule for a number of runs, in words that follow the number. */
const USES_RULE = `must be a whole number from 1 to ${MAX_USES}`;

/** Value of `--uses` that removes the limit. */
const NO_LIMIT = "any";

const schema = z.strictObject({
  /** Patterns of the actions that the key may run, with `*` for any characters. */
  actions: z.array(z.string().refine(isEntryPattern, ENTRY_PATTERN_RULE)).max(100).default([]),
  /** Number of runs of all actions together; unlimited when absent. */
  uses: z.int(USES_RULE).min(1, USES_RULE).max(MAX_USES, USES_RULE).optional(),
});

type ActionRights = Readonly<z.output<typeof schema>>;

const NOTHING: ActionRights = schema.parse({});

/** Interpreted rights of one key in actions. */
export class ActionGrants {
  readonly #rights: ActionRights;
  readonly #mayRun: (name: string) => boolean;

  /** Interprets rights. */
  constructor(given: ServiceRights) {
    this.#rights = schema.parse(given);
    this.#mayRun = createEntryMatcher(this.#rights.actions);
  }

  /** Number of runs of all actions together; undefined if it is not limited. */
  get uses(): number | undefined {
    return this.#rights.uses;
  }

  /** Returns whether the key may run an action. */
  mayRun(name: string): boolean {
    return this.#mayRun(name);
  }

  /** Returns the names of single actions that it grants and that are not among some. */
  unknownNames(actions: ReadonlyMap<string, unknown>): string[] {
    return this.#rights.actions.filter((text) => !text.includes("*") && !actions.has(text));
  }

  /** Returns the error for an action that the key may not run, or that does not exist: the key must not tell these apart. */
  notGranted(name: string): NotGrantedError {
    return new NotGrantedError({ verb: "run", option: "action", value: name, granted: this.#rights.actions });
  }
}

/** Definition of the rights in actions. */
export const ACTION_RIGHTS: RightsDefinition = {
  schema: { fields: Object.keys(schema.shape), safeParse: (value) => schema.safeParse(value) },
  all: { ...NOTHING, actions: ["*"] },
  options: {
    action: listOption("NAME", "Actions to run, such as open-gate or 'gate-*'"),
    uses: { type: "string", value: "N", description: "Runs of all actions together, in all" },
  },
  setNote: `--uses ${NO_LIMIT} removes that limit. A new --uses includes the runs counted before.`,
  change: changeRights,
  values(rights) {
    const { actions, uses } = schema.parse(rights);
    return { action: actions, uses: uses === undefined ? NO_LIMIT : String(uses) };
  },
  describe: describeRights,
  summarize(rights) {
    const { actions, uses } = schema.parse(rights);
    if (actions.length === 0) return "no actions";
    return `actions ${summarizeList(actions)}${uses === undefined ? "" : `, ${describeUses(uses)}`}`;
  },
  describeReach(rights) {
    const { actions } = schema.parse(rights);
    return actions.length === 0
      ? undefined
      : `run the actions ${actions.join(" ")}: where these reach devices, add --action ''`;
  },
};

function changeRights({ before: given, values, isNamed, isNew }: RightsRequest): RightsChange {
  const before = given === undefined ? NOTHING : schema.parse(given);
  const list = changeList(values, "action", { isNew });
  const actions = list ?? before.actions;
  const text = values["uses"];
  const uses = typeof text === "string" ? parseUses(text) : before.uses;
  const isWrong = typeof text === "string" && text !== NO_LIMIT && uses === undefined;
  return {
    rights: { actions, ...uses !== undefined && { uses } },
    isGranted: grantsAny([list]),
    mistakes: [
      ...wrongValues("action", actions, faultOf(isEntryPattern, ENTRY_PATTERN_RULE)),
      ...isWrong ? [`--uses "${text}" ${USES_RULE}${isNew ? "" : `, or ${NO_LIMIT}`}`] : [],
      ...withoutActions({ isNeeded: isNamed || (uses !== undefined && text !== undefined), actions }),
    ],
  };
}

function parseUses(text: string): number | undefined {
  return schema.shape.uses.safeParse(/^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined).data;
}

/** Reports a service or a number of runs without actions: nothing can be done with them. */
function withoutActions(
  { isNeeded, actions }: { readonly isNeeded: boolean; readonly actions: readonly string[] },
): string[] {
  if (!isNeeded || actions.length > 0) return [];
  return ["The key may run no action: add --action NAME, or --action '*' for all"];
}

function describeUses(uses: number): string {
  return uses === 1 ? "1 run" : `${uses} runs`;
}

function describeRights(rights: ServiceRights): (readonly [label: string, text: string])[] {
  const { actions, uses } = schema.parse(rights);
  return [["actions", describeList(actions)], ["runs of actions", uses === undefined ? NO_LIMIT : `${uses} in all`]];
}
