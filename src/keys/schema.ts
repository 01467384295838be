/**
 * What the file `KEYS_FILE` says of each key, and how it is written: one JSON object, strict in every field.
 *
 * @module
 */
import { z } from "zod";
import { grantFault } from "../mqtt/topics/rules.ts";
import { isBrokerPattern, PATTERN_RULE } from "../net/egress.ts";
import { findDuplicateMember } from "../lib/duplicate_member.ts";
import { isPlainPath } from "../services/jeedom/endpoint_path.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { parseKey } from "../protocol/secret_key.ts";

/** The names of the services that a key may be granted. */
export const SERVICE_NAMES = ["jeedom", "mqtt"] as const;

/** What the holder of a key may do. What is not granted is refused. */
export interface Rights {
  /** The services it may use. */
  readonly services: readonly (typeof SERVICE_NAMES)[number][];
  /** Topic filters that it may publish below. */
  readonly publish: readonly string[];
  /** Topic filters that it may subscribe to, whole or narrower. */
  readonly subscribe: readonly string[];
  /**
   * Patterns of Jeedom methods, with `*` for any characters. One that names its class grants what it matches; any other,
   * such as `*`, grants only what reads and controls the house, by the table in `jeedom_methods.ts`.
   */
  readonly methods: readonly string[];
  /** Patterns of Jeedom methods that are refused although `methods` grants them. */
  readonly refusedMethods: readonly string[];
  /** Whether every method is granted, named or not: true for the key `default` alone, and never in the file. */
  readonly everyMethod?: true | undefined;
  /**
   * Ids of the Jeedom commands that the key is limited to. With this or `scenarios`, the key reaches what these two list
   * and nothing else of the house; with neither, it has no such limit.
   */
  readonly commands?: readonly number[] | undefined;
  /** Ids of the Jeedom scenarios that the key is limited to. */
  readonly scenarios?: readonly number[] | undefined;
  /** Paths on the Jeedom server besides the JSON-RPC API's own; `*` for any. */
  readonly endpoints: readonly string[];
  /** Brokers that a request may name, or log in to as somebody else, out of those that the gateway allows. */
  readonly brokers: readonly string[];
  /** Whether a request may bring a Jeedom API key of its own. */
  readonly ownApikey: boolean;
}

/** A pace: so many at once, and so many a second after that. */
export interface Rate {
  /** Most at once. */
  readonly burst: number;
  /** Most a second in the long run. */
  readonly perSecond: number;
}

/** One key as its file has it. */
export interface KeyRecord extends Rights {
  /** Its name: letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** The key, 32 bytes. */
  readonly secret: Bytes;
  /** When it was made, in milliseconds since 1970. */
  readonly created: number;
  /** When it stops working, in milliseconds since 1970. */
  readonly expires?: number | undefined;
  /** Whether it was switched off. */
  readonly disabled: boolean;
  /** The oldest version of the protocol that it may be used with. */
  readonly minProtocol: 1 | 2;
  /** Its own pace instead of the one for all. */
  readonly rate?: Rate | undefined;
  /** The secret before the last rotation, and until when it still works, in milliseconds since 1970. */
  readonly previous?: { readonly secret: Bytes; readonly until: number } | undefined;
}

/** The name of the seed's single key, which has a file of its own. */
export const DEFAULT_KEY_NAME = "default";

/**
 * Every right: those of the key `default`, which is the original gateway's only key. Its clients go on working unchanged,
 * so it keeps the methods that no list names. A key of the file has to name them.
 */
export const ALL_RIGHTS: Rights = {
  services: SERVICE_NAMES,
  publish: ["#"],
  subscribe: ["#"],
  methods: ["*"],
  refusedMethods: [],
  everyMethod: true,
  endpoints: ["*"],
  brokers: ["*"],
  ownApikey: true,
};

/** What a name has to be, in words that follow it. */
export const NAME_RULE = "must be 1 to 64 letters, digits, dots, dashes and underscores, first a letter or digit";

/** What a pattern of methods has to be, in words that follow it. */
export const METHOD_RULE = "must be a pattern of methods such as cmd::* or version";

/** What the id of a command or scenario has to be, in words that follow it. */
export const ID_RULE = "must be the id of a command or scenario, a whole number from 1";

