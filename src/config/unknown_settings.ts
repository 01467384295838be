/**
 * Finds variables that are no settings: a misspelt setting would silently have no effect.
 *
 * @module
 */
import { isSwap, leastCost, SHORT_NAME, wrongLetters } from "../lib/closest_name.ts";
import { joinWords, type Variables } from "./rules.ts";
import { SERVICES } from "../services/registry.ts";
import { CLIENT_VARIABLES, type ConfigurableService, settingsOf, settingsTable, variableNames } from "./settings.ts";

/** Source of a variable. */
export type SettingSource = "environment" | ".env";

/** Variable that is no setting. Its value is left out, as it may be a password. */
export interface UnknownSetting {
  /** The variable's name: letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  /** Its source. */
  readonly source: SettingSource;
  /** Settings that it resembles most, in the table's order. */
  readonly suggestions: readonly string[];
}

/** A name in the forms that are compared. */
export interface Spelling {
  /** The name. */
  readonly name: string;
  /** Letters and digits only, in capitals: `METRICSPORT`. */
  readonly letters: string;
  /** Its words in capitals, each replaced by the first of its synonyms. */
  readonly words: readonly string[];
}

/** Synonyms. */
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

/** Names in `.env` of other programs: Docker Compose and its containers, the runtime, and those that every program reads. */
const OTHERS_IN_FILE = /^((TS|COMPOSE|DOCKER|OTEL|DENO)_\w+|BASE_IMAGE|NO_COLOR|TZ|P?[UG]ID|(HTTPS?|ALL|NO)_PROXY)$/i;

/** Suffixes of the variables that Docker and Kubernetes set for the addresses of other containers. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)$/;

/** First words that few other programs use, beside the names of the services. */
const OWN_WORDS: readonly string[] = ["REPLAY", "METRICS", "TLS"];

/** Longest name to compare, in characters; the longest setting has 28. */
const LONGEST_NAME = 64;

/** Names to compare with. */
export interface KnownNames {
  /** Names of the settings, and of the variables of the client commands. */
  readonly spellings: readonly Spelling[];
  /** Former names of settings, which are still read. */
  readonly formerNames: readonly string[];
  /** Matches a name whose first word few other programs use: in the environment, only such a name may lack or add words. */
  readonly ownPrefix: RegExp;
}

const KNOWN: KnownNames = knownNames(SERVICES);

function knownNames(services: readonly ConfigurableService[]): KnownNames {
  const table = settingsTable(services);
  const names = settingsOf(table).map(({ name }) => name);
  const words = [
    ...OWN_WORDS,
    ...services.flatMap(({ name, dependency }) => dependency === undefined ? [name] : [name, dependency]),
  ];
  return {
    spellings: [...names, ...CLIENT_VARIABLES].map(spell),
    formerNames: variableNames(table).filter((name) => !names.includes(name)),
    ownPrefix: new RegExp(`^(${words.join("|")})[_.-]`, "i"),
  };
}

/**
 * Finds the variables that are no settings: in `.env` all but the known ones of other programs, and in the environment,
 * which has hundreds of these, only those that closely resemble a setting.
 *
 * @param environment the part of the process' environment that may be listed
 * @param file the variables of `.env`
 * @param services the services whose settings there are
 */
export function findUnknownSettings(
  environment: Variables,
  file: Variables,
  services: readonly ConfigurableService[] = SERVICES,
): UnknownSetting[] {
  const known = services === SERVICES ? KNOWN : knownNames(services);
  const inFile = namesOf(file, known).filter((name) => !OTHERS_IN_FILE.test(name)).map((name): UnknownSetting => ({
    name,
    source: ".env",
    suggestions: settingsLike(name, ".env", known),
  }));
  const inEnvironment = namesOf(environment, known)
    .filter((name) => file[name] === undefined && !OTHERS_IN_FILE.test(name) && !isServiceLink(name, environment[name]))
    .map((name): UnknownSetting => ({
      name,
      source: "environment",
      suggestions: settingsLike(name, "environment", known),
    }))
    .filter(({ suggestions }) => suggestions.length > 0);
  return [...inEnvironment, ...inFile];
}

/** Describes a variable that resembles a setting. */
export function describeUnknownSetting({ name, source, suggestions }: UnknownSetting): string {
  return `${name} in ${sourceText(source)} is not a setting: did you mean ${joinWords(suggestions)}?`;
}

/** Returns the name of a source for a sentence. */
export function sourceText(source: SettingSource): string {
  return source === "environment" ? "the environment" : source;
}

/**
 * Lists the settings that a name resembles most.
 *
 * @param source the environment is judged more strictly
 */
export function settingsLike(
  name: string,
  source: SettingSource,
  known: KnownNames = KNOWN,
): string[] {
  const isStrict = source === "environment";
  const mayMissWords = (given: Spelling) => !isStrict || known.ownPrefix.test(given.name);
  const withoutPrefix = name.replace(isStrict ? /^E2E_GATEWAY_/i : /^(E2E_)?(GATEWAY_)?/i, "");
  const given = [...new Set([name, withoutPrefix])].filter((text) => text !== "").map(spell);
  const costOf = (spelling: Spelling) =>
    Math.min(
      ...given.flatMap((text) => [
        lettersCost(text, spelling, isStrict),
        mayMissWords(text) ? wordsCost(text, spelling, isStrict) : Infinity,
      ]),
    );
  return leastCost(known.spellings, costOf).map(({ name: setting }) => setting);
}

/** Returns the number of wrong letters, without case and separators; `Infinity` for too many. */
function lettersCost({ letters: given }: Spelling, { letters }: Spelling, isStrict: boolean): number {
  // Short names are one change away from too many words.
  const most = letters.length >= SHORT_NAME ? Math.min(3, letters.length / (isStrict ? 6 : 4)) : isStrict ? 0 : 1;
  return letters.length < SHORT_NAME && isSwap(given, letters) ? 1 : wrongLetters(given, letters, most);
}

/** Returns the number of added, missing or shortened words; `Infinity` where too few match. */
function wordsCost({ words: given }: Spelling, { words }: Spelling, isStrict: boolean): number {
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

/** Returns whether one word is equal to the other, its beginning or its end. */
function isPartOf(word: string, other: string): boolean {
  const [short, long] = word.length < other.length ? [word, other] : [other, word];
  return short === long || (short.length >= 3 && (long.startsWith(short) || long.endsWith(short)));
}

function spell(name: string): Spelling {
  const words = name.toUpperCase().split(/[^A-Z\d]+/).filter((word) => word !== "");
  return { name, letters: words.join(""), words: words.map((word) => MEANING.get(word) ?? word) };
}

/** Returns the names with a value that are no settings; without those that a terminal may interpret. */
function namesOf(variables: Variables, { spellings, formerNames }: KnownNames): string[] {
  const known = [...spellings.map(({ name }) => name), ...formerNames];
  return Object.entries(variables)
    .filter(([name, value]) => value !== undefined && value !== "" && !known.includes(name))
    .map(([name]) => name)
    .filter((name) => name.length <= LONGEST_NAME && /^[\w.-]+$/.test(name));
}

/** Returns whether Docker or Kubernetes set a variable for a service in a container's network, such as `REDIS_SERVICE_HOST`. */
function isServiceLink(name: string, value: string | undefined): boolean {
  return SERVICE_LINK.test(name) || /^(tcp|udp|sctp):\/\//.test(value ?? "");
}
