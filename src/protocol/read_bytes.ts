/**
 * Reading a body without trusting its size.
 *
 * @module
 */
import { type Bytes, joinBytes } from "./bytes.ts";

/** A body is larger than its reader allows. */
export class TooLargeError extends Error {
  /** Makes the error. */
  constructor(readonly maxBytes: number) {
    super(`Body is larger than ${maxBytes} bytes`);
    this.name = "TooLargeError";
  }
}

/**
 * Reads a whole body, but never more of it than allowed.
 *
 * @param message the request or response whose body to read
 * @param maxBytes the most to read
 * @param signal ends the reading with its reason
 * @throws {TooLargeError} from the announced length, or as soon as the bytes pass the limit
 */
export async function readBytes(
  message: Request | Response,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Bytes> {
  if (message.body === null) return new Uint8Array();
  const reader = message.body.getReader();
  const stop = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    if (Number(message.headers.get("Content-Length")) > maxBytes) throw new TooLargeError(maxBytes);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      if (value === undefined) continue;
      length += value.length;
      if (length > maxBytes) throw new TooLargeError(maxBytes);
      chunks.push(value);
    }
    signal?.throwIfAborted();
    return joinBytes(chunks);
  } catch (error) {
    stop();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
