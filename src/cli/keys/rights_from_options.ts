/**
 * From the options of `keys add` and `keys set` to the rights of a key.
 *
 * @module
 */
import { grantFault } from "../../mqtt/topics/rules.ts";
import { isBrokerPattern } from "../../net/egress.ts";
import {
  ENDPOINT_RULE,
  ID_RULE,
  isEndpointGrant,
  isMethodPattern,
  METHOD_RULE,
  parseId,
  type Rights,
  SERVICE_NAMES,
} from "../../keys/schema.ts";
import { Scope, ScopeError } from "../../keys/rights.ts";
import type { Options } from "../args.ts";

/** The options that say what a key may do. */
export const RIGHTS_OPTIONS = {
  service: list("jeedom|mqtt", "All that is ordinary there, unless narrowed below"),
  publish: list("FILTER", "Topics to publish to, such as 'home/#'"),
  subscribe: list("FILTER", "Topics to subscribe to"),
  method: list("PATTERN", "Jeedom methods, such as 'cmd::*'"),
  "refuse-method": list("PATTERN", "Methods to leave out of these"),
  command: list("ID", "These commands of Jeedom, and nothing else of it"),
  scenario: list("ID", "These scenarios of Jeedom, likewise"),
  endpoint: list("PATH", "Further paths on the Jeedom server, or '*'"),
  broker: list("HOST[:PORT]", "Other brokers, out of MQTT_ALLOWED_BROKERS"),
  "own-apikey": { type: "boolean", description: "Requests may bring a Jeedom API key of their own" },
} as const satisfies Options;

/** Makes an option that can be given several times. */
function list(value: string, description: string) {
  return { type: "string", multiple: true, value, description } as const;
}

/** The values of these options. */
export type RightsValues =
  & {
    readonly [Name in Exclude<keyof typeof RIGHTS_OPTIONS, "own-apikey">]?: readonly string[] | undefined;
  }
  & { readonly "own-apikey"?: boolean | undefined };

/** Rights of a household's phone: both services, but no methods that have to be named, and no other broker. */
const EVERYDAY: Rights = {
  services: SERVICE_NAMES,
  publish: ["#"],
  subscribe: ["#"],
  methods: ["*"],
  refusedMethods: [],
  endpoints: [],
  brokers: [],
  ownApikey: true,
};

/** Rights, and everything that is wrong with the options, each with its remedy. */
export interface RightsFromOptions {
  /** The rights. */
  readonly rights: Rights;
  /** Lines for the person at the console; none if all is right. */
  readonly mistakes: readonly string[];
}

/** Tells whether none of the options is given. */
function isEmpty(values: RightsValues): boolean {
  return Object.keys(RIGHTS_OPTIONS).every((name) => !Object.hasOwn(values, name));
}

/**
 * Finds the rights of a new key: the everyday ones when no option is given, otherwise what is named and what that cannot
 * do without.
 */
export function rightsFromOptions(values: RightsValues): RightsFromOptions {
  if (isEmpty(values)) return { rights: EVERYDAY, mistakes: [] };
  return withOptions(NOTHING, withOrdinary(NOTHING, values));
}

/** Adds all that is ordinary in a service that is named, where the key has nothing in it and nothing narrower is named. */
function withOrdinary(rights: Rights, values: RightsValues): RightsValues {
  const { service = [], publish, subscribe, method, command, scenario } = values;
  const hasTopics = rights.publish.length + rights.subscribe.length > 0;
  const allTopics = service.includes("mqtt") && !hasTopics && publish === undefined && subscribe === undefined;
  const needsMethods = service.includes("jeedom") || command !== undefined || scenario !== undefined;
  const allMethods = needsMethods && rights.methods.length === 0 && method === undefined;
  return {
    ...values,
    ...allTopics ? { publish: ["#"], subscribe: ["#"] } : {},
    ...allMethods ? { method: ["*"] } : {},
  };
}

/** What a key may do before anything is granted. */
const NOTHING: Rights = {
  services: [],
  publish: [],
  subscribe: [],
  methods: [],
  refusedMethods: [],
  endpoints: [],
  brokers: [],
  ownApikey: false,
};

/** Value of `--command` or `--scenario` that takes the limit away. */
const NO_LIMIT = "any";

/**
 * Finds the rights of a key whose rights are changed: each option that is given replaces its field, and adds the service
 * that it needs. One empty value empties a list; `any` takes the limit to some commands or scenarios away.
 */
export function replaceRights(rights: Rights, values: RightsValues): RightsFromOptions {
  if (isEmpty(values)) return { rights, mistakes: [] };
  const { command, scenario, ...others } = values;
  const emptied = Object.entries(others).map(([name, value]) => [name, isSingle(value, "") ? [] : value]);
  const { commands, scenarios, ...unlimited } = rights;
  const limits = {
    ...isSingle(command, NO_LIMIT) ? {} : { commands },
    ...isSingle(scenario, NO_LIMIT) ? {} : { scenarios },
  };
  const ids = (given: readonly string[] | undefined) =>
    given === undefined || isSingle(given, NO_LIMIT) ? undefined : isSingle(given, "") ? [] : given;
  const before: Rights = { ...unlimited, ...limits };
  const given = { ...Object.fromEntries(emptied), command: ids(command), scenario: ids(scenario) };
  const { rights: after, mistakes } = withOptions(before, withOrdinary(before, given));
  return {
    rights: after,
    mistakes: [
      ...mistakes,
      ...stillLimited("command", command, after.scenarios),
      ...stillLimited("scenario", scenario, after.commands),
    ],
  };
}

