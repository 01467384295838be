/**
 * Rights of a key in InfluxDB: queries that it may run, and writes that it may use.
 *
 * @module
 */
import { z } from "zod";
import { NotGrantedError, ScopeError, type ServiceRights } from "../../keys/rights.ts";
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
import { createEntryMatcher, ENTRY_PATTERN_RULE, isEntryPattern } from "../entry_names.ts";

const patterns = z.array(z.string().refine(isEntryPattern, ENTRY_PATTERN_RULE)).max(100).default([]);

const schema = z.strictObject({
  /** Patterns of the queries that the key may run. */
  queries: patterns,
  /** Patterns of the writes that the key may use. */
  write: patterns,
});

type InfluxRights = Readonly<z.output<typeof schema>>;

const NOTHING: InfluxRights = schema.parse({});

/** Interpreted rights of one key in InfluxDB. */
export class InfluxGrants {
  readonly #rights: InfluxRights;
  readonly #mayRun: (name: string) => boolean;
  readonly #mayWrite: (name: string) => boolean;

  /** Interprets rights. */
  constructor(given: ServiceRights) {
    this.#rights = schema.parse(given);
    this.#mayRun = createEntryMatcher(this.#rights.queries);
    this.#mayWrite = createEntryMatcher(this.#rights.write);
  }

  /** Returns whether the key may run a query. */
  mayRun(name: string): boolean {
    return this.#mayRun(name);
  }

  /** Returns whether the key may use a write. */
  mayWrite(name: string): boolean {
    return this.#mayWrite(name);
  }

  /**
   * Finds a query. One that does not exist has the answer of one that is not granted.
   *
   * @throws {ScopeError} if the key does not grant it, or there is none
   */
  findQuery<T>(queries: ReadonlyMap<string, T>, name: string): T {
    const missing = { verb: "run", option: "query", value: name, granted: this.#rights.queries };
    return find(queries, { name, isGranted: this.#mayRun(name), missing });
  }

  /** Finds a write in the same way. */
  findWrite<T>(writes: ReadonlyMap<string, T>, name: string): T {
    const missing = { verb: "use", option: "write-series", value: name, granted: this.#rights.write };
    return find(writes, { name, isGranted: this.#mayWrite(name), missing });
  }
}

function find<T>(
  entries: ReadonlyMap<string, T>,
  { name, isGranted, missing }: {
    readonly name: string;
    readonly isGranted: boolean;
    readonly missing: NotGrantedError["missing"];
  },
): T {
  if (!isGranted) throw new NotGrantedError(missing);
  const entry = entries.get(name);
  // The same text as above; no option of a command would help.
  if (entry === undefined) throw new ScopeError(`${missing.verb} the ${missing.option} ${name}`);
  return entry;
}

/** Definition of the rights in InfluxDB. */
export const INFLUXDB_RIGHTS: RightsDefinition = {
  schema: { fields: Object.keys(schema.shape), safeParse: (value) => schema.safeParse(value) },
  all: { queries: ["*"], write: ["*"] },
  options: {
    query: listOption("NAME", "InfluxDB queries to run, such as 'temp-*'"),
    "write-series": listOption("NAME", "InfluxDB writes to use"),
  },
  change: changeRights,
  values(rights) {
    const { queries, write } = schema.parse(rights);
    return { query: queries, "write-series": write };
  },
  describe: (given) => {
    const { queries, write } = schema.parse(given);
    return [["InfluxDB queries", describeList(queries)], ["InfluxDB writes", describeList(write)]];
  },
  summarize: (given) => {
    const { queries, write } = schema.parse(given);
    return `InfluxDB ${summarizeParts([["query", queries], ["write", write]]) || "nothing"}`;
  },
};

function changeRights({ before: given, values, isNamed, isNew }: RightsRequest): RightsChange {
  const before = given === undefined ? NOTHING : schema.parse(given);
  const queries = changeList(values, "query", { isNew });
  const write = changeList(values, "write-series", { isNew });
  const rights: InfluxRights = { queries: queries ?? before.queries, write: write ?? before.write };
  const hasAny = rights.queries.length + rights.write.length > 0;
  const fault = faultOf(isEntryPattern, ENTRY_PATTERN_RULE);
  return {
    rights,
    isGranted: grantsAny([queries, write]),
    mistakes: [
      ...wrongValues("query", rights.queries, fault),
      ...wrongValues("write-series", rights.write, fault),
      ...isNamed && !hasAny
        ? ["--service influxdb grants nothing alone: add --query NAME or --write-series NAME, or '*' for all"]
        : [],
    ],
  };
}
