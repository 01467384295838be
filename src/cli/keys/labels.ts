/**
 * Lines of labels and texts on the terminal.
 *
 * @module
 */

/** Least width of the labels, in characters. */
const LABEL_WIDTH = 19;

/** Formats labels and texts as lines with the texts below each other. */
export function alignLabels(rows: readonly (readonly [label: string, text: string])[]): string[] {
  const width = Math.max(LABEL_WIDTH, ...rows.map(([label]) => label.length + 2));
  return rows.map(([label, text]) => `  ${`${label}:`.padEnd(width)}${text}`);
}
