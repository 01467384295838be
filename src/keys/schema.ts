/**
 * Format of the file `KEYS_FILE`: one JSON object, strict in every field. The rights of a key stand below the names of
 * the services; older files have them beside the key's other fields.
 *
 * @module
 */
import { z } from "zod";
import { findDuplicateMember } from "../lib/duplicate_member.ts";
import { isObject } from "../lib/json.ts";
import { isVisible } from "../lib/visible.ts";
import type { Rate } from "../limits/rate_limiter.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { parseKey } from "../protocol/secret_key.ts";
import type { GrantableService, Rights, RightsIssue } from "./rights.ts";

/** One key of the keys file. */
export interface KeyRecord {
  /** Its name: letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** Text by which its device describes itself, which is no secret and proves nothing. */
  readonly label?: string | undefined;
  /** The key, 32 bytes. */
  readonly secret: Bytes;
  /** Time of its creation, in milliseconds since 1970. */
  readonly created: number;
  /** Time of its expiry, in milliseconds since 1970. */
  readonly expires?: number | undefined;
  /** True while it is switched off. */
  readonly disabled: boolean;
  /** Oldest version of the protocol that it accepts. */
  readonly minProtocol: 1 | 2;
  /** Actions that its holder may take. What is not granted is refused. */
  readonly rights: Rights;
  /** Its own rate limit, in place of the configured one. */
  readonly rate?: Rate | undefined;
  /** Secret before the last rotation, and the end of its validity in milliseconds since 1970. */
  readonly previous?: { readonly secret: Bytes; readonly until: number } | undefined;
}

/** Name of the original gateway's single key, which has a file of its own. */
export const DEFAULT_KEY_NAME = "default";

/** Rule for the name of a key, in words that follow the name. */
export const NAME_RULE = "must be 1 to 64 letters, digits, dots, dashes and underscores, first a letter or digit";

/** Longest label, in UTF-16 code units. */
const MAX_LABEL_LENGTH = 64;

/** Rule for a label, in words that follow the name of its field. */
export const LABEL_RULE = `must be text of 1 to ${MAX_LABEL_LENGTH} characters in one line, without control characters`;

/** Maximum of both numbers of a rate limit. */
export const MAX_RATE = 1_000_000;

/** Returns whether a text can be the name of a key in the file. */
export function isKeyName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

/**
 * Returns whether a text can be the label of a key. It comes from a device that is not trusted and goes to terminals and
 * logs.
 */
export function isKeyLabel(text: string): boolean {
  return text.trim() !== "" && text.length <= MAX_LABEL_LENGTH && text.isWellFormed() && isVisible(text);
}

const secret = z.string().transform((text, context): Bytes => {
  const bytes = parseKey(text);
  if (bytes !== undefined) return bytes;
  context.addIssue({ code: "custom", message: "must be 64 hexadecimal characters" });
  return z.NEVER;
});

const time = z.iso.datetime("must be a time such as 2027-01-31T12:00:00Z").transform((text) => Date.parse(text));

const fields = {
  name: z.string().refine(isKeyName, NAME_RULE),
  label: z.string().refine(isKeyLabel, LABEL_RULE).optional(),
  secret,
  created: time,
  expires: time.optional(),
  disabled: z.boolean().default(false),
  minProtocol: z.literal([1, 2]).default(1),
  rate: z.strictObject({ burst: z.int().min(1).max(MAX_RATE), perSecond: z.int().min(1).max(MAX_RATE) })
    .refine(({ burst, perSecond }) => burst >= perSecond, "must have a burst of at least perSecond").optional(),
  previous: z.strictObject({ secret, until: time }).optional(),
};

const file = z.strictObject({ version: z.literal(1), keys: z.array(z.unknown()).max(10_000) });

/** Fields of a key besides its rights. */
const commonKey = z.object(fields);

/** A key whose rights are yet to be parsed. */
const nestedKey = z.strictObject({ ...fields, rights: z.record(z.string(), z.unknown()).default({}) });

/** Reports a fault, with its path. */
type ReportIssue = (issue: RightsIssue) => void;

/** Makes the function that parses one key, and reports faults with their paths within it. */
function createParseKey(
  services: readonly GrantableService[],
): (value: unknown, report: ReportIssue) => KeyRecord | undefined {
  const inFlatFiles = services.filter(({ rights }) => rights.isInFlatFiles);
  const serviceNames = z.array(z.enum(inFlatFiles.map(({ name }) => name))).default([]);
  const flatFields = inFlatFiles.flatMap(({ rights: { schema } }) => schema.fields);
  /** A key in an older file: a list of services, and the rights in all of them beside it. */
  const flatKey = z.strictObject({
    ...Object.fromEntries(flatFields.map((field) => [field, z.unknown().optional()])),
    ...fields,
    services: serviceNames,
  });

  function parseRights({ rights }: GrantableService, given: unknown, report: ReportIssue) {
    const { data, error } = rights.schema.safeParse(given);
    error?.issues.forEach(report);
    return data ?? {};
  }

  function parseNested(given: Readonly<Record<string, unknown>>, report: ReportIssue): Rights {
    const unknown = Object.keys(given).filter((name) => !services.some((service) => service.name === name));
    if (unknown.length > 0) report({ code: "unrecognized_keys", keys: unknown, path: ["rights"], message: "" });
    const granted = services.filter(({ name }) => given[name] !== undefined);
    return Object.fromEntries(granted.map((service) => {
      const { name } = service;
      return [name, parseRights(service, given[name], below(["rights", name], report))];
    }));
  }

  function parseFlat(key: Readonly<Record<string, unknown>>, report: ReportIssue): Rights {
    const names = serviceNames.safeParse(key["services"]).data ?? [];
    const parsed = inFlatFiles.map((service) => {
      const { fields } = service.rights.schema;
      const own = Object.fromEntries(Object.entries(key).filter(([field]) => fields.includes(field)));
      return [service.name, parseRights(service, own, report)] as const;
    });
    return Object.fromEntries(parsed.filter(([name]) => names.includes(name)));
  }

  return (value, report) => {
    const isFlat = isObject(value) && !("rights" in value);
    const { error } = (isFlat ? flatKey : nestedKey).safeParse(value);
    error?.issues.forEach(report);
    if (!isObject(value)) return undefined;
    const given = value["rights"];
    // Also when another field is invalid, so that one error names all faults.
    const rights = isFlat ? parseFlat(value, report) : parseNested(isObject(given) ? given : {}, report);
    return error === undefined ? { ...commonKey.parse(value), rights } : undefined;
  };
}

