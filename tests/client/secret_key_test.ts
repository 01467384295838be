/** Imported keys in place of a text. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GatewayClient, secretKeyFrom } from "../../src/client/gateway_client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { answer, fetchOf, KEY, secret } from "../support/fake_gateway.ts";

/** Key as a web page keeps it: script cannot read its bytes, and it derives keys and nothing else. */
const hkdf = await crypto.subtle.importKey("raw", Uint8Array.fromHex(KEY), "HKDF", false, ["deriveKey"]);
const stored = secretKeyFrom(hkdf, secret.kid);

const gatewayOf = (options: Pick<ConstructorParameters<typeof GatewayClient>[0], "key" | "protocol">) => {
  const { fetch, requests } = fetchOf([answer(200, "ok"), answer(200, "ok")]);
  return { client: new GatewayClient({ url: "http://gateway", clock: new FakeClock(), fetch, ...options }), requests };
};

Deno.test("GatewayClient accepts a key of WebCrypto that cannot be read, which is for version 2 without a probe", async () => {
  for (const protocol of ["auto", 2, undefined] as const) {
    const { client, requests } = gatewayOf({ key: stored, protocol });
    assertEquals(client.protocol, 2);
    assertEquals((await client.callJeedom("ping")).body, "ok");
    assertEquals(requests.map(({ exchange, fields }) => [exchange.version, fields["jsonrpc"]]), [[2, "ping"]]);
  }
  await assertRejects(() => crypto.subtle.exportKey("raw", hkdf));
});

Deno.test("GatewayClient refuses version 1 for a key that was imported for version 2 only", () => {
  assertThrows(() => gatewayOf({ key: stored, protocol: 1 }), TypeError, "version 2 only");
});

Deno.test("GatewayClient accepts a key that was imported for both versions", async () => {
  for (const protocol of [1, 2] as const) {
    const { client, requests } = gatewayOf({ key: secret, protocol });
    await client.callJeedom("ping");
    assertEquals(requests.map(({ exchange }) => exchange.version), [protocol]);
  }
  assertEquals(gatewayOf({ key: secret }).client.protocol, undefined);
});
