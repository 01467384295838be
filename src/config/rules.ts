/**
 * Building blocks of the settings table: an entry, a group of entries, and the rules for their values.
 *
 * @module
 */
import { z } from "zod";
import { errorText } from "../lib/errors.ts";
import { hostFault } from "../net/egress.ts";
import { hostOf, isHost, MAX_PORT } from "../net/host.ts";
import { RedisUrl } from "../net/redis_url.ts";

/** Variables by name, as they come from the environment and from `.env`. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Rule for the text of a setting: checks it and parses it. */
export interface Rule<T> {
  /** Valid values, for the docs. */
  readonly description?: string | undefined;
  /** Parses a text, or returns its problems as texts that follow the setting's name. */
  safeParse(text: string):
    | { readonly success: true; readonly data: T; readonly error?: undefined }
    | {
      readonly success: false;
      readonly data?: undefined;
      readonly error: { readonly issues: readonly { readonly message: string }[] };
    };
}

/** Texts of a setting for the docs. */
export interface SettingTexts {
  /** Effect of the setting, its unit and its values, in one to three sentences. */
  readonly doc: string;
  /** When to change it, and examples: further lines of `.env.example`. */
  readonly notes?: string;
  /** Reason for the default, or for its size. */
  readonly reason?: string;
  /** Marks a value that is never shown. */
  readonly secret?: boolean;
  /** Marks a setting that most operators need: it is in the short table of README.md. */
  readonly essential?: boolean;
  /** Former name of its variable, which is still read. */
  readonly formerName?: string;
}

/** One setting: its name, the rule for its value, its default and its texts. */
export interface Setting<T = unknown> extends SettingTexts {
  /** Name of its variable. */
  readonly name: string;
  /** Rule for its value. */
  readonly rule: Rule<T>;
  /** Its default, as it would stand in `.env`; undefined where the setting may be absent. */
  readonly default: string | undefined;
}

/** Settings of one subject, by the names of their fields in the configuration. */
export interface SettingsGroup {
  /** Heading in the docs. */
  readonly title: string;
  /** Paragraph below the heading. */
  readonly intro?: string;
  /** The settings. */
  readonly settings: Readonly<Record<string, Setting>>;
  /** Returns defaults that depend on other settings of the group. */
  readonly defaults?: (given: Variables) => Variables;
  /** Returns the problems between settings that may each be valid, each with the name of a setting first. */
  readonly mismatches?: (given: Variables) => string[];
}

/** Settings of a service, with the name of the service. */
export interface ServiceSettings extends SettingsGroup {
  /** Name of the service, and of the group in the configuration. */
  readonly name: string;
}

/** Values of a group of settings. */
export type GroupConfig<Group extends SettingsGroup> = {
  readonly [Field in keyof Group["settings"]]: Group["settings"][Field] extends Setting<infer T> ? T : never;
};

/** Defines a setting with a default, written as it would stand in `.env`. */
export function setting<T>(
  name: string,
  options: SettingTexts & { readonly rule: Rule<T>; readonly default: string | number },
): Setting<T>;
/** Defines a setting that may be absent. */
export function setting<T>(
  name: string,
  options: SettingTexts & { readonly rule: Rule<T> },
): Setting<T | undefined>;
export function setting<T>(
  name: string,
  options: SettingTexts & { readonly rule: Rule<T>; readonly default?: string | number },
): Setting<T> {
  return { ...options, name, default: options.default === undefined ? undefined : String(options.default) };
}

/** Any text. */
export const text: Rule<string> = z.string();

/** A whole number of a range. */
export function wholeNumber(min: number, max: number): Rule<number> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.string()
    .regex(/^\d+$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
    .describe(`${min} to ${max}`);
}

/** A port; with `min` 0 also any free one. */
export const port = (min: 0 | 1): Rule<number> => wholeNumber(min, MAX_PORT);

