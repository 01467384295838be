/** Results of faults, as lines during the run and as a table at the end. */
import { markdownTable } from "../support/report.ts";
import type { FaultResult, PerKind } from "./run_fault.ts";

const HEADER = [
  "Fault",
  "Sent",
  "Failures of clients",
  "Events of streams",
  "Ready",
  "Recovery: first, all clients, all streams",
  "Lost",
  "Twice",
  "Failed, but executed",
];

/** Returns all results as a Markdown table. */
export function faultTable(results: readonly FaultResult[]): string {
  return markdownTable(
    HEADER,
    results.map((result) => [
      result.title,
      String(sum(result.sent)),
      failures(result),
      events(result),
      result.wasUnready ? "503, then 200" : "200",
      recovery(result),
      String(sum(result.lost)),
      String(sum(result.duplicates)),
      String(sum(result.failedButExecuted)),
    ]),
  );
}

/** Returns one result as a line, with a line for each violated invariant. */
export function faultLines(result: FaultResult): string {
  const { name, violations, lost, duplicates } = result;
  const status = violations.length === 0 ? "ok" : "FAILED";
  const line =
    `${name.padEnd(20)} ${status.padEnd(6)} ${sum(result.sent)} sent, ${failures(result)}; recovered after ` +
    `${recovery(result)}; lost ${sum(lost)}, twice ${sum(duplicates)}`;
  return [line, ...violations.map((violation) => `  ${violation}`)].join("\n");
}

function failures({ failures: { messages, commands } }: FaultResult): string {
  const kinds = { messages, commands };
  const parts = Object.entries(kinds)
    .filter(([, counts]) => counts.size > 0)
    .map(([kind, counts]) => `${kind}: ${[...counts].map(([code, count]) => `${count} ${code}`).join(", ")}`);
  return parts.length === 0 ? "no failure" : parts.join("; ");
}

function events({ events }: FaultResult): string {
  const kinds = new Set(events.flatMap((counts) => [...counts.keys()]));
  kinds.delete("connected");
  const total = (kind: string) => events.reduce((count, counts) => count + (counts.get(kind) ?? 0), 0);
  return [...kinds].map((kind) => `${total(kind)} ${kind}`).join(", ") || "none";
}

function recovery({ recoveryMs: { first, all, streams } }: FaultResult): string {
  return [first, all, streams].map((ms) => isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : "never").join(", ");
}

function sum({ messages, commands }: PerKind<number>): number {
  return messages + commands;
}
