/**
 * Finding the topic filters that match a topic without trying each of them (MQTT 3.1.1, section 4.7).
 *
 * @module
 */

/** One level of the filters: those that end here, and the levels that follow. */
class Branch<T> {
  readonly named: Map<string, Branch<T>> = new Map();
  plus: Branch<T> | undefined;
  hash: Branch<T> | undefined;
  /** Boxed, so that `undefined` can be a value like any other. */
  held: { readonly value: T } | undefined;

  get empty(): boolean {
    return !this.held && !this.plus && !this.hash && this.named.size === 0;
  }

  next(level: string): Branch<T> | undefined {
    if (level === "+") return this.plus;
    if (level === "#") return this.hash;
    return this.named.get(level);
  }

  grow(level: string): Branch<T> {
    if (level === "+") return this.plus ??= new Branch();
    if (level === "#") return this.hash ??= new Branch();
    const branch = this.named.get(level) ?? new Branch();
    this.named.set(level, branch);
    return branch;
  }

  cut(level: string): void {
    if (level === "+") this.plus = undefined;
    else if (level === "#") this.hash = undefined;
    else this.named.delete(level);
  }
}

/**
 * Topic filters with one value each. Matching looks only at the branches that fit the topic: about as much work among
 * thousands of filters as among a few, and even at worst, with wildcards everywhere, each branch once.
 */
export class TopicTrie<T> {
  readonly #root = new Branch<T>();
  #size = 0;

  /** Number of filters. */
  get size(): number {
    return this.#size;
  }

  /** Number of branches that the filters take up, counted one by one: shows that deleted filters leave none behind. */
  get branches(): number {
    return countBelow(this.#root);
  }

  /** Adds a well-formed filter, or replaces the value of one that is already there. */
  add(filter: string, value: T): void {
    let branch = this.#root;
    for (const level of filter.split("/")) branch = branch.grow(level);
    if (!branch.held) this.#size++;
    branch.held = { value };
  }

  /** Deletes a filter, written just as it was added. Does nothing when it is not there. */
  delete(filter: string): void {
    const path: { readonly parent: Branch<T>; readonly level: string }[] = [];
    let branch = this.#root;
    for (const level of filter.split("/")) {
      const next = branch.next(level);
      if (!next) return;
      path.push({ parent: branch, level });
      branch = next;
    }
    if (!branch.held) return;
    branch.held = undefined;
    this.#size--;
    for (const { parent, level } of path.reverse()) {
      if (!parent.next(level)?.empty) return;
      parent.cut(level);
    }
  }

  /** Returns the values of all filters that match a topic, in no particular order. */
  match(topic: string): T[] {
    const found: T[] = [];
    // Topics of the broker's own are met by no wildcard at the start (section 4.7.2).
    let wildcards = !topic.startsWith("$");
    let reached = [this.#root];
    for (const level of topic.split("/")) {
      const next: Branch<T>[] = [];
      for (const branch of reached) {
        if (wildcards) {
          if (branch.hash?.held) found.push(branch.hash.held.value);
          if (branch.plus) next.push(branch.plus);
        }
        const named = branch.named.get(level);
        if (named) next.push(named);
      }
      if (next.length === 0) return found;
      reached = next;
      wildcards = true;
    }
    for (const { held, hash } of reached) {
      if (held) found.push(held.value);
      // "a/#" also matches "a".
      if (hash?.held) found.push(hash.held.value);
    }
    return found;
  }
}

function countBelow<T>({ named, plus, hash }: Branch<T>): number {
  let count = 0;
  for (const branch of [plus, hash, ...named.values()]) {
    if (branch) count += 1 + countBelow(branch);
  }
  return count;
}
