/**
 * Rows of the tree and of the list: what is open, and matches what was searched for.
 *
 * @module
 */
import type { Topic } from "../model/topic.ts";
import type { TopicNode } from "../model/topic_tree.ts";

/** Returns whether a topic is searched for. */
export type TopicMatch = (topic: Pick<Topic, "service" | "name">) => boolean;

/** Row. */
export interface TopicRow {
  /** Level of the tree; in the list one with a topic. */
  readonly node: TopicNode;
  /** Level in the tree from 1; 1 in the list. */
  readonly level: number;
  /** True if rows below it are shown, false if they are not; undefined where there are none. */
  readonly isOpen: boolean | undefined;
  /** Place among its siblings, from 1. */
  readonly position: number;
  /** Number of its siblings, itself included. */
  readonly siblings: number;
  /** Number of topics below it that match, itself included. */
  readonly topics: number;
}

/** What is shown. */
export interface RowOptions {
  /** Returns whether a topic matches; undefined where all do. */
  readonly matches?: TopicMatch | undefined;
  /** Returns whether the rows below a node are shown. */
  readonly isOpen: (node: TopicNode) => boolean;
}

/** Returns whether a node is open before anyone touches it: the first level, and what is alone. */
export function isOpenAtFirst(node: TopicNode): boolean {
  return node.depth <= 1 || node.parent?.children.length === 1 && isOpenAtFirst(node.parent);
}

/** Returns whether a node is above another one. */
export function isAbove(node: TopicNode, other: TopicNode | undefined): boolean {
  for (let above = other?.parent; above !== undefined; above = above.parent) if (above === node) return true;
  return false;
}

/** Returns the rows of the tree. */
export function treeRows(root: TopicNode, { matches, isOpen }: RowOptions): readonly TopicRow[] {
  const counts = matches === undefined ? undefined : countMatches(root, matches);
  const countOf = (node: TopicNode) => counts === undefined ? node.topics : counts.get(node) ?? 0;
  const rows: TopicRow[] = [];
  const visit = (parent: TopicNode) => {
    const children = counts === undefined ? parent.children : parent.children.filter((child) => countOf(child) > 0);
    for (const [index, node] of children.entries()) {
      const opens = node.isBranch ? isOpen(node) : undefined;
      rows.push({
        node,
        level: node.depth,
        isOpen: opens,
        position: index + 1,
        siblings: children.length,
        topics: countOf(node),
      });
      if (opens === true) visit(node);
    }
  };
  visit(root);
  return rows;
}

/** Returns the rows of the list, in the order of the tree. */
export function listRows(root: TopicNode, { matches }: Pick<RowOptions, "matches">): readonly TopicRow[] {
  const nodes: TopicNode[] = [];
  const visit = (node: TopicNode) => {
    if (node.topic !== undefined && (matches?.(node.topic) ?? true)) nodes.push(node);
    node.children.forEach(visit);
  };
  visit(root);
  const siblings = nodes.length;
  return nodes.map((node, index) => ({ node, level: 1, isOpen: undefined, position: index + 1, siblings, topics: 1 }));
}

/** Counts the topics that match, for every node with one. */
function countMatches(root: TopicNode, matches: TopicMatch): ReadonlyMap<TopicNode, number> {
  const counts = new Map<TopicNode, number>();
  const count = (node: TopicNode): number => {
    let found = node.topic !== undefined && matches(node.topic) ? 1 : 0;
    for (const child of node.children) found += count(child);
    if (found > 0) counts.set(node, found);
    return found;
  };
  count(root);
  return counts;
}
