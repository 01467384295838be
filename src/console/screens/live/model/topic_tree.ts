/**
 * Tree of topics by their levels.
 *
 * @module
 */
import type { Topic } from "./topic.ts";

/** Deepest level that has a node of its own; what is below is one name, so that no topic makes thousands of nodes. */
export const MAX_LEVELS = 24;

/** Level of the tree: a topic, or what is above topics, or both. */
export class TopicNode {
  /** Number of the node in its tree. */
  readonly id: number;
  /** Name of the level; may be empty. */
  readonly name: string;
  /** Node above; undefined for the root. */
  readonly parent: TopicNode | undefined;
  /** Number of nodes above. */
  readonly depth: number;
  /** Topic that ends here; undefined where there is none. */
  topic: Topic | undefined;
  /** Number of topics here and below. */
  topics = 0;
  readonly #children = new Map<string, TopicNode>();
  #sorted: readonly TopicNode[] | undefined;

  /** Makes a node without children. */
  constructor(name: string, { id, parent }: { readonly id: number; readonly parent?: TopicNode }) {
    this.id = id;
    this.name = name;
    this.parent = parent;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  /** Children in the order of their names. */
  get children(): readonly TopicNode[] {
    return this.#sorted ??= [...this.#children.values()].sort(byName);
  }

  /** Returns the child of a name; undefined if there is none. */
  child(name: string): TopicNode | undefined {
    return this.#children.get(name);
  }

  /** Returns whether it has children. */
  get isBranch(): boolean {
    return this.#children.size > 0;
  }

  /** Adds a child. */
  add(name: string, id: number): TopicNode {
    const child = new TopicNode(name, { id, parent: this });
    this.#children.set(name, child);
    this.#sorted = undefined;
    return child;
  }
}

/** Tree of topics. */
export class TopicTree {
  /** Node above all; it stands for no level. */
  readonly root = new TopicNode("", { id: 0 });
  #nodes = 0;

  /** Number of nodes. */
  get nodes(): number {
    return this.#nodes;
  }

  /** Adds a topic at its levels. */
  add(levels: readonly string[], topic: Topic): TopicNode {
    const names = levels.length <= MAX_LEVELS
      ? levels
      : [...levels.slice(0, MAX_LEVELS - 1), levels.slice(MAX_LEVELS - 1).join("/")];
    let node = this.root;
    node.topics += 1;
    for (const name of names) {
      let next = node.child(name);
      if (next === undefined) {
        this.#nodes += 1;
        next = node.add(name, this.#nodes);
      }
      next.topics += 1;
      node = next;
    }
    node.topic = topic;
    return node;
  }
}

function byName(one: TopicNode, other: TopicNode): number {
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0;
}