/** Without one of the two limits, a key that has the other one reaches nothing of the first kind. */
function stillLimited(option: "command" | "scenario", given: unknown, others: readonly number[] | undefined): string[] {
  if (!isSingle(given, NO_LIMIT) || others === undefined) return [];
  const other = option === "command" ? "scenario" : "command";
  return [
    `--${option} ${NO_LIMIT} grants nothing, as the key is limited to some ${other}s: add --${other} ${NO_LIMIT}, or ` +
    `leave it at --${option} ''`,
  ];
}

function isSingle(values: unknown, value: string): boolean {
  return Array.isArray(values) && values.length === 1 && values[0] === value;
}

/** Replaces what the options name. */
function withOptions(rights: Rights, values: RightsValues): RightsFromOptions {
  const list = (name: Exclude<keyof RightsValues, "own-apikey">) => {
    const given = values[name];
    return given === undefined ? undefined : [...new Set(given)];
  };
  const isGranted = (name: keyof RightsValues) => name === "own-apikey" ? values[name] : (list(name)?.length ?? 0) > 0;
  const services = new Set<string>(list("service") ?? rights.services);
  if ((["publish", "subscribe", "broker"] as const).some(isGranted)) services.add("mqtt");
  if ((["method", "endpoint", "own-apikey", "command", "scenario"] as const).some(isGranted)) services.add("jeedom");
  const idsOf = (texts: readonly string[] | undefined, before: readonly number[] | undefined) =>
    texts?.flatMap((text) => parseId(text) ?? []) ?? before;
  const commands = idsOf(list("command"), rights.commands);
  const scenarios = idsOf(list("scenario"), rights.scenarios);
  const replaced: Rights = {
    services: SERVICE_NAMES.filter((name) => services.has(name)),
    publish: list("publish") ?? rights.publish,
    subscribe: list("subscribe") ?? rights.subscribe,
    methods: list("method") ?? rights.methods,
    refusedMethods: list("refuse-method") ?? rights.refusedMethods,
    ...commands === undefined ? {} : { commands },
    ...scenarios === undefined ? {} : { scenarios },
    endpoints: list("endpoint") ?? rights.endpoints,
    brokers: list("broker") ?? rights.brokers,
    ownApikey: values["own-apikey"] ?? rights.ownApikey,
  };
  return {
    rights: replaced,
    mistakes: [
      ...wrongValues(replaced, list("service") ?? []),
      ...wrongIds("command", list("command")),
      ...wrongIds("scenario", list("scenario")),
      ...withoutEffect(replaced),
    ],
  };
}

function wrongIds(option: "command" | "scenario", values: readonly string[] = []): string[] {
  return values.filter((value) => parseId(value) === undefined).map((value) => `--${option} "${value}" ${ID_RULE}`);
}

function wrongValues(rights: Rights, services: readonly string[]): string[] {
  const fault = (isRight: (value: string) => boolean, rule: string) => (value: string) =>
    isRight(value) ? undefined : rule;
  const serviceFault = fault(isService, `must be ${SERVICE_NAMES.join(" or ")}`);
  const methodFault = fault(isMethodPattern, METHOD_RULE);
  const endpointFault = fault(isEndpointGrant, ENDPOINT_RULE);
  const brokerFault = fault(isBrokerPattern, "must be host, host:port, *.domain, a network such as 10.0.0.0/8, or *");
  const check = (option: string, values: readonly string[], faultOf: (value: string) => string | undefined) =>
    values.flatMap((value) => {
      const found = faultOf(value);
      return found === undefined ? [] : [`--${option} "${value}" ${found}`];
    });
  return [
    ...check("service", services, serviceFault),
    ...check("publish", rights.publish, grantFault),
    ...check("subscribe", rights.subscribe, grantFault),
    ...check("method", rights.methods, methodFault),
    ...check("refuse-method", rights.refusedMethods, methodFault),
    ...check("endpoint", rights.endpoints, endpointFault),
    ...check("broker", rights.brokers, brokerFault),
  ];
}

/** What somebody would take for a right, although nothing can be done with it. */
function withoutEffect(rights: Rights): string[] {
  const { publish, subscribe, methods, refusedMethods, endpoints, brokers, ownApikey } = rights;
  const mistakes: string[] = [];
  if (brokers.length > 0 && publish.length + subscribe.length === 0) {
    mistakes.push(
      "--broker grants nothing alone: add --publish FILTER, --subscribe FILTER, or --service mqtt for both",
    );
  }
  const needMethods: [option: string, isGiven: boolean][] = [
    ["--own-apikey", ownApikey],
    ["--refuse-method", refusedMethods.length > 0],
    ["--endpoint", endpoints.length > 0],
  ];
  for (const [option, isGiven] of needMethods) {
    if (!isGiven || methods.length > 0) continue;
    mistakes.push(`${option} grants nothing alone: add --method PATTERN, or --service jeedom for all`);
  }
  return [...mistakes, ...outsideLimit(rights)];
}

/** What a key that is limited to some commands and scenarios cannot use. */
function outsideLimit(rights: Rights): string[] {
  const { methods, commands, scenarios } = rights;
  const scope = new Scope({ ...NOTHING, methods, commands, scenarios });
  if (!scope.isLimited) return [];
  const isRefused = (method: string) => {
    try {
      scope.callMethod(method);
      return false;
    } catch (error) {
      if (error instanceof ScopeError) return true;
      throw error;
    }
  };
  const named = rights.methods.filter((text) => !text.includes("*") && isMethodPattern(text) && isRefused(text));
  return [
    ...named.map((method) => `--method ${method}`),
    ...rights.endpoints.map((path) => `--endpoint ${path}`),
  ].map((option) => `${option} grants nothing with --command or --scenario: its parameters cannot be checked`);
}

function isService(text: string): boolean {
  return SERVICE_NAMES.some((name) => name === text);
}
