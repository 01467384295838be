/**
 * Attackers between phone and gateway, without the key but with all earlier traffic: each test is one attack, and the part
 * of version 2 that stops it. Exact repeats to the same route are stopped by the replay store alone.
 */
import { assertEquals } from "@std/assert";
import { joinBytes } from "../../src/lib/read_bytes.ts";
import { fromBase64, fromBase64Url, randomBytes, toBase64, toBase64Url, toHex } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import {
  openResponseV2,
  type RequestBinding,
  type Route,
  sealRequestV2,
  sealResponseV2,
} from "../../src/protocol/v2/envelope.ts";
import { openAnswer } from "../../src/protocol/exchange.ts";
import type { SecretKey } from "../../src/protocol/secret_key.ts";
import { StreamOpener, StreamSealer } from "../../src/protocol/v2/stream.ts";
import { KEY, OTHER_KEY } from "../support/known_keys.ts";
import { openRequest, ROUTES } from "../support/open_request.ts";
import { assertRefused } from "./refusals.ts";

const random = randomBytes;

/** A record of a stream as it is sent. */
interface Recorded {
  readonly id: string;
  readonly data: string;
}

function seal(route: Route = "/gateway", key: SecretKey = KEY) {
  return sealRequestV2(key, '{"command":"open the door"}', { route, random });
}

/** Returns everything after the last dot, which an attacker can move elsewhere. */
const payloadOf = (text: string) => fromBase64Url(text.slice(text.lastIndexOf(".") + 1));

const asRequest = (payload: string, kid = KEY.kid) => `2.${kid}.${payload}`;

/** Recorded stream with some events. */
async function record(binding: RequestBinding, plaintexts: readonly string[]) {
  const sealer = await StreamSealer.begin(binding, random);
  const events: Recorded[] = [];
  for (const plaintext of plaintexts) {
    const { n, text } = sealer.seal(plaintext);
    events.push({ id: String(n), data: await text });
  }
  return { opening: sealer.opening, event: (index: number): Recorded => events[index] ?? { id: "", data: "" } };
}

const SUBSCRIPTION = (await seal("/mqtt/subscribe")).binding;
const STREAM = await record(SUBSCRIPTION, ["connected", "first", "second", "ping", "end"]);

/** Reads a stream as a client does: every event but the last one has to open, and the last one must not. */
async function assertLastRefused(
  events: readonly Recorded[],
  stream = { binding: SUBSCRIPTION, opening: STREAM.opening },
) {
  const opener = await StreamOpener.begin(stream.binding, stream.opening);
  for (const { id, data } of events.slice(0, -1)) await opener.open(data, id);
  for (const { id, data } of events.slice(-1)) await assertRefused(() => opener.open(data, id));
}

Deno.test("attack: a request replayed to another route is refused", async () => {
  for (const sealedFor of ROUTES) {
    const { text } = await seal(sealedFor);
    for (const route of ROUTES) {
      const open = () => openRequest(text, { key: KEY, route });
      if (route === sealedFor) await open();
      else await assertRefused(open, `${sealedFor} at ${route}`);
    }
  }
});

Deno.test("attack: the answer of one route does not open as that of another", async () => {
  const { binding } = await seal("/gateway");
  const answer = await sealResponseV2(binding, "done", random);
  await assertRefused(() => openResponseV2({ ...binding, route: "/mqtt/publish" }, answer));
});

Deno.test("attack: an answer sent back as a request is refused", async () => {
  const { binding } = await seal();
  const answer = await sealResponseV2(binding, '{"command":"open the door"}', random);
  const gateway = { key: KEY, route: "/gateway" } as const;
  await assertRefused(() => openRequest(answer, gateway), "as it is");
  await assertRefused(() => openRequest(asRequest(answer.slice(2)), gateway), "with the kid");
  await assertRefused(
    () => openRequest(asRequest(toBase64Url(joinBytes([binding.salt, payloadOf(answer).subarray(16)]))), gateway),
    "with the request's salt",
  );
});

