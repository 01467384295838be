/**
 * What was found, in its forms: for people, for programs, and for an MQTT topic.
 *
 * @module
 */
import type { Result } from "./check.ts";
import { type Status, worst } from "./finding.ts";

/** What was found in one round. */
export interface Report {
  /** The gateway's version. */
  readonly version: string;
  /** When the round ended, in milliseconds since 1970. */
  readonly at: number;
  /** What each check found. */
  readonly results: readonly Result[];
}

/** What each state is called; failures leap to the eye. */
const WORDS: Readonly<Record<Status, string>> = { ok: "ok", warning: "warning", failed: "FAILED", skipped: "skipped" };
const WORD_WIDTH = 7;
const GAP = "  ";

const EXIT_CODES = { ok: 0, warning: 1, failed: 2 } as const;

/** Tells the worst state in a report. */
function statusOf({ results }: Report): "ok" | "warning" | "failed" {
  return worst(results.map(({ status }) => status));
}

/** Tells the exit code: 0 all right, 1 warnings alone, 2 something failed. */
export function exitCodeOf(report: Report): number {
  return EXIT_CODES[statusOf(report)];
}

/** Lays a report out for people: one line for each check, and its remedy below it. */
export function formatReport({ results }: Report): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  const indent = " ".repeat(WORD_WIDTH + width + 2 * GAP.length);
  const lines = results.flatMap(({ name, status, message, remedy }) => {
    const [first = "", ...further] = message.split("\n");
    return [
      [WORDS[status].padEnd(WORD_WIDTH), name.padEnd(width), first].join(GAP),
      ...further.map((line) => indent + line),
      ...remedy?.split("\n").map((line) => `${indent}-> ${line}`) ?? [],
    ];
  });
  const count = (status: Status) => results.filter((result) => result.status === status).length;
  const warnings = count("warning");
  const sum = [
    `${count("failed")} failed`,
    `${warnings} ${warnings === 1 ? "warning" : "warnings"}`,
    `${count("ok")} ok`,
    `${count("skipped")} skipped`,
  ];
  return [...lines, "", sum.join(", ")].join("\n");
}

/** What changed since the report before, one line for each check whose state is another one. */
export function formatChanges(report: Report, before: Report): string[] {
  const time = new Date(report.at).toISOString().slice(0, 19) + "Z";
  return report.results.flatMap(({ name, status, message, remedy }) => {
    const was = before.results.find((result) => result.name === name)?.status;
    if (was === status) return [];
    const text = [message, ...remedy === undefined ? [] : [`-> ${remedy}`]].join(" ").replaceAll("\n", "; ");
    return [`${time} ${WORDS[status].padEnd(WORD_WIDTH)} ${name} (was ${was ?? "unknown"}): ${text}`];
  });
}

/** Writes the line of a round in which nothing changed. */
export function formatUnchanged(report: Report): string {
  return `${new Date(report.at).toISOString().slice(0, 19)}Z ${WORDS[statusOf(report)].padEnd(WORD_WIDTH)} unchanged`;
}

/** The same for programs: one JSON document. */
export function formatJson(report: Report, indent?: number): string {
  const { version, at, results } = report;
  const checks = results.map(({ name, status, message, remedy }) => ({ name, status, message, remedy }));
  return JSON.stringify({ status: statusOf(report), version, timestamp: at / 1000, checks }, null, indent);
}

/** What goes to the topic: names alone, as whoever may read a topic need not know more. */
export function formatState(report: Report): string {
  const { version, at, results } = report;
  const named = (status: Status) => results.filter((result) => result.status === status).map(({ name }) => name);
  return JSON.stringify({
    status: statusOf(report),
    failing: named("failed"),
    warnings: named("warning"),
    version,
    timestamp: at / 1000,
  });
}
