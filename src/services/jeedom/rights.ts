/**
 * Rights of a key in Jeedom: methods, commands and scenarios, endpoints, and API keys of its own.
 *
 * @module
 */
import { z } from "zod";
import { NotGrantedError, ScopeError, type ServiceRights } from "../../keys/rights.ts";
import type { OptionInput } from "../../protocol/admin_api.ts";
import {
  changeList,
  describeList,
  faultOf,
  grantsAny,
  listOption,
  listValues,
  type RightsChange,
  type RightsDefinition,
  type RightsRequest,
  summarizeList,
  wrongValues,
} from "../rights_options.ts";
import { isPlainPath } from "./request.ts";
import { findMethod, type JeedomMethod, otherName } from "./methods.ts";

/** Rule for a pattern of methods, in words that follow the pattern. */
const METHOD_RULE = "must be a pattern of methods such as cmd::* or version";

/** Rule for the id of a command or scenario, in words that follow the id. */
const ID_RULE = "must be the id of a command or scenario, a whole number from 1";

/** Rule for a granted path, in words that follow the path. */
const ENDPOINT_RULE = "must be * or a plain path such as /plugins/x/core/php/jeeX.php";

/** Returns whether a text is a pattern of methods; with few wildcards, as each multiplies the work of matching. */
function isMethodPattern(text: string): boolean {
  return /^[\w:.*\-]{1,128}$/.test(text) && text.split("*").length <= 4;
}

/** Returns whether a text can be granted as a path on the Jeedom server. */
function isEndpointGrant(text: string): boolean {
  return text === "*" || isPlainPath(text);
}

/**
 * Parses the id of a command or scenario. PHP and MySQL would take `12abc`, `1e1`, `012` and `true` for numbers, so only
 * the plain spelling counts.
 *
 * @returns the id, or undefined if the value is none
 */
