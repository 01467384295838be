import { assert, assertEquals } from "@std/assert";
import { sealedResponse } from "../../src/gateway/sealed_answer.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";

const key = await importKey(randomBytes(32));

Deno.test("sealedResponse() carries answers of every length whole, and says how long they are", async () => {
  for (const length of [0, 1, 49_000, 49_123, 200_000, 3_000_000]) {
    const sealed = await sealEnvelope(key, "x".repeat(length), randomBytes);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => sealedResponse(sealed));
    const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
    assertEquals(response.headers.get("Content-Length"), String(sealed.length));
    assertEquals(await response.text(), String(sealed));
    await server.shutdown();
  }
});

Deno.test("sealedResponse() hands out no more of a large answer than is read", async () => {
  const sealed = await sealEnvelope(key, "x".repeat(3_000_000), randomBytes);
  const reader = sealedResponse(sealed).body?.getReader();
  const { value } = await reader?.read() ?? {};
  assert(value !== undefined && value.length <= 64 * 1024);
  await reader?.cancel();
});
