/**
 * Rights of a key in Home Assistant: entities to read, and services to call for entities.
 *
 * Home Assistant's own tokens have no such limits: these rights are the only ones that a phone has there.
 *
 * @module
 */
import { z } from "zod";
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
  summarizeParts,
  wrongValues,
} from "../rights_options.ts";
import { domainOf, doOverlap, ENTITY_PATTERN_RULE, isPattern, matcherOf, matcherOfAny } from "./entities.ts";

/** Name of the service. */
export const HOME_ASSISTANT = "home_assistant";

/**
 * Domains whose services reach any device, or run programs: a pattern that does not name the domain does not grant them.
 */
const NAMED_DOMAINS: readonly string[] = [
  "automation",
  "hassio",
  "homeassistant",
  "notify",
  "pyscript",
  "python_script",
  "rest_command",
  "script",
  "shell_command",
];

/** Rule for a granted call, in words that follow it. */
const CALL_RULE =
  "must be a service and entities such as light.turn_on@light.hall, light.*@light.* or *@*; or a service " +
  "alone such as script.good_night, which names its domain, for calls without entities";

/** Granted calls: a pattern of services, and one of entities for those that have a target. */
interface CallGrant {
  readonly matchesService: (service: string) => boolean;
  /** Domain of the services; undefined where the pattern has a wildcard in it. */
  readonly domain: string | undefined;
  /** Undefined for calls without entities. */
  readonly matchesEntity: ((entity: string) => boolean) | undefined;
}

/** Parses a granted call, `DOMAIN.SERVICE@ENTITY` or `DOMAIN.SERVICE`; returns undefined if it is none. */
function parseCallGrant(text: string): CallGrant | undefined {
  const [service = "", entity, ...rest] = text.split("@");
  if (rest.length > 0 || !isPattern(service) || (entity !== undefined && !isPattern(entity))) return undefined;
  const domain = service === "*" || domainOf(service).includes("*") ? undefined : domainOf(service);
  if (entity === undefined && domain === undefined) return undefined;
  return {
    matchesService: matcherOf(service),
    domain,
    matchesEntity: entity === undefined ? undefined : matcherOf(entity),
  };
}

function isCallGrant(text: string): boolean {
  return parseCallGrant(text) !== undefined;
}

const fields = z.strictObject({
  /** Patterns of entities whose states, history and pictures the key may read. */
  read: z.array(z.string().refine(isPattern, ENTITY_PATTERN_RULE)).max(100).default([]),
  /** Calls that the key may make, `DOMAIN.SERVICE@ENTITY`, or `DOMAIN.SERVICE` for those without entities. */
  call: z.array(z.string().refine(isCallGrant, CALL_RULE)).max(100).default([]),
});

const rightsSchema = fields.extend({
  /** True if every call is granted: for the key `default` alone, and never in the file. */
  everyCall: z.literal(true).optional(),
});

type HomeAssistantRights = Readonly<z.output<typeof rightsSchema>>;

const NOTHING: HomeAssistantRights = rightsSchema.parse({});

/** Interpreted rights of one key in Home Assistant. All names must be valid: their spelling is checked before. */
export class HomeAssistantGrants {
  readonly #rights: HomeAssistantRights;
  readonly #matchesRead: (entity: string) => boolean;
  readonly #calls: readonly CallGrant[];

  /** Interprets rights. */
  constructor(given: ServiceRights) {
    this.#rights = rightsSchema.parse(given);
    this.#matchesRead = matcherOfAny(this.#rights.read);
    this.#calls = this.#rights.call.flatMap((text) => parseCallGrant(text) ?? []);
  }

  /** Returns whether the key may read an entity. */
  mayRead(entity: string): boolean {
    return this.#matchesRead(entity);
  }

  /** True if the key may read any entity. */
  get mayReadAny(): boolean {
    return this.#rights.read.length > 0;
  }

