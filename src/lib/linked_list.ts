/**
 * Doubly linked list.
 *
 * @module
 */

/** Neighbours of a link in its list. */
export interface Neighbours<Link> {
  /** Link before it; undefined if it is the first one. */
  previous: Link | undefined;
  /** Link after it; undefined if it is the last one. */
  next: Link | undefined;
}

/**
 * List whose links are added and removed in constant time, wherever they are. It keeps the order of a Map's entries: to
 * find the first one of the Map itself, the engine walks over all that were deleted before it.
 */
export class LinkedList<Link extends Neighbours<Link>> {
  #first: Link | undefined;
  #last: Link | undefined;

  /** First link; undefined if the list is empty. */
  get first(): Link | undefined {
    return this.#first;
  }

  /** Last link; undefined if the list is empty. */
  get last(): Link | undefined {
    return this.#last;
  }

  /** Adds a link, which is in no list, at the end. */
  append(link: Link): void {
    link.previous = this.#last;
    link.next = undefined;
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
  }

  /** Removes a link of this list. It keeps its neighbours, so that an iteration goes on from it. */
  remove({ previous, next }: Link): void {
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }

  /** Moves a link of this list to the end. */
  moveToEnd(link: Link): void {
    if (link === this.#last) return;
    this.remove(link);
    this.append(link);
  }

  /** Removes all links. */
  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
  }
}