/**
 * Parses the text of a keys file.
 *
 * @param services the services that it may grant
 * @throws {SyntaxError} naming everything that is wrong with it, and quoting no value: a secret may be anywhere
 */
export function parseKeysFile(text: string, services: readonly GrantableService[]): KeyRecord[] {
  let value: unknown;
  try {
    // Some editors put a byte order mark in front.
    value = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    const place = /line \d+ column \d+/.exec(error instanceof Error ? error.message : "")?.[0];
    throw new SyntaxError(`it is not JSON${place === undefined ? "" : `: see ${place}`}`);
  }
  const duplicate = findDuplicateMember(text);
  if (duplicate !== undefined) {
    throw new SyntaxError(`${place(duplicate.path)}: field ${quoteField(duplicate.name)} is there twice: keep one`);
  }
  const whole = file.safeParse(value);
  if (!whole.success) throw faultyFile(whole.error.issues, services);
  const keys = parseKeys(whole.data.keys, services);
  refuseDuplicates(keys);
  return keys;
}

/** Returns a reporter of faults below a path. */
function below(path: readonly PropertyKey[], report: ReportIssue): ReportIssue {
  return (issue) => report({ ...issue, path: [...path, ...issue.path] });
}

function parseKeys(values: readonly unknown[], services: readonly GrantableService[]): KeyRecord[] {
  const issues: RightsIssue[] = [];
  const parseKey = createParseKey(services);
  const report: ReportIssue = (issue) => void issues.push(issue);
  const keys = values.flatMap((value, index) => parseKey(value, below(["keys", index], report)) ?? []);
  if (issues.length > 0) throw faultyFile(issues, services);
  return keys;
}

function faultyFile(issues: readonly RightsIssue[], services: readonly GrantableService[]): SyntaxError {
  return new SyntaxError(issues.map((issue) => `${place(issue.path)}: ${describe(issue, services)}`).join("; "));
}

/** Formats records as the text of a keys file. */
export function formatKeysFile(keys: readonly KeyRecord[]): string {
  const iso = (ms: number | undefined) => ms === undefined ? undefined : new Date(ms).toISOString();
  const written = keys.map((key) => ({
    ...key,
    secret: key.secret.toHex(),
    created: iso(key.created),
    expires: iso(key.expires),
    previous: key.previous && { secret: key.previous.secret.toHex(), until: iso(key.previous.until) },
  }));
  return JSON.stringify({ version: 1, keys: written }, null, 2) + "\n";
}

/** Refuses two keys of one name, and one secret with two names: the rights of its holder would be ambiguous. */
function refuseDuplicates(keys: readonly KeyRecord[]): void {
  const names = new Set<string>();
  const secrets = new Map<string, string>();
  for (const { name, secret, previous } of keys) {
    if (names.has(name)) throw new SyntaxError(`name "${name}" is there twice`);
    if (name === DEFAULT_KEY_NAME) {
      throw new SyntaxError(`name "${name}" belongs to the key in SECRET_KEY_FILE: take another one`);
    }
    names.add(name);
    for (const bytes of previous === undefined ? [secret] : [secret, previous.secret]) {
      const hex = bytes.toHex();
      const other = secrets.get(hex);
      if (other !== undefined) throw new SyntaxError(`"${other}" and "${name}" have the same secret`);
      secrets.set(hex, name);
    }
  }
}

/** Describes an issue, without any text of the file that could be a secret in the wrong place. */
function describe(issue: RightsIssue, services: readonly GrantableService[]): string {
  if (issue.code !== "unrecognized_keys") return issue.message;
  const { path, keys = [] } = issue;
  const names = keys.map(quoteField).join(", ");
  const known = services.map(({ name }) => `"${name}"`).join(" and ");
  if (path.length === 3 && path[2] === "rights") {
    return `no such service: ${names}. There are ${known}`;
  }
  const isRight = issue.path.length === 2 &&
    keys.some((field) => field === "services" || isRightOf(field, services));
  return isRight ? `no such field: ${names}. Rights belong in "rights", below ${known}` : `no such field: ${names}`;
}

function isRightOf(field: string, services: readonly GrantableService[]): boolean {
  return services.some(({ rights }) => rights.schema.fields.includes(field));
}

const FIELD = /^[A-Za-z_]{1,20}$/;

/** Quotes the name of a field, unless it could be a secret in the wrong place. */
function quoteField(name: string): string {
  return FIELD.test(name) ? `"${name}"` : "another";
}

function place(path: readonly PropertyKey[]): string {
  return path.map((part, index) => {
    if (typeof part === "number") return `[${part}]`;
    return `${index > 0 ? "." : ""}${FIELD.test(String(part)) ? String(part) : "another"}`;
  }).join("") || "the file";
}
