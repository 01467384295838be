/**
 * Report of all checks, and its formats: for people, for programs, and for an MQTT topic.
 *
 * @module
 */
import { type CheckResult, type Status, worst } from "./check.ts";

/** Results of one round. */
export interface Report {
  /** Version of this program. */
  readonly version: string;
  /** End of the round, in milliseconds since 1970. */
  readonly at: number;
  /** Result of each check. */
  readonly results: readonly CheckResult[];
}

/** Labels of statuses. */
const LABELS: Readonly<Record<Status, string>> = { ok: "ok", warning: "warning", failed: "FAILED", skipped: "skipped" };
const LABEL_WIDTH = 7;
const GAP = "  ";

const EXIT_CODES = { ok: 0, warning: 1, failed: 2 } as const;

/** Returns the worst status in a report. */
function statusOf({ results }: Report): "ok" | "warning" | "failed" {
  return worst(results.map(({ status }) => status));
}

/** Returns the exit code: 0 all ok, 1 only warnings, 2 a check failed. */
export function exitCodeOf(report: Report): number {
  return EXIT_CODES[statusOf(report)];
}

/** Formats a report for people: one line for each check, and its remedy below it. */
export function formatReport({ results }: Report): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  const indent = " ".repeat(LABEL_WIDTH + width + 2 * GAP.length);
  const lines = results.flatMap(({ name, status, message, remedy }) => {
    const [first = "", ...further] = message.split("\n");
    return [
      [LABELS[status].padEnd(LABEL_WIDTH), name.padEnd(width), first].join(GAP),
      ...further.map((line) => indent + line),
      ...remedy?.split("\n").map((line) => `${indent}-> ${line}`) ?? [],
    ];
  });
  const count = (status: Status) => results.filter((result) => result.status === status).length;
  const warnings = count("warning");
  const totals = [
    `${count("failed")} failed`,
    `${warnings} ${warnings === 1 ? "warning" : "warnings"}`,
    `${count("ok")} ok`,
    `${count("skipped")} skipped`,
  ];
  return [...lines, "", totals.join(", ")].join("\n");
}

/** Formats the changes since the report before: one line for each check whose status differs. */
export function formatChanges(report: Report, before: Report): string[] {
  const time = new Date(report.at).toISOString().slice(0, 19) + "Z";
  return report.results.flatMap(({ name, status, message, remedy }) => {
    const was = before.results.find((result) => result.name === name)?.status;
    if (was === status) return [];
    const text = [message, ...remedy === undefined ? [] : [`-> ${remedy}`]].join(" ").replaceAll("\n", "; ");
    return [`${time} ${LABELS[status].padEnd(LABEL_WIDTH)} ${name} (was ${was ?? "unknown"}): ${text}`];
  });
}

/** Formats the line of a round without changes. */
export function formatUnchanged(report: Report): string {
  return `${new Date(report.at).toISOString().slice(0, 19)}Z ${LABELS[statusOf(report)].padEnd(LABEL_WIDTH)} unchanged`;
}

/** Formats a report for programs: one JSON document. */
export function formatJson(report: Report, indent?: number): string {
  const { version, at, results } = report;
  const checks = results.map(({ name, status, message, remedy }) => ({ name, status, message, remedy }));
  return JSON.stringify({ status: statusOf(report), version, timestamp: at / 1000, checks }, null, indent);
}

/** Formats a report for an MQTT topic: only the names of checks, as its subscribers need not know more. */
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
