import { assert, assertEquals } from "@std/assert";

/** Line with a value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Metric with its description and samples. */
export interface Family {
  readonly kind: string;
  readonly help: string;
  readonly samples: Sample[];
}

const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$/;
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/;
const SAMPLE = new RegExp(
  `^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(${LABEL.source}(?:,${LABEL.source})*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`,
);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ["_bucket", "_sum", "_count"] };

/** Parses Prometheus' text format, more strictly than Prometheus does. */
export function parsePrometheusText(text: string): Map<string, Family> {
  assert(text.endsWith("\n"), "The last line has no line break");
  const families = new Map<string, Family>();
  const lines = text.split("\n").filter((line) => line !== "");
  let current: { readonly name: string; readonly family: Family } | undefined;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    const [, name, help] = HELP.exec(line) ?? [];
    if (name !== undefined && help !== undefined) {
      const [, typedName, kind] = TYPE.exec(lines[++index] ?? "") ?? [];
      if (kind === undefined || typedName !== name) throw new SyntaxError(`No type follows the help of ${name}`);
      if (families.has(name)) throw new SyntaxError(`${name} occurs twice`);
      current = { name, family: { kind, help, samples: [] } };
      families.set(name, current.family);
      continue;
    }
    const [, sample, labels = "", ...rest] = SAMPLE.exec(line) ?? [];
    const value = Number(rest.at(-1));
    if (sample === undefined || !Number.isFinite(value)) throw new SyntaxError(`Not a line of the format: ${line}`);
    const suffixes = SUFFIXES[current?.family.kind ?? ""] ?? [""];
    if (current === undefined || !suffixes.some((suffix) => sample === `${current?.name}${suffix}`)) {
      throw new SyntaxError(`${sample} follows the help of ${current?.name}`);
    }
    current.family.samples.push({ name: sample, labels: parseLabels(labels), value });
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const pairs = [...text.matchAll(new RegExp(LABEL, "g"))].map(([, name = "", value = ""]) =>
    [name, value.replace(/\\(.)/g, (_, escaped) => escaped === "n" ? "\n" : escaped)] as const
  );
  const labels = Object.fromEntries(pairs);
  assertEquals(Object.keys(labels).length, pairs.length, `A label occurs twice: ${text}`);
  return labels;
}

/** Returns the name and labels of a sample as one text. */
export function seriesOf({ name, labels }: Sample): string {
  return `${name} ${JSON.stringify(Object.entries(labels).sort(([one], [other]) => one < other ? -1 : 1))}`;
}

function checkFamily(name: string, { kind, samples }: Family): void {
  assertEquals(new Set(samples.map(seriesOf)).size, samples.length, `${name} has the same series twice`);
  assertEquals(kind === "counter", name.endsWith("_total"), `${name} is a ${kind}`);
  if (kind !== "gauge") assert(samples.every(({ value }) => value >= 0), `${name} is below 0`);
  if (kind !== "histogram") return;
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le = "" } }) => le === "+Inf" ? Infinity : Number(le));
    assertEquals(bounds, bounds.toSorted((one, other) => one - other), `${name} ${labels}: order of buckets`);
    assertEquals(bounds.at(-1), Infinity, `${name} ${labels}: last bucket`);
    const counts = buckets.map(({ value }) => value);
    assertEquals(counts, counts.toSorted((one, other) => one - other), `${name} ${labels}: not cumulative`);
    const rest = group.filter((sample) => sample.name !== `${name}_bucket`);
    assertEquals(rest.map((sample) => sample.name).sort(), [`${name}_count`, `${name}_sum`]);
    assertEquals(rest.find((sample) => sample.name === `${name}_count`)?.value, counts.at(-1));
  }
}
