/** Limits of large bodies and of large requests. */
import { assertEquals } from "@std/assert";
import { BodyReader } from "../../src/http/body_reader.ts";
import { settle } from "../support/settle.ts";

const LARGE = 100_000;

function makeBodies(monotonic = () => 0): BodyReader {
  return new BodyReader({
    maxBodyBytes: 2 ** 20,
    bodyTimeoutMs: 60_000,
    maxBodies: 1000,
    maxPerAddress: 1000,
  }, { monotonic });
}

function request(body: BodyInit, length?: number): Request {
  const headers: HeadersInit = length === undefined ? {} : { "Content-Length": String(length) };
  return new Request("http://gateway/gateway", { method: "POST", body, headers });
}

/** Waits for several iterations of the event loop, so that streams progress. */
async function move(): Promise<void> {
  for (let count = 0; count < 5; count++) {
    await new Promise((resolve) => setTimeout(resolve));
    await settle();
  }
}

Deno.test("large bodies of an address are used four at a time, and its small ones and those of others at once", async () => {
  const bodies = makeBodies();
  const used: string[] = [];
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const use = (address: string, bytes: number) =>
    bodies.read(request(new Uint8Array(bytes), bytes), address, async () => {
      used.push(`${address} ${bytes}`);
      await end;
    });
  const all = Array.from({ length: 6 }, () => use("a", LARGE));
  await move();
  assertEquals(used.length, 4);
  all.push(use("a", 1000), use("b", LARGE));
  await move();
  assertEquals(used.slice(4).sort(), ["a 1000", `b ${LARGE}`]);
  resolve();
  await Promise.all(all);
  assertEquals(used.length, 8);
});

Deno.test("a body without Content-Length waits as soon as it is large", async () => {
  const bodies = makeBodies();
  let used = 0;
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const all = Array.from({ length: 6 }, () => {
    const body = new Blob([new Uint8Array(LARGE)]).stream();
    return bodies.read(request(body), "a", async () => {
      used += 1;
      await end;
    });
  });
  await move();
  assertEquals(used, 4);
  resolve();
  await Promise.all(all);
});
