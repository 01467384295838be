/**
 * Variables that are no settings, most likely misspelt: a misspelt setting would have no effect, in silence.
 *
 * @module
 */
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import type { Variables } from "./rules.ts";
import { CLIENT_VARIABLES, SETTING_NAMES } from "./settings.ts";

/** Place that sets a variable. */
export type SettingSource = "environment" | ".env";

/** A variable that has a value and is no setting. Its value may be a password, so it is not here. */
export interface UnknownSetting {
  /** The variable's name: letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  /** Place that sets it. */
  readonly source: SettingSource;
  /** The settings that may be meant, in the table's order; none where it resembles no setting. */
  readonly suggestions: readonly string[];
}

/** A name in the forms in which names are compared. */
interface Spelling {
  readonly name: string;
  /** Letters and digits alone, in capitals: `MQTTBROKERHOST`. */
  readonly letters: string;
  /** Its words in capitals, each as the first of those that mean the same. */
  readonly words: readonly string[];
}

/** Words that people use for one another. */
const SAME_MEANING: readonly (readonly string[])[] = [
  ["HOST", "HOSTNAME", "SERVER", "ADDRESS", "ADDR", "IP", "URL", "URI"],
  ["USERNAME", "USER", "LOGIN"],
  ["PASSWORD", "PASSWD", "PASS", "PWD"],
  ["APIKEY", "TOKEN"],
  ["TLS", "SSL"],
  ["CERT", "CERTIFICATE", "CRT"],
  ["SECONDS", "SECS", "SEC"],
  ["ALLOWED", "CORS"],
  ["PROXIES", "PROXY"],
];
const MEANING: ReadonlyMap<string, string> = new Map(
  SAME_MEANING.flatMap((words) => words.map((word) => [word, words[0] ?? word] as const)),
);

/** Names in `.env` that belong to others: Docker Compose and its containers, the runtime, and what every program reads. */
const OTHERS_IN_FILE = /^((TS|COMPOSE|DOCKER|OTEL|DENO)_\w+|BASE_IMAGE|NO_COLOR|TZ|P?[UG]ID|(HTTPS?|ALL|NO)_PROXY)$/i;

/** Ends of the names that Docker and Kubernetes give to the addresses of other containers. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)$/;

/** Beginnings of settings that few other programs have: in the environment, only names with them may lack or add words. */
const OWN_WORDS = /^(JEEDOM|MQTT|BROKER|REPLAY|METRICS|TLS)[_.-]/i;

/** Longer names resemble no setting; the longest setting has 28 characters. */
const LONGEST_NAME = 64;
/** Fewer letters than this are a short name. */
const SHORT_NAME = 6;
/** More settings than this are no help. */
const MOST_SUGGESTIONS = 3;

const KNOWN: readonly Spelling[] = [...SETTING_NAMES, ...CLIENT_VARIABLES].map(spell);

/**
 * Finds the variables that are no settings. In the environment, which holds hundreds of other programs' variables, only
 * those that closely resemble a setting; in `.env` all but those that are known to be others'.
 *
 * @param environment the process' environment, as far as it may be listed
 * @param file the variables of `.env`
 */
export function findUnknownSettings(environment: Variables, file: Variables): UnknownSetting[] {
  const inFile = namesOf(file).filter((name) => !OTHERS_IN_FILE.test(name)).map((name): UnknownSetting => ({
    name,
    source: ".env",
    suggestions: settingsLike(name, ".env"),
  }));
  const inEnvironment = namesOf(environment)
    .filter((name) => file[name] === undefined && !OTHERS_IN_FILE.test(name) && !isServiceLink(name, environment[name]))
    .map((name): UnknownSetting => ({ name, source: "environment", suggestions: settingsLike(name, "environment") }))
    .filter(({ suggestions }) => suggestions.length > 0);
  return [...inEnvironment, ...inFile];
}

/** Says what is wrong with a variable that resembles a setting, and what to do. */
export function describeUnknownSetting({ name, source, suggestions }: UnknownSetting): string {
  return `${name} in ${placeOf(source)} is not a setting: did you mean ${joinNames(suggestions)}?`;
}

/** Names a source as part of a sentence. */
export function placeOf(source: SettingSource): string {
  return source === "environment" ? "the environment" : source;
}

