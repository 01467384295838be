/** Record of the messages of one listener, divided at its gap events. */
import { isFinal } from "../../src/client/open_stream.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";

/** Record of a subscription over all its reconnects. */
export class StreamRecord {
  /** Name of the listener. */
  readonly name: string;
  /** Numbers in order of receipt; a gap event starts a new segment. */
  readonly #segments: string[][] = [[]];
  readonly #received = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly #events = new Map<string, number>();
  readonly #endMessages = new Set<string>();

  /** @param name name of the listener */
  constructor(name: string) {
    this.name = name;
  }

  /** Number of events by type, apart from messages. */
  get events(): ReadonlyMap<string, number> {
    return this.#events;
  }

  /** Texts of the final events of its streams. */
  get endMessages(): ReadonlySet<string> {
    return this.#endMessages;
  }

  /** Records an event and its time of receipt. */
  add(event: StreamEvent, at: number): void {
    if (event.type !== "message") {
      this.#events.set(event.type, (this.#events.get(event.type) ?? 0) + 1);
      if (event.type === "gap") this.#segments.push([]);
      if (isFinal(event)) this.#endMessages.add(event.message);
      return;
    }
    const number = event.payload ?? "";
    if (!this.#received.has(number)) this.#received.set(number, at);
    this.#counts.set(number, (this.#counts.get(number) ?? 0) + 1);
    this.#segments.at(-1)?.push(number);
  }

  /** Returns when a number was first received; undefined if it was not. */
  receivedAt(number: string): number | undefined {
    return this.#received.get(number);
  }

  /** Returns the numbers that were received more often than the broker delivered them. */
  surplus(delivered: readonly string[]): string[] {
    const counts = countEach(delivered);
    return [...this.#counts].filter(([number, count]) => count > (counts.get(number) ?? 0)).map(([number]) => number);
  }

  /** Returns the numbers that were received after one that the broker delivered later; each was delivered once. */
  disordered(delivered: readonly string[]): string[] {
    const counts = countEach(delivered);
    const positions = new Map(delivered.map((number, position) => [number, position]));
    let last = -1;
    return this.#segments.flat().filter((number) => {
      const position = positions.get(number);
      if (position === undefined || counts.get(number) !== 1) return false;
      if (position < last) return true;
      last = position;
      return false;
    });
  }

  /**
   * Returns the missing numbers: within a segment, and before the first one, every number that the broker delivered
   * once must have been received.
   *
   * @param delivered all numbers in the broker's order; the last one must have been received
   */
  missing(delivered: readonly string[]): string[] {
    const counts = countEach(delivered);
    // A number that was delivered twice has no unique position.
    const order = delivered.filter((number) => counts.get(number) === 1);
    const positions = new Map(order.map((number, position) => [number, position]));
    return this.#segments.flatMap((segment, index) => {
      const own = segment.map((number) => positions.get(number)).filter((position) => position !== undefined);
      if (own.length === 0) return [];
      const received = new Set(own);
      const [first, last] = [index === 0 ? 0 : Math.min(...own), Math.max(...own)];
      return order.slice(first, last + 1).filter((_, offset) => !received.has(first + offset));
    });
  }
}

function countEach(numbers: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return counts;
}
