/**
 * Section `influxdb` of the services file: named queries and writes.
 *
 * @module
 */
import { z } from "zod";
import { webAddress } from "../../config/rules.ts";
import { isVisible } from "../../lib/visible.ts";
import type { Section } from "../section.ts";
import { sectionOf, type SectionPart } from "../section_schema.ts";
import { ENTRY_NAME_RULE, isEntryName } from "../entry_names.ts";
import { type Param, PARAM_SCHEMA } from "./params.ts";
import { isParamName, type Language, PARAM_RULE, parseTemplate, type Template } from "./template.ts";
import { type Measurement, WRITE_SCHEMA } from "./write_schema.ts";

/** A server, with a database and a login. */
export interface InfluxServer {
  /** Address; its path, if any, comes before the path of the API. */
  readonly url: URL;
  /** Version of its API. */
  readonly version: 1 | 2 | 3;
  /** Database of version 1 and 3. */
  readonly database?: string | undefined;
  /** Organization of version 2. */
  readonly org?: string | undefined;
  /** Bucket of version 2 that is written to. */
  readonly bucket?: string | undefined;
  /** Token of the login. */
  readonly token?: string | undefined;
  /** Name of the login of version 1. */
  readonly username?: string | undefined;
  /** Its password. */
  readonly password?: string | undefined;
  /** File with the certificate of the server, or of its private authority. */
  readonly caFile?: string | undefined;
}