/** Joins names for a sentence: `A, B or C`. */
export function joinNames(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

/**
 * Lists the settings that a name resembles most.
 *
 * @param source the place that it is set in: the environment is judged more strictly
 */
export function settingsLike(name: string, source: SettingSource): string[] {
  const isStrict = source === "environment";
  const withoutPrefix = name.replace(isStrict ? /^E2E_GATEWAY_/i : /^(E2E_)?(GATEWAY_)?/i, "");
  const given = [name, withoutPrefix].filter((text) => text !== "").map(spell);
  const costs = KNOWN.map((known) => ({
    name: known.name,
    cost: Math.min(
      ...given.flatMap((text) => [lettersCost(text, known, isStrict), wordsCost(text, known, isStrict)]),
    ),
  }));
  const least = Math.min(...costs.map(({ cost }) => cost));
  const closest = costs.filter(({ cost }) => cost === least && cost !== Infinity).map((known) => known.name);
  return closest.length > MOST_SUGGESTIONS ? [] : closest;
}

/** Counts the wrong letters; `Infinity` for too many of them. Case and separators are free. */
function lettersCost({ letters: given }: Spelling, { letters }: Spelling, isStrict: boolean): number {
  const swapped = isSwap(given, letters);
  const distance: number = levenshteinDistance(given, letters);
  const changes = swapped ? 1 : distance;
  if (changes === 0) return 0;
  // Short names are one change away from too many words.
  if (letters.length >= SHORT_NAME) {
    return changes <= Math.min(3, letters.length / (isStrict ? 6 : 4)) ? changes : Infinity;
  }
  return swapped || (changes === 1 && !isStrict) ? 1 : Infinity;
}

/** Counts the words that are too many, missing or shortened; `Infinity` where too few are right. */
function wordsCost({ words: given, name }: Spelling, { words }: Spelling, isStrict: boolean): number {
  if (isStrict && !OWN_WORDS.test(name)) return Infinity;
  const known = given.filter((word) => words.some((other) => isPartOf(word, other)));
  const missing = words.filter((word) => !given.some((other) => isPartOf(word, other)));
  const cost = given.length - known.length + missing.length;
  const isWhole = known.every((word) => words.includes(word));
  const isLike = given.length === 1
    ? isWhole && known.length === 1 && cost <= 1
    : known.length >= 2 && cost <= (isStrict ? 1 : known.length);
  // A wrong word costs more than a wrong letter, and a shortened word more than a whole one.
  return isLike ? 1 + cost + (isWhole ? 0 : 0.5) : Infinity;
}

/** Finds a word that is another one, its beginning or its end. */
function isPartOf(word: string, other: string): boolean {
  const [short, long] = word.length < other.length ? [word, other] : [other, word];
  return short === long || (short.length >= 3 && (long.startsWith(short) || long.endsWith(short)));
}

/** Finds two letters beside each other that changed places: one mistake, which takes two changes. */
function isSwap(one: string, other: string): boolean {
  const at = [...one].findIndex((letter, index) => letter !== other[index]);
  return at !== -1 && one.slice(0, at) + one.charAt(at + 1) + one.charAt(at) + one.slice(at + 2) === other;
}

function spell(name: string): Spelling {
  const words = name.toUpperCase().split(/[^A-Z\d]+/).filter((word) => word !== "");
  return { name, letters: words.join(""), words: words.map((word) => MEANING.get(word) ?? word) };
}

/** Names with a value that are no settings. What else a name may hold could be acted on by a terminal. */
function namesOf(variables: Variables): string[] {
  return Object.entries(variables)
    .filter(([name, value]) => value !== undefined && value !== "" && !KNOWN.some((known) => known.name === name))
    .map(([name]) => name)
    .filter((name) => name.length <= LONGEST_NAME && /^[\w.-]+$/.test(name));
}

/** Recognizes what Docker and Kubernetes set for each service in a container's network, such as `JEEDOM_SERVICE_HOST`. */
function isServiceLink(name: string, value: string | undefined): boolean {
  return SERVICE_LINK.test(name) || /^(tcp|udp|sctp):\/\//.test(value ?? "");
}
