import { assertEquals, assertRejects } from "@std/assert";
import * as fc from "fast-check";
import { readBytes, TooLargeError } from "../../src/lib/read_bytes.ts";

/** Body whose chunks are parts of one buffer, which is overwritten after each read. */
function bodyOf(bytes: Uint8Array, sizes: readonly number[]): Response {
  const buffer = new Uint8Array(65_536);
  let [offset, index] = [0, 0];
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        buffer.fill(0xff);
        if (offset >= bytes.length) return controller.close();
        const chunk = bytes.subarray(offset, offset + (sizes[index++ % sizes.length] ?? 1));
        buffer.set(chunk);
        offset += chunk.length;
        controller.enqueue(buffer.subarray(0, chunk.length));
      },
    }, { highWaterMark: 0 }),
  );
}

Deno.test("readBytes() returns all bytes of any chunks, and keeps no chunk, as one of a byte may take much memory", () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 300_000 }),
      fc.array(fc.oneof(fc.integer({ min: 100, max: 2000 }), fc.integer({ min: 1000, max: 65_536 })), { minLength: 1 }),
      async (length, sizes) => {
        const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) % 251);
        const read = await readBytes(bodyOf(bytes, sizes), length);
        assertEquals(read.length === bytes.length && read.every((byte, index) => byte === bytes[index]), true);
        assertEquals(read.buffer.byteLength, length);
      },
    ),
    { numRuns: 30 },
  ));

Deno.test("readBytes() ends at the limit", async () => {
  await assertRejects(() => readBytes(bodyOf(new Uint8Array(1001), [10]), 1000), TooLargeError);
});

Deno.test("readBytes() lets other work run while it reads a large body that is all there", async () => {
  let hasRun = false;
  setTimeout(() => hasRun = true);
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => hasRun ? controller.close() : controller.enqueue(new Uint8Array(4096)),
  });
  await readBytes(new Response(body), 2 ** 26, { beforeLarge: () => Promise.resolve() });
});
