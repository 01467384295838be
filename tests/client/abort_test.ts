import { assertEquals, assertRejects } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { within } from "../deadline.ts";

Deno.test("subscribe() ends when its signal says so, even where the body of a fetch does not hear it", async () => {
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
