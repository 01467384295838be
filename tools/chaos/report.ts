/** Results of faults, as lines while they come and as a table at the end. */
import { markdownTable } from "../support/report.ts";
import type { Both, FaultResult } from "./run_fault.ts";

const HEADER = [
  "Fault",
  "Sent",
  "What clients saw",
  "What streams saw",
  "Ready",
  "Until right again: first, all phones, all streams",
  "Lost",
  "Twice",
  "Failed, but ran",
];

/** All results in Markdown. */
export function faultTable(results: readonly FaultResult[]): string {
  return markdownTable(
    HEADER,
    results.map((result) => [
      result.title,
      String(sum(result.sent)),
      failures(result),
      events(result),
      result.wasUnready ? "503, then 200" : "200",
      again(result),
      String(sum(result.lost)),
      String(sum(result.twice)),
      String(sum(result.untold)),
    ]),
  );
}

/** One result in a line, and a line for each rule that was broken. */
export function faultLines(result: FaultResult): string {
  const { name, broken, lost, twice } = result;
  const end = broken.length === 0 ? "ok" : "BROKEN";
  const line = `${name.padEnd(20)} ${end.padEnd(6)} ${sum(result.sent)} sent, ${failures(result)}; right again after ` +
    `${again(result)}; lost ${sum(lost)}, twice ${sum(twice)}`;
  return [line, ...broken.map((rule) => `  ${rule}`)].join("\n");
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
  return [...kinds].map((kind) => `${total(kind)} ${kind}`).join(", ") || "nothing";
}

function again({ againMs: { first, all, streams } }: FaultResult): string {
  return [first, all, streams].map((ms) => isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : "never").join(", ");
}

function sum({ messages, commands }: Both<number>): number {
  return messages + commands;
}
