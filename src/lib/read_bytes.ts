/**
 * Reading bodies of HTTP messages: whole up to a limit, or chunk by chunk.
 *
 * @module
 */
import { abortable } from "./async.ts";
import { SYSTEM_CLOCK } from "./clock.ts";
import { TurnBudget } from "./turn_budget.ts";

/** A body is larger than its reader allows. */
export class TooLargeError extends Error {
  /** Makes the error. */
  constructor(readonly maxBytes: number) {
    super(`Body is larger than ${maxBytes} bytes`);
    this.name = "TooLargeError";
  }
}

/** Largest body that is not large, in bytes. */
export const LARGE_BODY_BYTES = 64 * 1024;

/** Options for reading a body. */
export interface ReadBytesOptions {
  /** Aborts the read with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called and awaited before more than {@linkcode LARGE_BODY_BYTES} are read: in pauses, so that other work runs. */
  readonly beforeLarge?: () => Promise<void>;
}

/**
 * Reads a whole body up to a limit.
 *
 * @param message request or response with the body
 * @param maxBytes largest body, in bytes
 * @param options `signal` aborts the read; `beforeLarge` can delay a large body
 * @throws {TooLargeError} by the announced length, or as soon as more bytes came
 */
export async function readBytes(
  message: Request | Response,
  maxBytes: number,
  { signal, beforeLarge }: ReadBytesOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (message.body === null) return new Uint8Array();
  const reader = message.body.getReader();
  const stop = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    if (Number(message.headers.get("Content-Length")) > maxBytes) throw new TooLargeError(maxBytes);
    const blocks = new Blocks();
    /** Pauses of a large body: Deno 2.9 expands a compressed one without any, and timers wait. */
    let budget: TurnBudget | undefined;
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      if (value === undefined) continue;
      if (blocks.length + value.length > maxBytes) throw new TooLargeError(maxBytes);
      blocks.add(value);
      if (beforeLarge === undefined || blocks.length <= LARGE_BODY_BYTES) continue;
      if (budget === undefined) {
        await beforeLarge();
        budget = new TurnBudget(SYSTEM_CLOCK);
      }
      await budget.pause();
    }
    signal?.throwIfAborted();
    return blocks.join();
  } catch (error) {
    stop();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Bytes of chunks, copied: in Deno 2.9, a chunk of one byte takes 64 KiB. */
class Blocks {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Free part of the last block. */
  #free = new Uint8Array();
  #length = 0;

  /** Number of bytes. */
  get length(): number {
    return this.#length;
  }

  /** Adds the bytes of a chunk. */
  add(chunk: Uint8Array): void {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#free.length === 0) {
        this.#free = new Uint8Array(Math.min(LARGE_BODY_BYTES, Math.max(rest.length, this.#length)));
        this.#blocks.push(this.#free);
      }
      const part = rest.subarray(0, this.#free.length);
      this.#free.set(part);
      this.#free = this.#free.subarray(part.length);
      this.#length += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Returns all bytes. */
  join(): Uint8Array<ArrayBuffer> {
    const last = this.#blocks.pop() ?? new Uint8Array();
    const isWhole = this.#blocks.length === 0 && this.#free.length === 0;
    return isWhole ? last : joinBytes([...this.#blocks, last.subarray(0, last.length - this.#free.length)]);
  }
}

/** Returns the number of bytes of a response's body; undefined if it is unknown. */
export function lengthOf({ headers }: Response): number | undefined {
  // The length of a compressed body says nothing of what it expands to, and that beside a transfer coding nothing at all.
  if (headers.has("Content-Encoding") || headers.has("Transfer-Encoding")) return undefined;
  // Two lengths give no number.
  const length = Number(headers.get("Content-Length") ?? NaN);
  return Number.isNaN(length) ? undefined : length;
}

/** Returns the number of bytes that a large body of a response takes at most. */
export function largeBodyBytes(response: Response, maxBytes: number): number {
  return Math.max(LARGE_BODY_BYTES, Math.min(lengthOf(response) ?? Infinity, maxBytes));
}

/**
 * Reads a body chunk by chunk until it ends. Cancels it in any case, so that its connection is closed.
 *
 * @throws the signal's reason, once it is aborted; else the error that the body failed with
 */
export async function* readChunks(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      // Deno 2.9 at times ignores the signal of a fetch while its body is read.
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Joins chunks into one array in memory of its own. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