Deno.test("attack: an event sent back as a request is refused", async () => {
  const salt = payloadOf(STREAM.opening);
  const ciphertext = fromBase64Url(STREAM.event(0).data);
  for (const begin of [salt, SUBSCRIPTION.salt]) {
    const text = asRequest(toBase64Url(joinBytes([begin, ciphertext])));
    for (const route of ROUTES) await assertRefused(() => openRequest(text, { key: KEY, route }));
  }
});

Deno.test("attack: a request sent back as its own answer or event is refused", async () => {
  const { text, binding } = await seal();
  const payload = payloadOf(text);
  await assertRefused(() => openResponseV2(binding, text), "as it is");
  await assertRefused(() => openResponseV2(binding, `2.${toBase64Url(payload)}`), "without the kid");
  const opener = await StreamOpener.begin(binding, `2.${toBase64Url(binding.salt)}`);
  await assertRefused(() => opener.open(toBase64Url(payload.subarray(16)), "0"), "as an event");
});

Deno.test("attack: an answer sent as an event of the same request is refused, and the other way round", async () => {
  const answer = payloadOf(await sealResponseV2(SUBSCRIPTION, "connected", random));
  const opener = await StreamOpener.begin(SUBSCRIPTION, `2.${toBase64Url(answer.subarray(0, 16))}`);
  await assertRefused(() => opener.open(toBase64Url(answer.subarray(16)), "0"));
  const event = joinBytes([payloadOf(STREAM.opening), fromBase64Url(STREAM.event(0).data)]);
  await assertRefused(() => openResponseV2(SUBSCRIPTION, `2.${toBase64Url(event)}`));
});

Deno.test("attack: answers swapped between two requests are refused, also between two equal ones", async () => {
  const [first, second] = await Promise.all([seal(), seal()]);
  const toFirst = await sealResponseV2(first.binding, "the door is shut", random);
  const toSecond = await sealResponseV2(second.binding, "the door is open", random);
  await assertRefused(() => openResponseV2(first.binding, toSecond));
  await assertRefused(() => openResponseV2(second.binding, toFirst));
  assertEquals(String(await openResponseV2(first.binding, toFirst)), "the door is shut");
});

Deno.test("attack: a dropped event is detected, whatever the number of the next one", async () => {
  await assertLastRefused([STREAM.event(1)]);
  await assertLastRefused([{ ...STREAM.event(1), id: "0" }]);
  await assertLastRefused([STREAM.event(0), STREAM.event(2)]);
  await assertLastRefused([STREAM.event(0), { ...STREAM.event(2), id: "1" }]);
});

Deno.test("attack: a stream that is cut cannot be given an end", async () => {
  await assertLastRefused([STREAM.event(0), STREAM.event(4)]);
  await assertLastRefused([STREAM.event(0), { ...STREAM.event(4), id: "1" }]);
  const other = await record(SUBSCRIPTION, ["connected", "end"]);
  await assertLastRefused([STREAM.event(0), other.event(1)]);
});

Deno.test("attack: events in another order are refused", async () => {
  await assertLastRefused([STREAM.event(0), STREAM.event(2)]);
  await assertLastRefused([STREAM.event(0), { id: "1", data: STREAM.event(2).data }]);
  await assertLastRefused([STREAM.event(0), STREAM.event(1), STREAM.event(3)]);
});

Deno.test("attack: an event repeated is refused, also under the next number", async () => {
  await assertLastRefused([STREAM.event(0), STREAM.event(0)]);
  await assertLastRefused([STREAM.event(0), { ...STREAM.event(0), id: "1" }]);
  await assertLastRefused([STREAM.event(0), STREAM.event(1), { ...STREAM.event(1), id: "2" }]);
});

Deno.test("attack: an inserted event is refused: of another stream, another key, or version 1", async () => {
  const again = await record(SUBSCRIPTION, ["connected", "first"]);
  const foreign = await record({ ...SUBSCRIPTION, key: OTHER_KEY }, ["connected", "first"]);
  const old = await sealEnvelope(KEY.aead, "first", random);
  const injected = [again.event(1).data, foreign.event(1).data, old, "", "A".repeat(64), '{"type":"message"}'];
  for (const data of injected) await assertLastRefused([STREAM.event(0), { id: "1", data }]);
});

