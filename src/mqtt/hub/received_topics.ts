/**
 * The topics of which a listener has the retained message already, for one that comes back amid them.
 *
 * @module
 */

/** What a topic, and all of them together, cost besides, in bytes. */
const TOPIC_OVERHEAD_BYTES = 64;

/** Topics, and from which offset on the listeners of one retained delivery have a value of each. */
export class ReceivedTopics {
  #offsets: Map<string, number> | undefined = new Map();
  #bytes = TOPIC_OVERHEAD_BYTES;

  /** Bytes that the topics take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes that the listeners have a value of a topic, unless they had one before. */
  add(topic: string, offset: number): void {
    if (this.#offsets === undefined || this.#offsets.has(topic)) return;
    this.#offsets.set(topic, offset);
    this.#bytes += topic.length + TOPIC_OVERHEAD_BYTES;
  }

  /** Tells whether a listener that read up to an offset has a value of a topic. */
  has(topic: string, offset = Infinity): boolean {
    const from = this.#offsets?.get(topic);
    return from !== undefined && from <= offset;
  }

  /** Finds the topics of which a listener that read up to an offset has a value. */
  upTo(offset: number): string[] {
    return [...this.#offsets ?? []].filter(([, from]) => from <= offset).map(([topic]) => topic);
  }

  /** Frees the memory: a listener that comes back gets all retained messages again. */
  clear(): void {
    this.#offsets = undefined;
    this.#bytes = 0;
  }
}
