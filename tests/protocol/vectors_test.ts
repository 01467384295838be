import { assert, assertEquals } from "@std/assert";
import { fromBase64Url, fromHex, toHex } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import {
  openResponseV2,
  parseRequestV2,
  type RequestBinding,
  type Route,
  sealRequestV2,
  sealResponseV2,
} from "../../src/protocol/v2/envelope.ts";
import { parseRequest } from "../../src/protocol/exchange.ts";
import { StreamOpener, StreamSealer } from "../../src/protocol/v2/stream.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };
import { KEY } from "../support/known_keys.ts";
import { openRequest, ROUTES } from "../support/open_request.ts";
import { assertRefused } from "./refusals.ts";

const { v1, v2 } = vectors;
const sealedV1 = [...v1.requests, ...v1.answers, ...v1.events];
const openV1 = (text: string) => openEnvelope(KEY.aead, parseEnvelope(text));

/** Random bytes of a vector. */
const drawn = (hex: string) => () => fromHex(hex);

function routeNamed(name: string): Route {
  const route = ROUTES.find((known) => known === name);
  if (route === undefined) throw new Error(`No such route: ${name}`);
  return route;
}

function bindingOf(vector: { requestSalt: string; route?: string }): RequestBinding {
  return { key: KEY, route: routeNamed(vector.route ?? "/mqtt/subscribe"), salt: fromHex(vector.requestSalt) };
}

/** Result of WebCrypto alone for the message key, nonce and additional data of a vector. */
async function sealedBy(
  messageKey: string,
  { nonce, additionalData, plaintext }: { nonce: number; additionalData: string; plaintext: string },
): Promise<string> {
  const utf8 = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", fromHex(messageKey), "AES-GCM", false, ["encrypt"]);
  const iv = fromHex(nonce.toString(16).padStart(24, "0"));
  const parameters = { name: "AES-GCM", iv, additionalData: utf8.encode(additionalData) };
  return toHex(new Uint8Array(await crypto.subtle.encrypt(parameters, key, utf8.encode(plaintext))));
}

Deno.test("vectors: the key has the frozen id", () => {
  assertEquals(KEY.kid, vectors.kid);
});

Deno.test("vectors: version 1 seals and opens every envelope as frozen", async () => {
  assert(sealedV1.length >= 5);
  for (const { name, nonce, plaintext, envelope } of sealedV1) {
    assertEquals(String(await sealEnvelope(KEY.aead, plaintext, drawn(nonce))), envelope, name);
    assertEquals(String(await openV1(envelope)), plaintext, name);
    assertEquals(parseRequest(envelope).version, 1, name);
  }
});

Deno.test("vectors: version 1 accepts every frozen encoding", async () => {
  assert(v1.accepted.length > 0);
  for (const { name, plaintext, envelope } of v1.accepted) {
    assertEquals(String(await openV1(envelope)), plaintext, name);
  }
});

Deno.test("vectors: version 1 refuses everything that is frozen as refused", async () => {
  assert(v1.refused.length >= 9);
  for (const { name, envelope } of v1.refused) await assertRefused(() => openV1(envelope), name);
});

Deno.test("vectors: version 2 seals and opens every request as frozen", async () => {
  assert(v2.requests.length >= 4);
  for (const { name, route, salt, plaintext, text } of v2.requests) {
    const sealing = { route: routeNamed(route), random: drawn(salt) };
    assertEquals(String((await sealRequestV2(KEY, plaintext, sealing)).text), text, name);
    assertEquals(await openRequest(text, { key: KEY, route: routeNamed(route) }), plaintext, name);
    assertEquals(toHex(parseRequestV2(text).salt), salt, name);
  }
});

Deno.test("vectors: version 2 seals and opens every answer as frozen", async () => {
  assert(v2.answers.length >= 3);
  for (const vector of v2.answers) {
    const { name, salt, plaintext, text } = vector;
    assertEquals(String(await sealResponseV2(bindingOf(vector), plaintext, drawn(salt))), text, name);
    assertEquals(String(await openResponseV2(bindingOf(vector), text)), plaintext, name);
  }
});

Deno.test("vectors: version 2 seals and opens every stream as frozen", async () => {
  assert(v2.streams.length > 0);
  for (const vector of v2.streams) {
    const sealer = await StreamSealer.begin(bindingOf(vector), drawn(vector.salt));
    const opener = await StreamOpener.begin(bindingOf(vector), vector.opening);
    assertEquals(sealer.opening, vector.opening);
    for (const { id, plaintext, data } of vector.events) {
      const { n, text } = sealer.seal(plaintext);
      assertEquals([String(n), String(await text)], [id, data]);
      assertEquals(String(await opener.open(data, id)), plaintext);
    }
  }
});

Deno.test("vectors: version 2 is what WebCrypto makes of the frozen keys and contexts", async () => {
  const bare = (text: string) => fromBase64Url(text.split(".").at(-1) ?? "");
  for (const { messageKey, additionalData, plaintext, text } of [...v2.requests, ...v2.answers]) {
    const sealed = await sealedBy(messageKey, { nonce: 0, additionalData, plaintext });
    assertEquals(toHex(bare(text)).slice(32), sealed);
  }
  for (const { messageKey, events } of v2.streams) {
    for (const { id, plaintext, data } of events) {
      const additionalData = `e2eg/2 stream\n${KEY.kid}\n${id}`;
      assertEquals(toHex(bare(data)), await sealedBy(messageKey, { nonce: Number(id), additionalData, plaintext }));
    }
  }
});

Deno.test("vectors: version 2 refuses every request that is frozen as refused", async () => {
  assert(v2.refused.requests.length >= 15);
  for (const { name, route, text } of v2.refused.requests) {
    await assertRefused(() => openRequest(text, { key: KEY, route: routeNamed(route) }), name);
  }
});

Deno.test("vectors: version 2 refuses every answer that is frozen as refused", async () => {
  assert(v2.refused.answers.length >= 5);
  for (const vector of v2.refused.answers) {
    await assertRefused(() => openResponseV2(bindingOf(vector), vector.text), vector.name);
  }
});

Deno.test("vectors: version 2 refuses the last event of every stream that is frozen as refused", async () => {
  assert(v2.refused.streams.length >= 10);
  for (const vector of v2.refused.streams) {
    const opener = await StreamOpener.begin(bindingOf(vector), vector.opening);
    const good = vector.events.slice(0, -1);
    for (const { id, data } of good) await opener.open(data, id);
    const last = vector.events.at(-1);
    await assertRefused(() => opener.open(last?.data ?? "", last?.id ?? ""), vector.name);
  }
});
