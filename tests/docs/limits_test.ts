/** Comparison of docs/operations/limits.md with the code: it has each limit with its default. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { parseConfig } from "../../src/config/parse.ts";
import { SETTING_NAMES, settingsWithValues } from "../../src/config/settings.ts";
import { gatewayMetricsText } from "../support/metrics.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = "docs/operations/limits.md";
const PREFIX = "e2e_gateway_";

/** Numbers in the code that are not limits, or limits of other commands than `serve`. */
const NO_LIMITS: Readonly<Record<string, readonly string[]>> = {
  "sizes of the format": [
    "KEY_BYTES",
    "NONCE_BYTES",
    "TAG_BYTES",
    "SALT_BYTES",
    "KEY_ID_BITS",
    "EPOCH_BYTES",
    "ID_BYTES",
    "CLIENT_ID_BYTES",
    "MARKER_BYTES",
    "MAX_FIXED_HEAD_BYTES",
    "PAIRING_CODE_BYTES",
    "CHALLENGE_BYTES",
    "POINT_BYTES",
    "SHARED_BITS",
    "UNCOMPRESSED",
    "MAX_NAME_LENGTH",
    "AUTH_BYTES",
    "TOPIC_BYTES",
    "HEADER_BYTES",
    "RECORD_SIZE",
    "MIN_RECORD_SIZE",
    "HASH_LENGTH",
    "HASH_DIGITS",
    "LOGIN_HASH_DIGITS",
    "NAME_BYTES",
  ],
  "estimated sizes": [
    "ENTRY_BYTES",
    "SHARED_OVERHEAD_BYTES",
    "MESSAGE_OVERHEAD_BYTES",
    "STATE_OVERHEAD_BYTES",
    "PACKET_HEAD_BYTES",
    "RECORD_BYTES",
    "TOPIC_OVERHEAD_BYTES",
    "VALUE_BYTES",
    "SMALL_VALUE_BYTES",
    "COPIES",
  ],
  "thresholds of memory management": ["FREE_MIN_BYTES", "WORTH_SHARING_BYTES", "MIN_FULL_SIZE"],
  "characters": ["COMMA", "BRACKET", "BRACE", "BRACKET_END", "BRACE_END", "QUOTE", "BACKSLASH"],
  "search for secrets in the log": ["MIN_KEY_LENGTH", "LEAST_SECRET_LENGTH", "MOST_ESCAPES"],
  "constants of a protocol or a file": [
    "CALL_ID",
    "SUBSCRIPTION_ID",
    "TRIAL_ID",
    "IDENTIFIED",
    "SUBSCRIPTION_REFUSED",
    "MAX_ID",
    "PUBLISH",
    "LAST_RECORD",
    "HTTPS_PORT",
    "VERSION",
  ],
  "layout of the log of replicas": [
    "MESSAGE",
    "GAP",
    "OFFLINE",
    "GRANTED",
    "WANTED",
    "OMITTED",
    "HEAD_BYTES",
    "STATE_ITEMS",
  ],
  "ranges of settings": ["MAX_PORT", "MAX_RATE", "MQTT_PORT"],
  "ranges of timers": ["MAX_TIMER_MS"],
  "exit codes": ["EXIT_CONFIG", "EXIT_USAGE", "EXIT_FAILURE", "EXIT_INTERRUPTED"],
  "edits of keys": ["LOCK_WAIT_MS", "LOCK_PAUSE_MS"],
  "search for misspelt settings": ["LONGEST_NAME", "SHORT_NAME", "MOST_SUGGESTIONS", "MAX_NAMED_LINES"],
  "durations in words, and notice of an expiry": ["UNIT_MS", "MAX_MS", "DAY_MS", "MAX_NOTICE_MS", "NOTICE_SHARE"],
  "layout of tables": ["CHUNK_BITS", "SEGMENT_ITEMS"],
  "the doctor": ["PROBE_TIMEOUT_SECONDS", "WARNING_SECONDS"],
};

