/**
 * Set in an order.
 *
 * @module
 */
import { LinkedList, type Neighbours } from "./linked_list.ts";

/** Value with its neighbours. */
interface Link<T> extends Neighbours<Link<T>> {
  readonly value: T;
}

/** Set in the order of insertion that finds its first and last value at once. */
export class LinkedSet<T> implements Iterable<T> {
  readonly #links = new Map<T, Link<T>>();
  readonly #list = new LinkedList<Link<T>>();

  /** Number of values. */
  get size(): number {
    return this.#links.size;
  }

  /** First value; undefined if there is none. */
  get first(): T | undefined {
    return this.#list.first?.value;
  }

  /** Last value; undefined if there is none. */
  get last(): T | undefined {
    return this.#list.last?.value;
  }

  /** Returns whether a value is there. */
  has(value: T): boolean {
    return this.#links.has(value);
  }

  /** Adds a value at the end, unless it is there. */
  add(value: T): void {
    if (!this.#links.has(value)) this.#append(value);
  }

  /** Adds a value at the end, or moves it there. */
  addLast(value: T): void {
    const known = this.#links.get(value);
    if (known === undefined) this.#append(value);
    else this.#list.moveToEnd(known);
  }

  /** Removes a value; returns whether it was there. */
  delete(value: T): boolean {
    const link = this.#links.get(value);
    if (link === undefined) return false;
    this.#list.remove(link);
    return this.#links.delete(value);
  }

  /** Removes all values. */
  clear(): void {
    this.#links.clear();
    this.#list.clear();
  }

  /** Iterates over the values, the last one first; each may be removed while it is the current one. */
  *backwards(): Generator<T, void, void> {
    for (let link = this.#list.last; link !== undefined; link = link.previous) yield link.value;
  }

  /** Iterates over the values; each may be removed while it is the current one. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (let link = this.#list.first; link !== undefined; link = link.next) yield link.value;
  }

  #append(value: T): void {
    const link: Link<T> = { value, previous: undefined, next: undefined };
    this.#list.append(link);
    this.#links.set(value, link);
  }
}
