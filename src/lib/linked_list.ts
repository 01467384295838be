/**
 * Queue from whose middle items can be removed in constant time.
 *
 * @module
 */

/** Item in a list. */
export class ListNode<T> {
  /** Item. */
  readonly value: T;
  /** List that holds it; undefined once it was deleted. */
  list: LinkedList<T> | undefined;
  /** Node before it in the list. */
  before: ListNode<T> | undefined;
  /** Node after it in the list. */
  after: ListNode<T> | undefined;

  /** Makes a node at the end of a list. */
  constructor(value: T, list: LinkedList<T>, before: ListNode<T> | undefined) {
    this.value = value;
    this.list = list;
    this.before = before;
  }
}

/**
 * Doubly linked list: adding, removing and finding the first item take constant time, whereas the first item of a `Set`
 * is found behind the gaps that removed ones leave.
 */
export class LinkedList<T> {
  #first: ListNode<T> | undefined;
  #last: ListNode<T> | undefined;
  #size = 0;

  /** Number of items. */
  get size(): number {
    return this.#size;
  }

  /** First item; undefined if the list is empty. */
  get first(): T | undefined {
    return this.#first?.value;
  }

  /** Adds an item at the end. Returns the node by which it can be deleted. */
  push(value: T): ListNode<T> {
    const node = new ListNode(value, this, this.#last);
    if (this.#last === undefined) this.#first = node;
    else this.#last.after = node;
    this.#last = node;
    this.#size += 1;
    return node;
  }

  /** Deletes a node. Returns whether the list held it. */
  delete(node: ListNode<T>): boolean {
    if (node.list !== this) return false;
    if (node.before === undefined) this.#first = node.after;
    else node.before.after = node.after;
    if (node.after === undefined) this.#last = node.before;
    else node.after.before = node.before;
    node.list = node.before = node.after = undefined;
    this.#size -= 1;
    return true;
  }

  /** Returns the first node whose item matches, in linear time. */
  find(matches: (value: T) => boolean): ListNode<T> | undefined {
    let node = this.#first;
    while (node !== undefined && !matches(node.value)) node = node.after;
    return node;
  }
}
