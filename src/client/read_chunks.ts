/**
 * Reads the body of a stream, piece by piece.
 *
 * @module
 */
import { abortable } from "../lib/async.ts";
import { TruncatedError } from "./gateway_error.ts";

/**
 * Reads a body until it ends. Closes its connection in any case.
 *
 * @param signal ends the reading
 * @throws {TruncatedError} if the connection was lost
 * @throws the signal's reason, once it is aborted
 */
export async function* readChunks(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      // Deno 2.9 at times does not hear the signal of a fetch while its body is read.
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return;
      yield value;
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new TruncatedError("Stream broke off", { cause });
  } finally {
    await reader.cancel().catch(() => {});
  }
}
