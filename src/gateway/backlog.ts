/**
 * What waits for somebody to read it, and may be much: messages that listeners missed or that the broker retains, and
 * large answers. It is bounded for all of them together.
 *
 * @module
 */

/** Somebody for whom much may wait. */
export interface BacklogHolder {
  /** Lets go of all that waits: others need the room. */
  giveUp(): void;
}

/** The bytes that wait, by whom they wait for. */
export class Backlog {
  readonly #maxBytes: number;
  readonly #held = new Map<BacklogHolder, number>();
  #bytes = 0;

  /** Makes a backlog in which nothing waits. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes how much waits for somebody. When it is too much for all, whoever has most gives up. */
  set(holder: BacklogHolder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0);
    if (bytes > 0) this.#held.set(holder, bytes);
    else this.#held.delete(holder);
    if (this.#bytes > this.#maxBytes) this.#greediest()?.giveUp();
  }

  #greediest(): BacklogHolder | undefined {
    let greediest: BacklogHolder | undefined;
    let most = 0;
    for (const [holder, bytes] of this.#held) {
      if (bytes <= most) continue;
      greediest = holder;
      most = bytes;
    }
    return greediest;
  }
}
