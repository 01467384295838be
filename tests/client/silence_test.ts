/** Heartbeats of a stream. */
import { assertEquals, assertRejects } from "@std/assert";
import { TruncatedError } from "../../src/client/gateway_client.ts";
import { until, within } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Answerer, blocks, clientOf, connected, message } from "../support/fake_gateway.ts";

const PINGS = [1, 2, 3].map((timestamp) => ({ type: "ping", timestamp }));

/** Stream whose chunks the test sends one by one, when the client reads. */
class ManualStream {
  #enqueue: ((text: string) => void) | undefined;
  #blocks: readonly string[] = [];

  readonly answer: Answerer = async ({ exchange }) => {
    this.#blocks = await blocks([connected(1), ...PINGS, message(2)], exchange);
    return new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) =>
          new Promise<void>((resolve) => {
            this.#enqueue = (text) => {
              this.#enqueue = undefined;
              controller.enqueue(new TextEncoder().encode(text));
              resolve();
            };
          }),
        cancel: () => void (this.#enqueue = undefined),
      }, { highWaterMark: 0 }),
    );
  };

  /** Sends text, or a block by its number. */
  async send(chunk: string | number): Promise<void> {
    await until("the client reads", () => this.#enqueue !== undefined);
    this.#enqueue?.(typeof chunk === "number" ? this.#blocks[chunk] ?? "" : chunk);
  }

  /** Sends a chunk, and waits until the client has read it. */
  async sendAndWait(chunk: string | number): Promise<void> {
    await this.send(chunk);
    await until("the client reads again", () => this.#enqueue !== undefined);
  }
}

const KEEP_ALIVE = ": keepalive\n\n";

for (
  const [protocol, what, pieces] of [[1, "comments", [KEEP_ALIVE, KEEP_ALIVE, KEEP_ALIVE]], [2, "pings", [
    1,
    2,
    3,
  ]]] as const
) {
  Deno.test(`subscribe() takes ${what} of version ${protocol} as heartbeats`, async () => {
    const clock = new FakeClock();
    const manual = new ManualStream();
    const { client } = clientOf([manual.answer], clock, { protocol });
    const events = client.subscribe(["t"], { resume: false });
    const first = events.next();
    await manual.send(0);
    assertEquals((await first).value?.type, "connected");
    const next = events.next();
    for (const piece of pieces) {
      clock.advance(30_000);
      await manual.sendAndWait(piece);
    }
    await manual.send(4);
    assertEquals((await within("the message", next)).value?.type, "message");
    await events.return();
    clock.assertIdle();
  });
}

Deno.test("subscribe() takes neither comments nor other bytes of version 2 as heartbeats", async () => {
  for (const piece of [": keepalive\n\n", "retry: 1\n\n", "id: 1\ndata: aaaa", "x"]) {
    const clock = new FakeClock();
    const manual = new ManualStream();
    const { client } = clientOf([manual.answer], clock);
    const events = client.subscribe(["t"], { resume: false });
    const first = events.next();
    await manual.send(0);
    assertEquals((await first).value?.type, "connected");
    const next = events.next();
    clock.advance(30_000);
    await manual.sendAndWait(piece);
    clock.advance(15_000);
    const error = await assertRejects(() => within("the end", next), TruncatedError, "went silent");
    assertEquals([error.code, error.retryAfterMs], ["truncated", 0]);
    clock.assertIdle();
  }
});
