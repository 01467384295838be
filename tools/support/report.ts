/** How results are printed: a Markdown table, and how they came about. */

/** A table in Markdown, its columns padded so that it can be read as it is. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, at) => (row[at] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(header), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Says when, on what and how something was measured. */
export function describeMethod(words: readonly string[]): string {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "unknown CPU";
  const [load] = Deno.loadavg();
  return [
    `${new Date().toISOString().slice(0, 16)}Z, ${navigator.hardwareConcurrency} cores of ${cpu}, Deno ` +
    `${Deno.version.deno}, load average ${load?.toFixed(1)} at the end`,
    ...words,
  ].map((text) => `- ${text}`).join("\n");
}

/** A number with so many digits behind the point; a dash where there is none. */
export function digits(value: number, count: number): string {
  return Number.isFinite(value) ? value.toFixed(count) : "–";
}
