/**
 * Bodies of responses that are handed over as they are read.
 *
 * @module
 */
import type { BudgetHolder, MemoryBudget } from "../limits/memory_budget.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** Length of a piece, in bytes. */
const PIECE = 64 * 1024;

/** Longest time without a read before a body is evicted, in milliseconds. */
const STALL_TIMEOUT_MS = 30_000;

const NOTHING = new Uint8Array();

/** Returns whether a body is so short that it is handed over in one piece. */
export function isOnePiece(length: number): boolean {
  return length <= PIECE;
}

/** Budget, owner and callbacks of a body. */
export interface StreamedBodyOptions {
  /** Budget of all bodies that wait to be read. */
  readonly budget: MemoryBudget;
  /** Id that its bytes count for. */
  readonly owner: string;
  /** Called when the body is evicted. */
  readonly onEvict: () => void;
  /** Called once, when nothing is left to hand over. */
  readonly onEnd?: () => void;
}

/** Body of a response that is handed over piece by piece as it is read, and counted in a budget until then. */
export class StreamedBody implements BudgetHolder {
  /** Body of the response. */
  readonly body: ReadableStream<Uint8Array>;
  /** Id that its bytes count for. */
  readonly owner: string;
  readonly #options: StreamedBodyOptions;
  readonly #length: number;
  #rest: Uint8Array;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  /** Begins a body with its whole content, which is not empty. */
  constructor(content: Bytes, options: StreamedBodyOptions) {
    this.owner = options.owner;
    this.#options = options;
    this.#length = content.length;
    this.#rest = content;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: (controller) => {
        controller.enqueue(this.#rest.slice(0, PIECE));
        this.#setRest(this.#rest.subarray(PIECE));
        if (this.#rest.length === 0) controller.close();
      },
      cancel: () => this.#setRest(NOTHING),
    }, { highWaterMark: 0 });
    this.#setRest(content);
  }

  /** Closes the stream short of `Content-Length`. Not by an error, which Deno prints with its stack. */
  evict(): void {
    this.#setRest(NOTHING);
    this.#controller?.close();
    this.#options.onEvict();
  }

  #setRest(rest: Uint8Array): void {
    const isEnd = rest.length === 0;
    // A view keeps the whole array alive, so all of it counts until nothing is left.
    this.#rest = isEnd ? NOTHING : rest;
    clearTimeout(this.#stallTimer);
    if (!isEnd) this.#stallTimer = setTimeout(() => this.evict(), STALL_TIMEOUT_MS);
    this.#options.budget.set(this, isEnd ? 0 : this.#length);
    // The pieces that were handed over are copies.
    if (isEnd) this.#options.onEnd?.();
  }
}
