import { assertEquals, assertRejects } from "@std/assert";
import { readChunks } from "../../src/lib/read_bytes.ts";

/** Body of some chunks that then ends, fails or stays open; records a cancel. */
function bodyOf(chunks: readonly number[], end: "ends" | "fails" | "stays open") {
  const rest = [...chunks];
  const state = { isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = rest.shift();
      if (chunk !== undefined) controller.enqueue(new Uint8Array([chunk]));
      else if (end === "ends") controller.close();
      else if (end === "fails") controller.error(new TypeError("Connection reset"));
    },
    cancel: () => void (state.isCancelled = true),
  }, { highWaterMark: 0 });
  return { body, state };
}

async function read(body: ReadableStream<Uint8Array>, signal: AbortSignal, seen: number[]): Promise<void> {
  for await (const chunk of readChunks(body, signal)) seen.push(...chunk);
}

Deno.test("readChunks() yields every chunk until the body ends", async () => {
  const seen: number[] = [];
  await read(bodyOf([1, 2], "ends").body, new AbortController().signal, seen);
  assertEquals(seen, [1, 2]);
});

Deno.test("readChunks() throws the error that the body failed with", async () => {
  const seen: number[] = [];
  const { body } = bodyOf([1], "fails");
  await assertRejects(() => read(body, new AbortController().signal, seen), TypeError, "Connection reset");
  assertEquals(seen, [1]);
});

Deno.test("readChunks() throws the signal's reason at once, and cancels the body", async () => {
  const stop = new AbortController();
  const { body, state } = bodyOf([1], "stays open");
  const reading = assertRejects(() => read(body, stop.signal, []), Error, "Enough");
  await new Promise((resolve) => setTimeout(resolve));
  stop.abort(new Error("Enough"));
  await reading;
  assertEquals(state.isCancelled, true);
});

Deno.test("readChunks() cancels the body when its reader leaves the loop", async () => {
  const { body, state } = bodyOf([1, 2], "stays open");
  for await (const _chunk of readChunks(body, new AbortController().signal)) break;
  assertEquals(state.isCancelled, true);
});
