/**
 * Finds the topic filters that match a topic without trying each of them (MQTT 3.1.1, section 4.7).
 *
 * @module
 */

/** Node of the trie: the filter that ends here, and the children by their next level. */
class TrieNode<T> {
  readonly named: Map<string, TrieNode<T>> = new Map();
  plus: TrieNode<T> | undefined;
  hash: TrieNode<T> | undefined;
  /** Value of the filter that ends here; boxed, as the value may be undefined. */
  entry: { readonly value: T } | undefined;

  get isEmpty(): boolean {
    return !this.entry && !this.plus && !this.hash && this.named.size === 0;
  }

  child(level: string): TrieNode<T> | undefined {
    if (level === "+") return this.plus;
    if (level === "#") return this.hash;
    return this.named.get(level);
  }

  getOrAddChild(level: string): TrieNode<T> {
    if (level === "+") return this.plus ??= new TrieNode();
    if (level === "#") return this.hash ??= new TrieNode();
    const node = this.named.get(level) ?? new TrieNode();
    this.named.set(level, node);
    return node;
  }

  deleteChild(level: string): void {
    if (level === "+") this.plus = undefined;
    else if (level === "#") this.hash = undefined;
    else this.named.delete(level);
  }
}

/** Point in a trie to which the first levels of a topic lead. */
export interface TriePoint {
  /**
   * Returns the point after one more level; undefined if no filter matches a topic that begins so. May lead on from a
   * first level with `$` for filters that begin with a wildcard, which match no such topic.
   */
  step(level: string): TriePoint | undefined;
}

/** Point in a trie, as the nodes of all filters that lead on. */
class Nodes<T> implements TriePoint {
  readonly #nodes: readonly TrieNode<T>[];

  constructor(nodes: readonly TrieNode<T>[]) {
    this.#nodes = nodes;
  }

  step(level: string): TriePoint | undefined {
    const next: TrieNode<T>[] = [];
    for (const node of this.#nodes) {
      // Matches all further levels.
      if (node.hash !== undefined) return this;
      if (node.plus !== undefined) next.push(node.plus);
      const named = node.named.get(level);
      if (named !== undefined) next.push(named);
    }
    return next.length === 0 ? undefined : new Nodes(next);
  }
}

/**
 * Topic filters with one value each. Matching visits only the nodes that fit the topic: about as much work with
 * thousands of filters as with a few, and in the worst case, with wildcards everywhere, each node once.
 */
export class TopicTrie<T> {
  readonly #root = new TrieNode<T>();
  #size = 0;

  /** Number of filters. */
  get size(): number {
    return this.#size;
  }

  /** Number of nodes, counted one by one: shows that deleted filters leave none behind. */
  get nodeCount(): number {
    return countNodes(this.#root);
  }

  /** Adds a well-formed filter, or replaces its value. */
  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split("/")) node = node.getOrAddChild(level);
    if (!node.entry) this.#size++;
    node.entry = { value };
  }

  /** Returns the value of a filter; undefined if it is not there. */
  find(filter: string): T | undefined {
    let node: TrieNode<T> | undefined = this.#root;
    for (const level of filter.split("/")) node = node?.child(level);
    return node?.entry?.value;
  }

  /** Deletes a filter, if it is there. */
  delete(filter: string): void {
    const path: { readonly parent: TrieNode<T>; readonly level: string }[] = [];
    let node = this.#root;
    for (const level of filter.split("/")) {
      const next = node.child(level);
      if (!next) return;
      path.push({ parent: node, level });
      node = next;
    }
    if (!node.entry) return;
    node.entry = undefined;
    this.#size--;
    for (const { parent, level } of path.reverse()) {
      if (!parent.child(level)?.isEmpty) return;
      parent.deleteChild(level);
    }
  }

  /** Point before the first level. */
  get start(): TriePoint {
    return new Nodes([this.#root]);
  }

  /** Returns whether a filter matches a topic. */
  matches(topic: string): boolean {
    return this.match(topic).length > 0;
  }

  /** Returns the values of all filters that match a topic, in no particular order. */
  match(topic: string): T[] {
    const found: T[] = [];
    // A wildcard at the start matches no topic that begins with $ (section 4.7.2).
    let wildcards = !topic.startsWith("$");
    let nodes = [this.#root];
    for (const level of topic.split("/")) {
      const next: TrieNode<T>[] = [];
      for (const node of nodes) {
        if (wildcards) {
          if (node.hash?.entry) found.push(node.hash.entry.value);
          if (node.plus) next.push(node.plus);
        }
        const named = node.named.get(level);
        if (named) next.push(named);
      }
      if (next.length === 0) return found;
      nodes = next;
      wildcards = true;
    }
    for (const { entry, hash } of nodes) {
      if (entry) found.push(entry.value);
      // "a/#" also matches "a".
      if (hash?.entry) found.push(hash.entry.value);
    }
    return found;
  }
}

function countNodes<T>({ named, plus, hash }: TrieNode<T>): number {
  let count = 0;
  for (const node of [plus, hash, ...named.values()]) {
    if (node) count += 1 + countNodes(node);
  }
  return count;
}