export function parseId(value: unknown): number | undefined {
  const isPlain = typeof value === "string" && /^[1-9]\d{0,15}$/.test(value);
  const id = isPlain ? Number(value) : value;
  return typeof id === "number" && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

const matching = (test: (text: string) => boolean, rule: string) =>
  z.array(z.string().refine(test, rule)).max(100).default([]);

const methods = matching(isMethodPattern, METHOD_RULE);

const ids = z.array(z.int(ID_RULE).min(1, ID_RULE)).max(1000).optional();

const fields = z.strictObject({
  /**
   * Patterns of methods, with `*` for any characters. One that names its class grants what it matches; any other, such as
   * `*`, grants only methods that read and control, by the table in `methods.ts`.
   */
  methods,
  /** Patterns of methods that are refused although `methods` grants them. */
  refusedMethods: methods,
  /**
   * Ids of the commands that the key is limited to. With this or `scenarios`, the key reaches what these two list and
   * nothing else of Jeedom; with neither, it has no such limit.
   */
  commands: ids,
  /** Ids of the scenarios that the key is limited to. */
  scenarios: ids,
  /** Paths on the Jeedom server besides that of the JSON-RPC API; `*` for any. */
  endpoints: matching(isEndpointGrant, ENDPOINT_RULE),
  /** True if a request may bring a Jeedom API key of its own. */
  ownApikey: z.boolean().default(false),
});

const rightsSchema = fields.extend({
  /** True if every method is granted, named or not: for the key `default` alone, and never in the file. */
  everyMethod: z.literal(true).optional(),
});

type JeedomRights = Readonly<z.output<typeof rightsSchema>>;

const NOTHING: JeedomRights = rightsSchema.parse({});

/** Interpreted rights of one key in Jeedom. Methods that return nothing throw {@linkcode ScopeError}. */
export class JeedomGrants {
  readonly #rights: JeedomRights;
  readonly #granted: readonly MethodPattern[];
  readonly #refused: readonly MethodPattern[];
  readonly #commands: ReadonlySet<number>;
  readonly #scenarios: ReadonlySet<number>;
  /** True if the key reaches the commands and scenarios of its lists alone, and nothing else of Jeedom. */
  readonly isLimited: boolean;

  /** Interprets rights. */
  constructor(given: ServiceRights) {
    const rights = rightsSchema.parse(given);
    this.#rights = rights;
    this.#granted = rights.methods.map((text) => methodPattern(text));
    // PHP ignores the case of a class, so a refusal does, too.
    this.#refused = rights.refusedMethods.map((text) => methodPattern(text, "i"));
    this.#commands = new Set(rights.commands);
    this.#scenarios = new Set(rights.scenarios);
    this.isLimited = rights.commands !== undefined || rights.scenarios !== undefined;
  }

  /** True if every method is granted, with any parameters. */
  get grantsEveryMethod(): boolean {
    return this.#rights.everyMethod === true;
  }

  /**
   * Requires a method of the API.
   *
   * @param plugin the plugin whose code answers before Jeedom's own, if any: then `PLUGIN::METHOD` has to be granted by a
   * pattern that names the plugin, and METHOD as well where Jeedom has one of that name
   */
  callMethod(method: string, plugin?: string): void {
    if (plugin === undefined) return this.#call(method, findMethod(method));
    const qualified = method.startsWith(`${plugin}::`) ? method : `${plugin}::${method}`;
    this.#call(qualified, undefined);
    const own = findMethod(method);
    if (own !== undefined) this.#call(method, own);
    else this.#refuse(method, qualified);
  }

  #call(name: string, own: JeedomMethod | undefined): void {
    // Only of Jeedom's own methods it is known which parameters name a command.
    if (this.isLimited && own?.limited === undefined) throw new ScopeError(`call the method ${name}`);
    this.#refuse(name);
    if (this.grantsEveryMethod) return;
    const isGranted = this.#granted.some(({ text, regex }) =>
      regex.test(name) && (own?.granted === true || namesClass(text))
    );
    if (!isGranted) {
      throw new NotGrantedError({ verb: "call", option: "method", value: name, granted: this.#rights.methods });
    }
  }

  #refuse(name: string, shown = name): void {
    if (this.#refused.length === 0) return;
    const names = [name, otherName(name) ?? name];
    if (!this.#refused.some(({ regex }) => names.some((one) => regex.test(one)))) return;
    throw new ScopeError(`call the method ${shown}`);
  }

  /** Returns whether the key reaches a command. */
  reachesCommand(id: number): boolean {
    return !this.isLimited || this.#commands.has(id);
  }

  /** Returns whether the key reaches a scenario. */
  reachesScenario(id: number): boolean {
    return !this.isLimited || this.#scenarios.has(id);
  }

  /** Requires a path on the Jeedom server that is not that of its JSON-RPC API. */
  useEndpoint(path: string): void {
    const { endpoints } = this.#rights;
    const isGranted = endpoints.includes("*") || endpoints.includes(path);
    // The meaning of parameters at another endpoint is not known.
    if (!isGranted || this.isLimited) throw new ScopeError(`use the endpoint ${path}`);
  }

  /** Requires a Jeedom API key of the request's own, or a session of Jeedom, which is equivalent to one. */
  bringApikey(): void {
    if (this.#rights.ownApikey) return;
    throw new ScopeError("bring an API key of its own or use a session: leave apikey, session and sess_id out");
  }
}

interface MethodPattern {
  readonly text: string;
  readonly regex: RegExp;
}

function methodPattern(text: string, flags = ""): MethodPattern {
  return { text, regex: new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`, flags) };
}

/** Returns whether a pattern names the class of what it grants, or the whole method: `*`, `c*` and `*::all` do not. */
function namesClass(text: string): boolean {
  const [name = "", ...rest] = text.split("::");
  return name !== "" && !name.includes("*") && (rest.length > 0 || text === name);
}

/** Value of `--command` or `--scenario` that removes the limit. */
const NO_LIMIT = "any";

/** Definition of the rights in Jeedom. */
export const JEEDOM_RIGHTS: RightsDefinition = {
  schema: { fields: Object.keys(fields.shape), safeParse: (value) => fields.safeParse(value) },
  isInFlatFiles: true,
  // Clients of the original gateway go on unchanged, so its key keeps the methods that no list names.
  all: { ...NOTHING, methods: ["*"], everyMethod: true, endpoints: ["*"], ownApikey: true },
  everyday: { ...NOTHING, methods: ["*"], ownApikey: true },
  options: {
    method: listOption("PATTERN", "Jeedom methods, such as 'cmd::*'"),
    "refuse-method": listOption("PATTERN", "Methods to leave out of these"),
    command: listOption("ID", "These commands of Jeedom, and nothing else of it"),
    scenario: listOption("ID", "These scenarios of Jeedom, likewise"),
    endpoint: listOption("PATH", "Further paths on the Jeedom server, or '*'"),
    "own-apikey": { type: "boolean", description: "Requests may bring a Jeedom API key" },
  },
  setOptions: {
    "no-own-apikey": { type: "boolean", description: "Requests may bring no Jeedom API key" },
  },
  addNote: "Jeedom: methods that read and control; others have to be named, see\ndocs/jeedom-methods.md.",
  setNote: `--command ${NO_LIMIT} and --scenario ${NO_LIMIT} remove that limit.`,
  change: changeRights,
  values: valuesOf,
  describe: describeRights,
  summarize: summarizeRights,
  isNewLimit: (rights, values) =>
    new JeedomGrants(rights).isLimited && (values["command"] ?? values["scenario"]) !== undefined,
};

function changeRights({ before: given, values, isNamed, isNew }: RightsRequest): RightsChange {
  const before = given === undefined ? NOTHING : rightsSchema.parse(given);
  const list = (name: string) => changeList(values, name, { isNew });
  const limit = (name: "command" | "scenario", old: readonly number[] | undefined) => {
    const isRemoved = !isNew && isNoLimit(values, name);
    const texts = isRemoved ? undefined : list(name);
    return { texts, ids: texts?.flatMap((text) => parseId(text) ?? []) ?? (isRemoved ? undefined : old) };
  };
  const command = limit("command", before.commands);
  const scenario = limit("scenario", before.scenarios);
  const needsMethods = isNamed || command.texts !== undefined || scenario.texts !== undefined;
  const isOrdinary = needsMethods && before.methods.length === 0 && values["method"] === undefined;
  const method = isOrdinary ? ["*"] : list("method");
  const endpoint = list("endpoint");
  const isTakenBack = values["no-own-apikey"] === true;
  const isGiven = values["own-apikey"] === true;
  const { commands: _commands, scenarios: _scenarios, ...unlimited } = before;
  const rights: JeedomRights = {
    ...unlimited,
    methods: method ?? before.methods,
    refusedMethods: list("refuse-method") ?? before.refusedMethods,
    ...command.ids === undefined ? {} : { commands: [...command.ids] },
    ...scenario.ids === undefined ? {} : { scenarios: [...scenario.ids] },
    endpoints: endpoint ?? before.endpoints,
    ownApikey: isGiven || (before.ownApikey && !isTakenBack),
  };
  return {
    rights,
    isGranted: isGiven || grantsAny([method, endpoint, command.texts, scenario.texts]),
    mistakes: [
      ...isGiven && isTakenBack ? ["Give --own-apikey or --no-own-apikey, not both"] : [],
      ...wrongValues("method", rights.methods, faultOf(isMethodPattern, METHOD_RULE)),
      ...wrongValues("refuse-method", rights.refusedMethods, faultOf(isMethodPattern, METHOD_RULE)),
      ...wrongValues("endpoint", rights.endpoints, faultOf(isEndpointGrant, ENDPOINT_RULE)),
      ...wrongValues("command", command.texts ?? [], faultOf(isId, ID_RULE)),
      ...wrongValues("scenario", scenario.texts ?? [], faultOf(isId, ID_RULE)),
      ...withoutMethods(rights),
      ...outsideLimit(rights),
      ...isNew ? [] : [
        ...stillLimited("command", isNoLimit(values, "command"), rights.scenarios),
        ...stillLimited("scenario", isNoLimit(values, "scenario"), rights.commands),
      ],
    ],
  };
}

function valuesOf(given: ServiceRights): OptionInput {
  const { methods, refusedMethods, commands, scenarios, endpoints, ownApikey } = rightsSchema.parse(given);
  const isLimited = commands !== undefined || scenarios !== undefined;
  const limit = (ids: readonly number[] | undefined) => isLimited ? (ids ?? []).map(String) : [NO_LIMIT];
  return {
    method: methods,
    "refuse-method": refusedMethods,
    command: limit(commands),
    scenario: limit(scenarios),
    endpoint: endpoints,
    ...ownApikey && { "own-apikey": true },
  };
}

function isId(text: string): boolean {
  return parseId(text) !== undefined;
}

function isNoLimit(values: RightsRequest["values"], name: string): boolean {
  const texts = listValues(values, name);
  return texts?.length === 1 && texts[0] === NO_LIMIT;
}

/** Lists options that a reader would take for a right, although nothing can be done with them alone. */
function withoutMethods({ methods, refusedMethods, endpoints, ownApikey }: JeedomRights): string[] {
  if (methods.length > 0) return [];
  const options = [
    ...ownApikey ? ["--own-apikey"] : [],
    ...refusedMethods.length > 0 ? ["--refuse-method"] : [],
    ...endpoints.length > 0 ? ["--endpoint"] : [],
  ];
  return options.map((option) => `${option} grants nothing alone: add --method PATTERN, or --service jeedom for all`);
}

/** Lists options that a key cannot use while it is limited to some commands and scenarios. */
function outsideLimit({ methods, endpoints, commands, scenarios }: JeedomRights): string[] {
  const valid = methods.filter(isMethodPattern);
  const grants = new JeedomGrants({ ...NOTHING, methods: valid, commands, scenarios });
  if (!grants.isLimited) return [];
  const isRefused = (method: string) => {
    try {
      grants.callMethod(method);
      return false;
    } catch (error) {
      if (error instanceof ScopeError) return true;
      throw error;
    }
  };
  const named = valid.filter((text) => !text.includes("*") && isRefused(text));
  return [
    ...named.map((method) => `--method ${method}`),
    ...endpoints.map((path) => `--endpoint ${path}`),
  ].map((option) => `${option} grants nothing with --command or --scenario: its parameters cannot be checked`);
}

/** Reports that removing one of two limits grants nothing while the other one remains. */
function stillLimited(
  option: "command" | "scenario",
  isRemoved: boolean,
  others: readonly number[] | undefined,
): string[] {
  if (!isRemoved || others === undefined) return [];
  const other = option === "command" ? "scenario" : "command";
  return [
    `--${option} ${NO_LIMIT} grants nothing, as the key is limited to some ${other}s: add --${other} ${NO_LIMIT}, or ` +
    `leave it at --${option} ''`,
  ];
}

function describeRights(given: ServiceRights): (readonly [label: string, text: string])[] {
  const { methods, refusedMethods, commands, scenarios, endpoints, ownApikey } = rightsSchema.parse(given);
  const isLimited = commands !== undefined || scenarios !== undefined;
  const limit = (values: readonly number[] | undefined) => isLimited ? describeList(values ?? []) : "any";
  return [
    ["Jeedom methods", describeList(methods.map((text) => text === "*" ? "* (what reads and controls)" : text))],
    ...refusedMethods.length > 0 ? [["refused methods", describeList(refusedMethods)] as const] : [],
    ["commands", limit(commands)],
    ["scenarios", limit(scenarios)],
    ["further endpoints", describeList(endpoints)],
    ["own API key", ownApikey ? "allowed" : "refused"],
  ];
}

function summarizeRights(given: ServiceRights): string {
  const { methods, refusedMethods, commands, scenarios, endpoints, ownApikey } = rightsSchema.parse(given);
  const part = (label: string, values: readonly string[]) =>
    values.length === 0 ? [] : [`${label}${summarizeList(values)}`];
  const limit = (label: string, values: readonly number[] | undefined) =>
    values === undefined ? [] : [`only ${label} ${summarizeList(values) || "none"}`];
  const parts = [
    ...part("", methods),
    ...part("without ", refusedMethods),
    ...limit("commands", commands),
    ...limit("scenarios", scenarios),
    ...part("endpoints ", endpoints),
    ...ownApikey ? ["own API key"] : [],
  ];
  return `Jeedom ${parts.join(", ")}`;
}
