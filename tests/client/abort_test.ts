import { assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { GatewayClient, RequestTimeoutError } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { within } from "../support/deadline.ts";

Deno.test("subscribe() ends when its signal is aborted, even where the body of a fetch ignores it", async () => {
  const secret = randomBytes(32);
  const key = await importKey(secret);
  const connected = await sealEnvelope(key, JSON.stringify({ type: "connected", topics: ["t"] }), randomBytes);
  let cancelled = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(`data: ${connected}\n\n`)),
    cancel: () => void (cancelled = true),
  });
  const client = new GatewayClient({
    url: "http://gateway",
    key: secret.toHex(),
    protocol: 1,
    fetch: () => Promise.resolve(new Response(body)),
  });
  const leave = new AbortController();
  const events = client.subscribe(["t"], { signal: leave.signal });
  assertEquals((await events.next()).value?.type, "connected");
  const next = events.next();
  leave.abort(new Error("Enough"));
  await within("the end", assertRejects(() => next, Error, "Enough"));
  assertEquals(cancelled, true);
});

Deno.test("a timeout that is negative, NaN, or longer than timers can measure, sets no timer that warns", async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error) => void warnings.push(name);
  process.on("warning", note);
  try {
    const answered = Promise.withResolvers<void>();
    const client = new GatewayClient({
      url: "http://gateway",
      key: "0".repeat(64),
      fetch: async () => {
        await answered.promise;
        return Response.json({ status: "ok", version: "1" });
      },
    });
    for (const timeout of [-1, NaN]) {
      await within("the end", assertRejects(() => client.health({ timeout }), RequestTimeoutError));
    }
    const patient = client.health({ timeout: 90 * 86_400_000 });
    await new Promise((resolve) => setTimeout(resolve));
    answered.resolve();
    assertEquals(await patient, { status: "ok", version: "1" });
    assertEquals(warnings, []);
  } finally {
    process.off("warning", note);
  }
});