/** Units of defaults, relative to milliseconds, bytes or a count. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  bytes: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  ms: 1,
  s: 1000,
  min: 60_000,
};

/** Row of the tables. */
interface Row {
  readonly what: string;
  readonly text: string;
  /** Default; times in milliseconds. */
  readonly value: number;
  readonly setBy: string;
  readonly metric: string;
}

/** Constant in the code. */
interface Constant {
  readonly name: string;
  readonly file: string;
  /** Value, in milliseconds for times; undefined if it is not a number. */
  readonly value: number | undefined;
}

const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

/** Returns the unit of a time from the name of its setting or constant. */
const inUnits = (name: string, value: number) => name.endsWith("_SECONDS") ? value * 1000 : value;

function parseQuantity(text: string): number {
  const match = /^([\d,]+(?:\.\d+)?)(?: ([a-zA-Z]+))?$/.exec(text);
  const unit = UNITS[match?.[2] ?? ""];
  if (match?.[1] === undefined || unit === undefined) throw new Error(`Not a number with a known unit: "${text}"`);
  return Number(match[1].replaceAll(",", "")) * unit;
}

/** Reads the rows of all tables with five columns. */
async function readRows(): Promise<Row[]> {
  const lines = (await read(PAGE)).split("\n").filter((line) => line.startsWith("| "));
  const cells = lines.map((line) => line.slice(2, -1).split(" | ").map((cell) => cell.trim()));
  return cells
    .filter((row) => row.length === 5 && row[0] !== "What" && !/^-+$/.test(row[0] ?? ""))
    .map(([what = "", text = "", setBy = "", , metric = ""]) => ({
      what,
      text,
      value: parseQuantity(text),
      setBy,
      metric,
    }));
}

/** Returns the setting that a row names, if any. */
const settingOf = ({ setBy }: Row) => /^`([A-Z_]+)`$/.exec(setBy)?.[1];

/** Returns the constant that a row names, or only its file if the number has no name. */
function constantOf({ setBy }: Row): { readonly name: string | undefined; readonly file: string } | undefined {
  const match = /^fixed: (?:`([A-Z_\d]+)` in )?`([\w/.]+)`$/.exec(setBy);
  return match?.[2] === undefined ? undefined : { name: match[1], file: match[2] };
}

/** The doctor's checks, which are loaded when the Admin page runs them: they report, and limit nothing. */
const DOCTOR = "src/app/doctor.ts";

/** Returns the files that the command `serve` loads. */
async function filesOfServe(): Promise<string[]> {
  const found = new Set(["src/cli/serve.ts"]);
  for (const file of found) {
    for (
      const [, path = ""] of (await read(file)).matchAll(/(?<!import type [^;]*)(?:from|import\() ?"(\.[^"]+\.ts)"/g)
    ) {
      const loaded = new URL(path, new URL(file, ROOT)).pathname.slice(ROOT.pathname.length);
      if (loaded !== DOCTOR) found.add(loaded);
    }
  }
  return [...found];
}

/** Returns whether a source contains a number, with or without digit groups. */
const hasNumber = (source: string, value: number) =>
  source.replaceAll(/(?<=\d)_(?=\d)/g, "").match(`\\b${value}\\b`) !== null;

/** Evaluates sums of products of powers; undefined for anything else. */
function evaluate(expression: string): number | undefined {
  if (!/^[\d_.*+ ]+$/.test(expression)) return undefined;
  const power = (text: string) => {
    const [base = "", exponent = "1"] = text.split("^").map((part) => part.replaceAll("_", "").trim());
    return Number(base) ** Number(exponent);
  };
  const terms = expression.replaceAll("**", "^").split("+");
  return terms.reduce((sum, term) => sum + term.split("*").map(power).reduce((one, other) => one * other), 0);
}

