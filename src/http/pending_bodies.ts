/**
 * Request bodies that are being received.
 *
 * @module
 */
import type { Deadline } from "../lib/deadlines.ts";
import { Heap, type HeapItem } from "../lib/heap.ts";
import { LinkedList, type ListNode } from "../lib/linked_list.ts";

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
  readonly bodies: LinkedList<PendingBody>;
}

/** Table of bodies that are being received. Each operation takes constant or logarithmic time, however many there are. */
export class PendingBodies {
  readonly #nodes = new Map<PendingBody, ListNode<PendingBody>>();
  readonly #senders = new Map<string, Sender>();
  /** Addresses, the one with the most bodies first; among equals, the one with the oldest body. */
  readonly #largest = new Heap<Sender>(isLarger);
  #begun = 0;

  /** Number of bodies. */
  get size(): number {
    return this.#nodes.size;
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
    const sender = this.#senders.get(address);
    if (sender !== undefined) {
      this.#nodes.set(body, sender.bodies.push(body));
      this.#largest.update(sender);
      return body;
    }
    const bodies = new LinkedList<PendingBody>();
    this.#nodes.set(body, bodies.push(body));
    const first = { bodies, heapIndex: -1 };
    this.#senders.set(address, first);
    this.#largest.add(first);
    return body;
  }

  /** Deletes a body, if the table holds it. */
  delete(body: PendingBody): void {
    const [node, sender] = [this.#nodes.get(body), this.#senders.get(body.address)];
    if (node === undefined || sender === undefined) return;
    this.#nodes.delete(body);
    sender.bodies.delete(node);
    if (sender.bodies.size > 0) return this.#largest.update(sender);
    this.#senders.delete(body.address);
    this.#largest.delete(sender);
  }
}

function isLarger({ bodies: one }: Sender, { bodies: other }: Sender): boolean {
  return one.size !== other.size ? one.size > other.size : orderOf(one) < orderOf(other);
}

function orderOf(bodies: LinkedList<PendingBody>): number {
  return bodies.first?.order ?? Infinity;
}
