/**
 * Section `http` of the services file: the targets that requests may name.
 *
 * @module
 */
import { z } from "zod";
import { ENTRY_NAME_RULE, isEntryName } from "../entry_names.ts";
import { webAddress } from "../../config/rules.ts";
import type { Section } from "../section.ts";
import { sectionOf } from "../section_schema.ts";
import { headerFault, type HeaderList } from "./headers.ts";
import { isPathPattern, PATH_PATTERN_RULE, pathFault } from "./path.ts";

/** Methods of requests. */
export const METHODS: readonly Method[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Method of a request. */
export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";

/** Target of requests, as the file has it. */
export interface HttpTarget {
  /** Address; its path comes before the path of each request. */
  readonly url: URL;
  /** Name for people. */
  readonly label?: string | undefined;
  /** Methods that requests may have. */
  readonly methods: readonly Method[];
  /** Patterns of paths, below that of the address. */
  readonly paths: readonly string[];
  /** Parameters of the query that the gateway adds, such as an API key. */
  readonly query: Readonly<Record<string, string>>;
  /** Headers that the gateway adds. */
  readonly headers: Readonly<Record<string, string>>;
  /** Name of the login with HTTP Basic. */
  readonly username?: string | undefined;
  /** Its password. */
  readonly password?: string | undefined;
  /** Token of the login with `Authorization: Bearer`. */
  readonly bearer?: string | undefined;
  /** File with the certificate of the target, or of its private authority. */
  readonly caFile?: string | undefined;
  /** File with the gateway's certificate for the target. */
  readonly certFile?: string | undefined;
  /** File with that certificate's private key. */
  readonly keyFile?: string | undefined;
  /** Longest wait for a whole answer, in seconds. */
  readonly timeout?: number | undefined;
  /** Largest answer, in bytes. */
  readonly maxBytes?: number | undefined;
  /** Redirects to follow: those that stay in the target, or also those to URLs that are allowed without it. */
  readonly redirects: "none" | "same-origin" | "follow";
}

const ADDRESS = webAddress("http://192.168.1.20:5000");

const address = z.string("must be a text").transform((text, context): URL => {
  const result = ADDRESS.safeParse(text);
  const issues = result.error?.issues ?? [];
  for (const { message } of issues) context.addIssue({ code: "custom", message });
  if (result.data === undefined) return z.NEVER;
  const path = basePath(result.data);
  const fault = path === "" ? undefined : pathFault(path);
  if (fault !== undefined) context.addIssue({ code: "custom", message: `path ${fault}` });
  return result.data;
});

const FILE_RULE = "must be a path without white space and commas";

const file = z.string().regex(/^[^\s,]+$/, FILE_RULE).optional();

/** A secret, or a name that is sent with one. */
const text = z.string().min(1).max(4096).regex(/^[\x20-\x7e]+$/, "must hold ASCII characters alone");

const headers = z.record(z.string(), z.string()).default({}).superRefine((record, context) => {
  for (const [name, value] of Object.entries(record)) {
    const fault = headerFault(name, value);
    if (fault !== undefined) context.addIssue({ code: "custom", path: [name], message: fault });
  }
});

const schema = z.strictObject({
  url: address,
  label: z.string().max(100).optional(),
  methods: z.array(z.enum(METHODS)).min(1).default(["GET"]),
  paths: z.array(z.string().refine(isPathPattern, PATH_PATTERN_RULE)).min(1).max(100),
  query: z.record(z.string().min(1), z.string()).default({}),
  headers,
  username: text.regex(/^[^:]*$/, "must have no colon").optional(),
  password: z.string().max(4096).optional(),
  bearer: text.optional(),
  caFile: file,
  certFile: file,
  keyFile: file,
  timeout: z.number().min(0.1).max(3600).optional(),
  maxBytes: z.int().min(1).max(2 ** 30).optional(),
  redirects: z.enum(["none", "same-origin", "follow"]).default("none"),
}).superRefine((target, context) => {
  const report = (field: keyof typeof target, message: string) =>
    context.addIssue({ code: "custom", path: [field], message });
  if (target.password !== undefined && target.username === undefined) report("username", "must be given with password");
  if (target.certFile !== undefined && target.keyFile === undefined) report("keyFile", "must be given with certFile");
  if (target.keyFile !== undefined && target.certFile === undefined) report("certFile", "must be given with keyFile");
  const logins = [
    target.username,
    target.bearer,
    Object.keys(target.headers).find((name) => name.toLowerCase() === "authorization"),
  ].filter((login) => login !== undefined);
  if (logins.length > 1) report("bearer", "must be the only login, of username, bearer and headers.Authorization");
  for (const field of ["caFile", "certFile"] as const) {
    if (target[field] !== undefined && target.url?.protocol === "http:") report(field, "needs https:// in url");
  }
});

/** Targets by name. */
export type HttpTargets = Readonly<Record<string, HttpTarget>>;

const targets = z.record(z.string().refine(isEntryName, ENTRY_NAME_RULE), schema);

/** The section. */
export const HTTP_SECTION: Section<HttpTargets> = sectionOf("http", targets, {});

/** Returns a target by its name; undefined if there is none. */
export function findTarget(all: HttpTargets, name: string): HttpTarget | undefined {
  return Object.hasOwn(all, name) ? all[name] : undefined;
}

/** Returns the path of an address without the slash at its end: empty for a whole server. */
export function basePath({ pathname }: Pick<URL, "pathname">): string {
  return pathname.replace(/\/$/, "");
}

/** Returns the headers that the gateway adds to requests to a target: its own, and its login. */
export function ownHeaders({ headers, username, password = "", bearer }: HttpTarget): HeaderList {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  if (username !== undefined) own.push(["authorization", `Basic ${basicToken(username, password)}`]);
  if (bearer !== undefined) own.push(["authorization", `Bearer ${bearer}`]);
  return own;
}

/** Returns the token of a login with HTTP Basic (RFC 7617). */
function basicToken(username: string, password: string): string {
  return new TextEncoder().encode(`${username}:${password}`).toBase64();
}

/** Returns whether the gateway logs in to a target, so that its answers may hold sessions of that login. */
export function hasLogin({ headers, query, username, bearer, certFile }: HttpTarget): boolean {
  return [username, bearer, certFile].some((login) => login !== undefined) ||
    Object.keys(headers).length + Object.keys(query).length > 0;
}

/** Shortest text that is taken for a secret: a shorter one occurs by chance. */
const MIN_SECRET_LENGTH = 4;

/** Returns texts that the client must not see in the headers of an answer. */
export function secretsOf({ headers, query, username, password = "", bearer = "" }: HttpTarget): readonly string[] {
  const token = username === undefined ? "" : basicToken(username, password);
  const secrets = [...Object.values(headers), ...Object.values(query), password, token, bearer];
  return [...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))]
    .filter(({ length }) => length >= MIN_SECRET_LENGTH);
}