/** Returns the constants of a file that are numbers or have the name of a limit. */
async function constantsOf(file: string): Promise<Constant[]> {
  const all = [...(await read(file)).matchAll(/^(?:export )?const ([A-Z][A-Z\d_]*)(?:: number)? = ([^;]+);/gm)];
  return all.flatMap(([, name = "", expression = ""]) => {
    const value = evaluate(expression);
    const isNamedSo = /^MAX_|_(MS|SECONDS|BYTES|COUNT|LENGTH)$/.test(name);
    if (value === undefined && !isNamedSo) return [];
    return [{ name, file, value: value === undefined ? undefined : inUnits(name, value) }];
  });
}

/** Returns the series of metrics without values: `name`, with labels also `name{label="value"}`. */
async function seriesNames(): Promise<Set<string>> {
  const lines = (await gatewayMetricsText()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const names = lines.flatMap((line) => {
    const series = line.slice(0, line.lastIndexOf(" "));
    return [series, series.replace(/\{.*/, ""), series.replace(/_(bucket|sum|count)(\{.*)?$/, "")];
  });
  return new Set(names);
}

Deno.test("docs/operations/limits.md has each setting that is a limit, with its default", async () => {
  const defaults = new Map(settingsWithValues(parseConfig({})).map(({ setting, value }) => [setting.name, value]));
  const rows = (await readRows()).filter((row) => settingOf(row) !== undefined);
  for (const row of rows) {
    const name = settingOf(row) ?? "";
    const value = defaults.get(name);
    if (typeof value !== "number") throw new Error(`${name} is no setting with a number`);
    assertEquals(row.value, inUnits(name, value), `${name}: "${row.text}"`);
  }
  const bounds = SETTING_NAMES.filter((name) => typeof defaults.get(name) === "number" && !name.endsWith("PORT"));
  assertEquals(rows.map((row) => settingOf(row) ?? "").toSorted(), bounds.toSorted());
});

Deno.test("docs/operations/limits.md has each fixed limit of what serve loads, with its value", async () => {
  const files = await filesOfServe();
  assertGreater(files.length, 50);
  const all = (await Promise.all(files.map(constantsOf))).flat();
  const others = Object.values(NO_LIMITS).flat();
  assertEquals(others.filter((name) => !all.some((constant) => constant.name === name)), [], "These no longer exist");
  const limits = all.filter(({ name }) => !others.includes(name));
  const rows = (await readRows()).filter((row) => settingOf(row) === undefined);
  const places = rows.map((row) => {
    const constant = constantOf(row);
    if (constant === undefined) throw new Error(`Neither a setting nor a constant: ${row.setBy}`);
    assert(files.includes(constant.file), `Serve does not load ${constant.file}: ${row.what}`);
    return { ...constant, row };
  });
  for (const { name, file, row } of places) {
    if (name === undefined) {
      assert(hasNumber(await read(file), row.value), `${row.value} is not in ${file}: ${row.what}`);
    }
  }
  const named = places.filter(({ name }) => name !== undefined);
  for (const { name, file, row } of named) {
    const found = limits.find((limit) => limit.name === name && limit.file === file);
    assertEquals(row.value, found?.value, `${name} in ${file}`);
  }
  const place = ({ name, file }: Pick<Constant, "file"> & { readonly name?: string | undefined }) =>
    `${name} in ${file}`;
  assertEquals(named.map(place).toSorted(), limits.map(place).toSorted());
});

Deno.test("docs/operations/limits.md names only existing metrics", async () => {
  const series = await seriesNames();
  for (const { what, metric } of await readRows()) {
    if (["log", "none"].includes(metric)) continue;
    const names = [...metric.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
    assertGreater(names.length, 0, `${what}: "${metric}" is neither a metric nor log nor none`);
    for (const name of names) assert(series.has(name) || series.has(PREFIX + name), `${what}: no metric ${name}`);
  }
});
