/**
 * Request bodies that are being received.
 *
 * @module
 */
import type { Deadline } from "../lib/deadlines.ts";
import { LinkedSet } from "../lib/linked_set.ts";
import { type HeapItem, MaxHeap } from "../lib/max_heap.ts";

/** Body that is being received. */
export interface PendingBody {
  /** Address that sends it. */
  readonly address: string;
  /** Start on the monotonic clock, in milliseconds. */
  readonly since: number;
  /** Number of bodies that began before it. */
  readonly order: number;
  /** Ends its reading with an error. */
  readonly abort: (reason: Error) => void;
  /** Deadline of its reading. */
  readonly deadline: Deadline;
}

/** Address with its bodies, of which it has at least one. */
interface Sender extends HeapItem {
  /** Bodies, the oldest first. */
  readonly bodies: LinkedSet<PendingBody>;
}

/** Table of bodies that are being received. Each operation takes constant or logarithmic time, however many there are. */
export class PendingBodies {
  readonly #senders = new Map<string, Sender>();
  /** Addresses, the one with the most bodies first; among equals, the one with the oldest body. */
  readonly #largest = new MaxHeap<Sender>(isLarger);
  #size = 0;
  #begun = 0;

  /** Number of bodies. */
  get size(): number {
    return this.#size;
  }

  /** Returns the number of bodies of an address. */
  countOf(address: string): number {
    return this.#senders.get(address)?.bodies.size ?? 0;
  }

  /** Returns the oldest body of an address; undefined if it has none. */
  oldestOf(address: string): PendingBody | undefined {
    return this.#senders.get(address)?.bodies.first;
  }

  /** Returns the oldest body of the address with the most bodies; undefined if there is none. */
  oldestOfLargest(): PendingBody | undefined {
    return this.#largest.first?.bodies.first;
  }

  /** Adds a body that begins, and returns it. */
  add({ address, since, abort, deadline }: Omit<PendingBody, "order">): PendingBody {
    const body = { address, since, abort, deadline, order: this.#begun++ };
    let sender = this.#senders.get(address);
    if (sender === undefined) this.#senders.set(address, sender = { bodies: new LinkedSet(), place: -1 });
    sender.bodies.add(body);
    this.#largest.update(sender);
    this.#size += 1;
    return body;
  }

  /** Deletes a body, if the table holds it. */
  delete(body: PendingBody): void {
    const sender = this.#senders.get(body.address);
    if (sender?.bodies.delete(body) !== true) return;
    this.#size -= 1;
    if (sender.bodies.size > 0) return this.#largest.update(sender);
    this.#largest.remove(sender);
    this.#senders.delete(body.address);
  }
}

function isLarger({ bodies: one }: Sender, { bodies: other }: Sender): boolean {
  return one.size !== other.size ? one.size > other.size : orderOf(one) < orderOf(other);
}

function orderOf(bodies: LinkedSet<PendingBody>): number {
  return bodies.first?.order ?? Infinity;
}
