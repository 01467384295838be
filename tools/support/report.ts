/** Output of results: Markdown tables, and the method of a measurement. */

/** Returns a Markdown table whose columns are padded to equal width. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, at) => (row[at] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(header), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Returns a Markdown list of the time, the machine and the given facts of a measurement. */
export function describeMethod(facts: readonly string[]): string {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "unknown CPU";
  const [load] = Deno.loadavg();
  return [
    `${new Date().toISOString().slice(0, 16)}Z, ${navigator.hardwareConcurrency} cores of ${cpu}, Deno ` +
    `${Deno.version.deno}, load average ${load?.toFixed(1)} at the end`,
    ...facts,
  ].map((text) => `- ${text}`).join("\n");
}

/** Formats a number with `count` decimal places; a dash if it is not finite. */
export function digits(value: number, count: number): string {
  return Number.isFinite(value) ? value.toFixed(count) : "–";
}
