/**
 * From the options of `keys add` to the rights of the new key.
 *
 * @module
 */
import { grantFault } from "../../mqtt/topic.ts";
import { isBrokerPattern } from "../../security/egress.ts";
import {
  ENDPOINT_RULE,
  isEndpointGrant,
  isMethodPattern,
  METHOD_RULE,
  type Rights,
  SERVICE_NAMES,
} from "../../security/key_record.ts";

/** The options that say what a key may do, for `parseArgs` of `node:util`. */
export const RIGHTS_OPTIONS = {
  service: { type: "string", multiple: true },
  publish: { type: "string", multiple: true },
  subscribe: { type: "string", multiple: true },
  method: { type: "string", multiple: true },
  "refuse-method": { type: "string", multiple: true },
  endpoint: { type: "string", multiple: true },
  broker: { type: "string", multiple: true },
  "own-apikey": { type: "boolean" },
} as const;

/** The values of these options. */
export type RightsValues =
  & {
    readonly [Name in Exclude<keyof typeof RIGHTS_OPTIONS, "own-apikey">]?: readonly string[] | undefined;
  }
  & { readonly "own-apikey"?: boolean | undefined };

/** What a phone of the household may do: everything but stop Jeedom, change its users, or name another broker. */
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

/**
 * Finds the rights that the options grant: the everyday ones when none is given, otherwise what is named and what that
 * cannot do without.
 *
 * @returns the rights, and everything that is wrong with the options, each with its remedy
 */
export function rightsFromOptions(values: RightsValues): { readonly rights: Rights; readonly mistakes: string[] } {
  if (Object.keys(RIGHTS_OPTIONS).every((name) => !Object.hasOwn(values, name))) {
    return { rights: EVERYDAY, mistakes: [] };
  }
  const given = (name: keyof Omit<RightsValues, "own-apikey">) => [...new Set(values[name])];
  const services = given("service");
  const [publish, subscribe, methods] = [given("publish"), given("subscribe"), given("method")];
  const [endpoints, brokers, ownApikey] = [given("endpoint"), given("broker"), values["own-apikey"] ?? false];
  const wanted = new Set(services);
  if (publish.length + subscribe.length + brokers.length > 0) wanted.add("mqtt");
  if (methods.length + endpoints.length > 0 || ownApikey) wanted.add("jeedom");
  const allTopics = services.includes("mqtt") && publish.length + subscribe.length === 0;
  const allMethods = services.includes("jeedom") && methods.length === 0;
  const rights: Rights = {
    services: SERVICE_NAMES.filter((name) => wanted.has(name)),
    publish: allTopics ? ["#"] : publish,
    subscribe: allTopics ? ["#"] : subscribe,
    methods: allMethods ? ["*"] : methods,
    refusedMethods: given("refuse-method"),
    endpoints,
    brokers,
    ownApikey,
  };
  return { rights, mistakes: [...wrongValues(rights, services), ...withoutEffect(rights)] };
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
function withoutEffect(
  { publish, subscribe, methods, refusedMethods, endpoints, brokers, ownApikey }: Rights,
): string[] {
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
  return mistakes;
}

function isService(text: string): boolean {
  return SERVICE_NAMES.some((name) => name === text);
}