Deno.test("attack: a heartbeat cannot be forged or replayed", async () => {
  const ping = STREAM.event(3).data;
  for (const data of [ping, "", "ping", '{"type":"ping","timestamp":1700000000}']) {
    await assertLastRefused([STREAM.event(0), { id: "1", data }]);
    await assertLastRefused([STREAM.event(0), STREAM.event(1), STREAM.event(2), STREAM.event(3), { id: "4", data }]);
  }
});

Deno.test("attack: the stream of another request does not open, under either opening", async () => {
  const { binding } = await seal("/mqtt/subscribe");
  const other = await record(binding, ["connected", "first"]);
  await assertLastRefused([other.event(0)]);
  await assertLastRefused([other.event(0)], { binding: SUBSCRIPTION, opening: other.opening });
  await assertLastRefused([STREAM.event(0)], { binding, opening: STREAM.opening });
});

Deno.test("attack: a request of version 2 is not one of version 1, and the other way round", async () => {
  const { text, binding } = await seal();
  const payload = payloadOf(text);
  const old = await sealEnvelope(KEY.aead, '{"command":"open the door"}', random);
  const gateway = { key: KEY, route: "/gateway" } as const;
  await assertRefused(() => openRequest(toBase64(payload), gateway), "payload as version 1");
  await assertRefused(() => openRequest(toBase64(payload.slice(4)), gateway), "the salt's end as a nonce");
  const zeroNonce = joinBytes([new Uint8Array(12), payload.subarray(binding.salt.length)]);
  await assertRefused(() => openRequest(toBase64(zeroNonce), gateway), "its true nonce");
  await assertRefused(() => openRequest(asRequest(toBase64Url(fromBase64(old))), gateway), "version 1 as payload");
  const padded = joinBytes([new Uint8Array(4), fromBase64(old)]);
  await assertRefused(() => openRequest(asRequest(toBase64Url(padded)), gateway), "the nonce as a salt");
  await assertRefused(() => openRequest(`2.${old}`, gateway), "a prefix before version 1");
});

Deno.test("attack: an answer of version 1 does not answer a request of version 2, and the other way round", async () => {
  const { binding } = await seal();
  const toOld = await sealEnvelope(KEY.aead, "done", random);
  const toNew = await sealResponseV2(binding, "done", random);
  for (const text of [toOld, `2.${toOld}`, `2.${toBase64Url(fromBase64(toOld))}`]) {
    await assertRefused(() => openAnswer({ version: 2, ...binding }, text));
  }
  for (const text of [toNew, toNew.slice(2), toBase64(payloadOf(toNew)), toBase64(payloadOf(toNew).slice(4))]) {
    await assertRefused(() => openAnswer({ version: 1, key: KEY }, text));
  }
});

Deno.test("attack: a request that names another key is refused, by that key and by its own", async () => {
  const { text } = await seal();
  const swapped = asRequest(text.slice(19), OTHER_KEY.kid);
  for (const key of [KEY, OTHER_KEY]) {
    await assertRefused(() => openRequest(swapped, { key, route: "/gateway" }));
  }
  assertEquals(await openRequest(text, { key: KEY, route: "/gateway" }), '{"command":"open the door"}');
});

Deno.test("attack: an answer or event under another key's name is refused, even with the same secret", async () => {
  const renamed = { ...SUBSCRIPTION, key: { ...KEY, kid: OTHER_KEY.kid } };
  const answer = await sealResponseV2(renamed, "done", random);
  await assertRefused(() => openResponseV2(SUBSCRIPTION, answer));
  const stream = await record(renamed, ["connected"]);
  await assertLastRefused([stream.event(0)], { binding: SUBSCRIPTION, opening: stream.opening });
});

Deno.test("attack: the salt of a request under the ciphertext of another is refused", async () => {
  const [first, second] = await Promise.all([seal(), seal()]);
  assertEquals(toHex(first.binding.salt) === toHex(second.binding.salt), false);
  const mixed = joinBytes([first.binding.salt, payloadOf(second.text).subarray(16)]);
  await assertRefused(() => openRequest(asRequest(toBase64Url(mixed)), { key: KEY, route: "/gateway" }));
});