  #mayNotRead(value: string): NotGrantedError {
    const { read: granted } = this.#rights;
    return new NotGrantedError({ verb: "read", option: "ha-read", thing: "entity", value, granted });
  }

  /**
   * Requires an entity to read.
   *
   * @throws {NotGrantedError} if the key does not grant it
   */
  read(entity: string): void {
    if (this.mayRead(entity)) return;
    throw this.#mayNotRead(entity);
  }

  /**
   * Requires that the key may read some of the entities that a pattern matches, whether or not there are any.
   *
   * @throws {NotGrantedError} if the key grants none
   */
  readSome(pattern: string): void {
    if (!this.#rights.read.some((granted) => doOverlap(granted, pattern))) throw this.#mayNotRead(pattern);
  }

  /**
   * Returns whether the key may call a service.
   *
   * @param entity entity that the call is for; undefined for a call without entities
   */
  mayCall(service: string, entity: string | undefined): boolean {
    if (this.#rights.everyCall) return true;
    const domain = domainOf(service);
    return this.#calls.some((grant) => {
      if (!grant.matchesService(service)) return false;
      if (entity === undefined) return grant.matchesEntity === undefined;
      // Services of other domains than the entity's do more than to control it: some run programs, whatever the target.
      const isOwnDomain = domainOf(entity) === domain && !NAMED_DOMAINS.includes(domain);
      return (grant.domain !== undefined || isOwnDomain) && grant.matchesEntity?.(entity) === true;
    });
  }

  /**
   * Requires a call.
   *
   * @param entity entity that the call is for; undefined for a call without entities
   * @throws {NotGrantedError} if the key does not grant it
   */
  call(service: string, entity: string | undefined): void {
    if (this.mayCall(service, entity)) return;
    const value = entity === undefined ? service : `${service}@${entity}`;
    throw new NotGrantedError({
      verb: "call",
      option: "ha-call",
      thing: "service",
      value,
      granted: this.#rights.call,
    });
  }
}

/** Definition of the rights in Home Assistant. */
export const HOME_ASSISTANT_RIGHTS: RightsDefinition = {
  schema: { fields: Object.keys(fields.shape), safeParse: (value) => fields.safeParse(value) },
  all: { ...NOTHING, read: ["*"], everyCall: true },
  options: {
    "ha-read": listOption("ENTITY", "Entities of Home Assistant to read,\nsuch as 'sensor.*'"),
    "ha-call": listOption(
      "CALL",
      "Services of Home Assistant to call, such as\n'light.*@light.hall' or script.good_night",
    ),
  },
  change: changeRights,
  values(rights) {
    const { read, call } = rightsSchema.parse(rights);
    return { "ha-read": read, "ha-call": call };
  },
  describe: describeRights,
  summarize: summarizeRights,
  describeReach(rights) {
    const { call } = rightsSchema.parse(rights);
    return call.length === 0
      ? undefined
      : `call ${call.join(" ")} in Home Assistant: where that reaches devices, add --ha-call ''`;
  },
};

function changeRights({ before: given, values, isNamed, isNew }: RightsRequest): RightsChange {
  const before = given === undefined ? NOTHING : rightsSchema.parse(given);
  const read = changeList(values, "ha-read", { isNew });
  const call = changeList(values, "ha-call", { isNew });
  const rights: HomeAssistantRights = { ...before, read: read ?? before.read, call: call ?? before.call };
  return {
    rights,
    isGranted: grantsAny([read, call]),
    mistakes: [
      ...wrongValues("ha-read", rights.read, faultOf(isPattern, ENTITY_PATTERN_RULE)),
      ...wrongValues("ha-call", rights.call, faultOf(isCallGrant, CALL_RULE)),
      ...isNamed && rights.read.length + rights.call.length === 0
        ? [`--service ${HOME_ASSISTANT} grants nothing alone: add --ha-read ENTITY or --ha-call CALL`]
        : [],
    ],
  };
}

function describeRights(given: ServiceRights): (readonly [label: string, text: string])[] {
  const { read, call } = rightsSchema.parse(given);
  return [
    ["Home Assistant reads", describeList(read)],
    ["Home Assistant calls", describeList(call)],
  ];
}

function summarizeRights(given: ServiceRights): string {
  const { read, call } = rightsSchema.parse(given);
  return `Home Assistant ${summarizeParts([["read", read], ["call", call]]) || "nothing"}`;
}