/** Part of a query and of a write. */
export interface InfluxEntry {
  /** Server that it is for. */
  readonly server: InfluxServer;
  /** Text for people. */
  readonly label?: string | undefined;
  /** Longest wait for a whole answer, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

/** A query. */
export interface InfluxQuery extends InfluxEntry {
  /** Its text. */
  readonly template: Template;
  /** Its parameters. */
  readonly params: ReadonlyMap<string, Param>;
  /** Most rows of an answer. */
  readonly maxRows: number;
  /** Largest answer, in bytes. */
  readonly maxBytes?: number | undefined;
}

/** A write. */
export interface InfluxWrite extends InfluxEntry {
  /** Measurements that can be written. */
  readonly measurements: ReadonlyMap<string, Measurement>;
}

/** Queries and writes by name, in the order of the file. */
export interface InfluxContent {
  /** The queries. */
  readonly queries: ReadonlyMap<string, InfluxQuery>;
  /** The writes. */
  readonly writes: ReadonlyMap<string, InfluxWrite>;
}

const LANGUAGES: Readonly<Record<InfluxServer["version"], Language>> = { 1: "influxql", 2: "flux", 3: "sql" };

/** Rows of an answer, unless a query has its own limit. */
const MAX_ROWS = 10_000;

const ADDRESS = webAddress("http://192.168.1.21:8086");

const address = z.string("must be a text").transform((text, context): URL => {
  const { data, error } = ADDRESS.safeParse(text);
  for (const { message } of error?.issues ?? []) context.addIssue({ code: "custom", message });
  return data ?? z.NEVER;
});

const SECRET_RULE = "must be 1 to 4096 ASCII characters";

/** A secret, or a name that is sent with one. */
const secret = z.string(SECRET_RULE).regex(/^[\x20-\x7e]{1,4096}$/, SECRET_RULE);

const TEXT_RULE = "must be a text of 1 to 200 characters without control characters";

const text = z.string(TEXT_RULE).min(1, TEXT_RULE).max(200, TEXT_RULE).refine(isVisible, TEXT_RULE);

const between = <T extends z.ZodNumber>(schema: T, min: number, max: number) =>
  schema.min(min, `must be a number from ${min} to ${max}`).max(max, `must be a number from ${min} to ${max}`);

/** Makes a schema of a part. */
function schemaOf<T>({ safeParse }: SectionPart<T>) {
  return z.unknown().transform((input, context): T => {
    const { success, data, error } = safeParse(input);
    if (success) return data;
    for (const { code, keys = [], path, message } of error.issues) {
      const at = { path: [...path], message };
      context.addIssue(code === "unrecognized_keys" ? { code, keys: [...keys], ...at } : { code: "custom", ...at });
    }
    return z.NEVER;
  });
}

const paramsSchema = z.record(z.string().refine(isParamName, PARAM_RULE), schemaOf(PARAM_SCHEMA))
  .transform((record): ReadonlyMap<string, Param> => new Map(Object.entries(record)));

const fields = z.strictObject({
  url: address,
  version: z.literal([1, 2, 3], "must be 1, 2 or 3"),
  database: text.optional(),
  org: text.optional(),
  bucket: text.optional(),
  token: secret.optional(),
  username: secret.regex(/^[^:]*$/, "must have no colon").optional(),
  password: z.string("must be a text").max(4096).optional(),
  caFile: z.string().regex(/^[^\s,]+$/, "must be a path without white space and commas").optional(),
  label: text.optional(),
  timeout: between(z.number("must be a number of seconds"), 0.1, 300).optional(),
  query: z.string("must be a text").max(20_000, "must be a text of at most 20000 characters").optional(),
  params: paramsSchema.optional(),
  maxRows: between(z.int("must be a whole number"), 1, 1_000_000).optional(),
  maxBytes: between(z.int("must be a whole number"), 1, 2 ** 28).optional(),
  write: schemaOf(WRITE_SCHEMA).optional(),
});

type Fields = z.output<typeof fields>;

const entry = fields.transform((given, context): InfluxQuery | InfluxWrite => {
  const report = (field: keyof Fields, message: string) => context.addIssue({ code: "custom", path: [field], message });
  for (const [field, message] of mismatches(given)) report(field, message);
  const { url, version, database, org, bucket, token, username, password, caFile, label, timeout, write } = given;
  const named: InfluxEntry = {
    server: { url, version, database, org, bucket, token, username, password, caFile },
    label,
    timeoutMs: timeout === undefined ? undefined : timeout * 1000,
  };
  if (write !== undefined) return { ...named, measurements: write };
  const params = given.params ?? new Map<string, Param>();
  const parsed = parseTemplate(given.query ?? "", { language: LANGUAGES[version], params: [...params.keys()] });
  if (parsed.fault !== undefined && given.query !== undefined) report("query", parsed.fault);
  const { maxRows = MAX_ROWS, maxBytes } = given;
  return { ...named, template: parsed.template ?? [], params, maxRows, maxBytes };
});

/** Returns the problems between fields that may each be valid. */
function mismatches(given: Fields): (readonly [field: keyof Fields, message: string])[] {
  const { url, version, database, org, bucket, token, username, password, caFile, query, write } = given;
  const found: (readonly [keyof Fields, string])[] = [];
  if ((query === undefined) === (write === undefined)) found.push(["query", "must be given, or write, but not both"]);
  if (version === 2) {
    if (database !== undefined) found.push(["database", "is for version 1 and 3: version 2 has org"]);
    if (org === undefined) found.push(["org", "must be given with version 2"]);
    if (token === undefined) found.push(["token", "must be given with version 2"]);
    if (write !== undefined && bucket === undefined) found.push(["bucket", "must be given with write and version 2"]);
  } else {
    if (database === undefined) found.push(["database", `must be given with version ${version}`]);
    if (org !== undefined) found.push(["org", "is for version 2: version 1 and 3 have database"]);
  }
  if (bucket !== undefined && (version !== 2 || write === undefined)) {
    found.push(["bucket", "is for write with version 2: a query of Flux names its bucket itself"]);
  }
  if (username !== undefined && version !== 1) found.push(["username", "is for version 1: use token"]);
  if (username !== undefined && token !== undefined) found.push(["token", "must not come together with username"]);
  if (password !== undefined && username === undefined) found.push(["username", "must be given with password"]);
  if (caFile !== undefined && url?.protocol === "http:") found.push(["caFile", "needs https:// in url"]);
  if (write !== undefined) {
    for (const field of ["params", "maxRows", "maxBytes"] as const) {
      if (given[field] !== undefined) found.push([field, "is for query, not for write"]);
    }
  }
  return found;
}

const section = z.record(z.string().refine(isEntryName, ENTRY_NAME_RULE), entry).transform((record): InfluxContent => {
  const entries = Object.entries(record);
  return {
    queries: new Map(entries.flatMap(([name, one]) => "template" in one ? [[name, one]] : [])),
    writes: new Map(entries.flatMap(([name, one]) => "measurements" in one ? [[name, one]] : [])),
  };
});

const EMPTY: InfluxContent = { queries: new Map(), writes: new Map() };

const own = sectionOf("influxdb", section, EMPTY);

/** The section. */
export const INFLUXDB_SECTION: Section<InfluxContent> = {
  ...own,
  fields: [...new Set([own, PARAM_SCHEMA, WRITE_SCHEMA].flatMap((part) => part.fields ?? []))],
};

/** Returns the servers of all queries and writes. */
export function serversOf({ queries, writes }: InfluxContent): readonly InfluxServer[] {
  return [...queries.values(), ...writes.values()].map(({ server }) => server);
}

/** Returns the address of an endpoint, from the address of a server. */
export function endpointOf({ url }: Pick<InfluxServer, "url">, path: string): string {
  return url.origin + url.pathname.replace(/\/$/, "") + path;
}
