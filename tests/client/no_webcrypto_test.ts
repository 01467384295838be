/** Platforms without WebCrypto: a page over plain HTTP, and an old Node. */
import { assertEquals, assertRejects } from "@std/assert";
import { GatewayClient, NoWebCryptoError } from "../../src/client/gateway_client.ts";
import { KEY } from "../support/fake_gateway.ts";

/** Values of `crypto` on such platforms. */
const PLATFORMS: readonly unknown[] = [
  undefined,
  { getRandomValues: (bytes: Uint8Array) => bytes },
];

/** Runs a test without WebCrypto. */
async function withCrypto(value: unknown, test: () => Promise<void>): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto") ?? {};
  Object.defineProperty(globalThis, "crypto", { value, configurable: true });
  try {
    await test();
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
}

for (const protocol of ["auto", 1, 2] as const) {
  Deno.test(`GatewayClient of version ${protocol} without WebCrypto reports that, and sends nothing`, async () => {
    const requests: string[] = [];
    const client = new GatewayClient({
      url: "http://gateway",
      key: KEY,
      protocol,
      fetch: (input) => {
        requests.push(String(input));
        return Promise.resolve(Response.json({ status: "ok", version: "1.0.0" }));
      },
    });
    for (const crypto of PLATFORMS) {
      await withCrypto(crypto, async () => {
        for (
          const ask of [
            () => client.callJeedom("ping"),
            () => client.publish("t", "m"),
            () => Array.fromAsync(client.subscribe(["t"])),
            () => Array.fromAsync(client.jeedomEvents()),
          ]
        ) {
          const error = await assertRejects(ask, NoWebCryptoError, "needs https or localhost");
          assertEquals([error.code, error.status, error.retryAfterMs], ["no_webcrypto", 0, undefined]);
        }
        assertEquals(requests, []);
        // Needs no key, so it works.
        assertEquals((await client.health()).status, "ok");
        requests.length = 0;
      });
    }
  });
}