/** A port, or `off`. */
export const portOrOff: Rule<number | "off"> = z.string()
  .regex(/^(off|\d{1,5})$/, `must be a whole number from 0 to ${MAX_PORT}, or off`)
  .transform((value) => value === "off" ? value : Number(value))
  .refine((value) => value === "off" || value <= MAX_PORT, `must be a whole number from 0 to ${MAX_PORT}, or off`)
  .describe(`0 to ${MAX_PORT}, or off`);

/** A path that a permission flag of Deno can carry: flags are separated by white space, their values by commas. */
export const path: Rule<string> = z.string().regex(/^[^\s,]+$/, "must be a path without white space and commas");

/** A host name or an address. */
export const host: Rule<string> = z.string()
  .refine(isHost, "must be a host name or an address alone, without scheme, port or brackets");

/** The host of a server that the gateway connects to: none of the addresses that it refuses to connect to. */
export const targetHost: Rule<string> = z.string()
  .refine(isHost, "must be a host name or an address alone, without scheme, port or brackets")
  .superRefine((value, context) => {
    const fault = hostFault(value);
    if (fault !== undefined) {
      context.addIssue({ code: "custom", message: `must be another address: this one ${fault}` });
    }
  });

/** Reports a problem from within a transformation. */
function invalid(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}

/** An address with `http:` or `https:`, without login, query and fragment. */
export function webAddress(example: string): Rule<URL> {
  return z.string().transform((value, context): URL => {
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol) || !isHost(hostOf(url))) {
      return invalid(context, `must be an address such as ${example}`);
    }
    if (url.username !== "" || url.password !== "") return invalid(context, "must not contain a user name or password");
    if (url.search !== "" || url.hash !== "") return invalid(context, "must not contain a query or fragment");
    const fault = hostFault(hostOf(url));
    return fault === undefined ? url : invalid(context, `must be another address: this one ${fault}`);
  });
}

/** The address of a Redis or Valkey server, of its sentinels, or of nodes of its cluster. */
export const redisUrl: Rule<RedisUrl> = z.string().transform((value, context): RedisUrl => {
  try {
    return new RedisUrl(value);
  } catch (error) {
    return invalid(context, errorText(error));
  }
});

/**
 * A list whose entries are separated by commas or white space.
 *
 * @param parse throws an error whose message is the rule, at the first invalid entry
 */
export const list = <T>(parse: (entry: string) => T): Rule<T[]> => listSchema(parse);

function listSchema<T>(parse: (entry: string) => T) {
  return z.string().transform((value, context): T[] => {
    try {
      return value.split(/[\s,]+/).filter((entry) => entry !== "").map(parse);
    } catch (error) {
      return invalid(context, errorText(error));
    }
  });
}

/** A list of some of these words, at least one. */
export function listOf<const T extends string>(...words: T[]): Rule<T[]> {
  return listSchema((entry): T => {
    const found = words.find((word) => word === entry);
    if (found === undefined) throw new TypeError(`must be a list of: ${words.join(", ")}`);
    return found;
  }).refine(({ length }) => length > 0, `must name ${joinWords(words)}, or several of them`)
    .describe(`${words.join(", ")}, separated by commas`);
}

/** One of these words. */
export const choice = <const T extends string>(...words: T[]): Rule<T> => choiceSchema(words);

function choiceSchema<T extends string>(words: readonly T[]) {
  return z.string().transform((value, context): T =>
    words.find((word) => word === value) ?? invalid(context, `must be one of: ${words.join(", ")}`)
  ).describe(joinWords(words));
}

/** `true` or `false`. */
export const flag: Rule<boolean> = choiceSchema(["true", "false"]).transform((value) => value === "true")
  .describe("true or false");

/** A text that matches a pattern. */
export const matching = (pattern: RegExp, message: string): Rule<string> => z.string().regex(pattern, message);

/** A text that a function accepts. */
export const satisfying = (isValid: (text: string) => boolean, message: string): Rule<string> =>
  z.string().refine(isValid, message);

/** Returns the problem of a setting that is set without another one that it needs. */
export function mustBeTogether(given: Variables, name: string, other: string): string[] {
  return given[name] !== undefined && given[other] === undefined ? [`${other} must be set together with ${name}`] : [];
}

/** Joins words for a sentence: `A, B or C`. */
export function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
