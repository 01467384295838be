/**
 * Keys of the tree, after the pattern of WAI-ARIA.
 *
 * @module
 */
import type { TopicNode } from "../model/topic_tree.ts";
import type { TopicRow } from "./visible_rows.ts";

/** What a key does. */
export type RowMove =
  /** Goes to another row. */
  | { readonly type: "go"; readonly index: number }
  /** Opens or closes what is below a row. */
  | { readonly type: "fold"; readonly node: TopicNode; readonly isOpen: boolean }
  /** Shows the topic of a row. */
  | { readonly type: "choose"; readonly row: TopicRow };

/** Rows that one press of a page key moves. */
const PAGE = 10;

/** Returns what a key does at a row; undefined for a key that does nothing here. */
export function rowMove(
  key: string,
  { rows, active }: { readonly rows: readonly TopicRow[]; readonly active: number },
): RowMove | undefined {
  const row = rows[active];
  const last = rows.length - 1;
  if (row === undefined) return rows.length > 0 && key.startsWith("Arrow") ? { type: "go", index: 0 } : undefined;
  const go = (index: number): RowMove => ({ type: "go", index: Math.max(0, Math.min(last, index)) });
  switch (key) {
    case "ArrowDown":
      return go(active + 1);
    case "ArrowUp":
      return go(active - 1);
    case "PageDown":
      return go(active + PAGE);
    case "PageUp":
      return go(active - PAGE);
    case "Home":
      return go(0);
    case "End":
      return go(last);
    case "ArrowRight":
      if (row.isOpen === undefined) return undefined;
      return row.isOpen ? go(active + 1) : { type: "fold", node: row.node, isOpen: true };
    case "ArrowLeft": {
      if (row.isOpen === true) return { type: "fold", node: row.node, isOpen: false };
      const parent = rows.findIndex(({ node }) => node === row.node.parent);
      return parent < 0 ? undefined : go(parent);
    }
    case "Enter":
    case " ":
      return row.node.topic === undefined && row.isOpen !== undefined
        ? { type: "fold", node: row.node, isOpen: !row.isOpen }
        : { type: "choose", row };
    default:
      return undefined;
  }
}