/** What a granted path has to be, in words that follow it. */
export const ENDPOINT_RULE = "must be * or a plain path such as /plugins/x/core/php/jeeX.php";

/** Most requests at once, and most a second, that a pace may say. */
export const MAX_RATE = 1_000_000;

/** Tells whether a text can be the name of a key in the file. */
export function isKeyName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

/** Tells whether a text is a pattern of Jeedom methods; with few wildcards, as each multiplies the work of matching. */
export function isMethodPattern(text: string): boolean {
  return /^[\w:.*\-]{1,128}$/.test(text) && text.split("*").length <= 4;
}

/**
 * Reads the id of a Jeedom command or scenario. PHP and MySQL would take `12abc`, `1e1`, `012` and `true` for numbers,
 * so only the plain spelling counts.
 *
 * @returns the id, or undefined if the value is none
 */
export function parseId(value: unknown): number | undefined {
  const isPlain = typeof value === "string" && /^[1-9]\d{0,15}$/.test(value);
  const id = isPlain ? Number(value) : value;
  return typeof id === "number" && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

/** Tells whether a text can be granted as a path on the Jeedom server. */
export function isEndpointGrant(text: string): boolean {
  return text === "*" || isPlainPath(text);
}

const secret = z.string().transform((text, context): Bytes => {
  const bytes = parseKey(text);
  if (bytes !== undefined) return bytes;
  context.addIssue({ code: "custom", message: "must be 64 hexadecimal characters" });
  return z.NEVER;
});

const time = z.iso.datetime("must be a time such as 2027-01-31T12:00:00Z").transform((text) => Date.parse(text));

const filters = z.array(
  z.string().superRefine((text, context) => {
    const fault = grantFault(text);
    if (fault !== undefined) context.addIssue({ code: "custom", message: `filter ${fault}` });
  }),
).max(100).default([]);

const matching = (test: (text: string) => boolean, rule: string) =>
  z.array(z.string().refine(test, rule)).max(100).default([]);

const methods = matching(isMethodPattern, METHOD_RULE);

const ids = z.array(z.int(ID_RULE).min(1, ID_RULE)).max(1000).optional();

const record = z.strictObject({
  name: z.string().refine(isKeyName, NAME_RULE),
  secret,
  created: time,
  expires: time.optional(),
  disabled: z.boolean().default(false),
  minProtocol: z.literal([1, 2]).default(1),
  services: z.array(z.enum(SERVICE_NAMES)).default([]),
  publish: filters,
  subscribe: filters,
  methods,
  refusedMethods: methods,
  commands: ids,
  scenarios: ids,
  endpoints: matching(isEndpointGrant, ENDPOINT_RULE),
  brokers: matching(isBrokerPattern, PATTERN_RULE),
  ownApikey: z.boolean().default(false),
  rate: z.strictObject({ burst: z.int().min(1).max(MAX_RATE), perSecond: z.int().min(1).max(MAX_RATE) })
    .refine(({ burst, perSecond }) => burst >= perSecond, "must have a burst of at least perSecond").optional(),
  previous: z.strictObject({ secret, until: time }).optional(),
});

const file = z.strictObject({ version: z.literal(1), keys: z.array(record).max(10_000) });

/**
 * Reads the text of a keys file.
 *
 * @throws {SyntaxError} naming everything that is wrong with it, and quoting no value: a secret may be anywhere
 */
export function parseKeysFile(text: string): KeyRecord[] {
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
  const result = file.safeParse(value);
  if (!result.success) {
    throw new SyntaxError(result.error.issues.map((issue) => `${place(issue.path)}: ${describe(issue)}`).join("; "));
  }
  const { keys } = result.data;
  refuseDuplicates(keys);
  return keys;
}

/** Writes records as the text of a keys file. */
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

/** Two keys of one name, or one secret with two names, would leave open what its holder may do. */
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

/** Says what is wrong, without any text of the file that could be a secret in the wrong place. */
function describe(issue: z.core.$ZodIssue): string {
  if (issue.code !== "unrecognized_keys") return issue.message;
  return `no such field: ${issue.keys.map(quoteField).join(", ")}`;
}

const FIELD = /^[A-Za-z]{1,20}$/;

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
