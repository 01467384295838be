/**
 * Reports of results.
 *
 * @module
 */
import type { CheckResult } from "./run_checks.ts";

/** Number of checks by result. */
export interface Summary {
  /** The gateway follows the rule. */
  readonly passed: number;
  /** The gateway breaks the rule. */
  readonly failed: number;
  /** The check did not run. */
  readonly skipped: number;
}

const HEADER = ["#", "V", "RESULT", "CHECK"] as const;
const GAP = "  ";

/** Counts the results. */
export function summarize(results: readonly CheckResult[]): Summary {
  const count = (result: CheckResult["result"]) => results.filter((one) => one.result === result).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

/** Formats results as a table, one line each, with the reason of failed and skipped checks and the rule of failed ones. */
export function formatTable(results: readonly CheckResult[]): string {
  const rows = results.map(({ number, version, result, subject, name }) => [
    String(number),
    version === undefined ? "-" : String(version),
    result === "failed" ? "FAILED" : result,
    `${subject}: ${name}`,
  ]);
  const widths = HEADER.slice(0, -1).map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length))
  );
  const indent = " ".repeat(widths.reduce((sum, width) => sum + width + GAP.length, 0));
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP);
  const lines = results.flatMap(({ result, rule, seen }, index) => [
    line(rows[index] ?? []),
    ...result === "failed" ? [`${indent}rule: ${rule}`] : [],
    ...seen === undefined ? [] : [`${indent}${result === "failed" ? "seen" : "why"}: ${seen}`],
  ]);
  const { passed, failed, skipped } = summarize(results);
  return [line(HEADER), ...lines, "", `${passed} passed, ${failed} failed, ${skipped} skipped`].join("\n");
}

/** Formats results as JSON. */
export function formatJson(results: readonly CheckResult[]): string {
  return JSON.stringify({ ...summarize(results), checks: results }, null, 2);
}
