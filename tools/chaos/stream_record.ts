/** What one listener got, piece by piece between the gaps that it was told of. */
import { isFinal } from "../../src/client/open_stream.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";

/** Keeps the numbers of a stream that is made of many. */
export class StreamRecord {
  /** Who listens. */
  readonly who: string;
  /** Numbers in the order of their coming; after a gap a new piece begins. */
  readonly #pieces: string[][] = [[]];
  readonly #arrivals = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly #events = new Map<string, number>();
  readonly #endings = new Set<string>();

  /** Begins an empty record. */
  constructor(who: string) {
    this.who = who;
  }

  /** How many events of each kind came, but messages. */
  get events(): ReadonlyMap<string, number> {
    return this.#events;
  }

  /** What its streams said at their ends. */
  get endings(): ReadonlySet<string> {
    return this.#endings;
  }

  /** Takes down an event, and when it came. */
  add(event: StreamEvent, at: number): void {
    if (event.type !== "message") {
      this.#events.set(event.type, (this.#events.get(event.type) ?? 0) + 1);
      if (event.type === "gap") this.#pieces.push([]);
      if (isFinal(event)) this.#endings.add(event.message);
      return;
    }
    const number = event.payload ?? "";
    if (!this.#arrivals.has(number)) this.#arrivals.set(number, at);
    this.#counts.set(number, (this.#counts.get(number) ?? 0) + 1);
    this.#pieces.at(-1)?.push(number);
  }

  /** When a number came first; undefined if it did not. */
  arrival(number: string): number | undefined {
    return this.#arrivals.get(number);
  }

  /** Finds what came more often than the broker passed it on. */
  surplus(passedOn: readonly string[]): string[] {
    const counts = countEach(passedOn);
    return [...this.#counts].filter(([number, count]) => count > (counts.get(number) ?? 0)).map(([number]) => number);
  }

  /**
   * Finds what should have come: within a piece, and before the first gap, all that the broker passed on once.
   *
   * @param passedOn all numbers in the broker's order; the last one must have come
   */
  missing(passedOn: readonly string[]): string[] {
    const counts = countEach(passedOn);
    // What was passed on twice has no place of its own.
    const order = passedOn.filter((number) => counts.get(number) === 1);
    const places = new Map(order.map((number, place) => [number, place]));
    return this.#pieces.flatMap((piece, index) => {
      const own = piece.map((number) => places.get(number)).filter((place) => place !== undefined);
      if (own.length === 0) return [];
      const got = new Set(own);
      const [first, last] = [index === 0 ? 0 : Math.min(...own), Math.max(...own)];
      return order.slice(first, last + 1).filter((_, at) => !got.has(first + at));
    });
  }
}

function countEach(numbers: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return counts;
}
