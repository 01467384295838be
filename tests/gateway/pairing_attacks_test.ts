/** Attacks on pairing by a relay, and by a stranger with a photo of the code: the client's `pair()` against the real handler. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  AlreadyPairedError,
  GatewayClient,
  GatewayError,
  pair as pairByLink,
  PairingCodeError,
  TamperedError,
  UnreachableError,
} from "../../src/client/gateway_client.ts";
import { type Clock, SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { type Bytes, fromBase64Url, randomBytes, toHex } from "../../src/protocol/bytes.ts";
import { openAnswer, openRequest, parseRequest, sealRequest } from "../../src/protocol/exchange.ts";
import { generateAgreementKey } from "../../src/protocol/p256.ts";
import { deriveDeviceKey, derivePairingKey } from "../../src/protocol/pairing_exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { KEEP_USED_SECONDS, makePairingGateway } from "../support/pairing_gateway.ts";

const FAILED = '{"error":"Decryption failed"}';

/** Relay between device and gateway, which ends TLS. */
interface Relay {
  /** Changes a request on its way to the gateway. */
  readonly request?: (text: string) => string | Promise<string>;
  /** Changes an answer on its way to the device. */
  readonly response?: (text: string) => string | Promise<string>;
}

/** Gateway, devices and what the network saw. */
async function makeNetwork() {
  const { gateway, file, makeCode } = await makePairingGateway();
  const seen: { request: string; response: string }[] = [];
  const fetchVia = (relay: Relay): typeof fetch => async (input, init) => {
    const request = await (relay.request ?? String)(String(init?.body));
    const response = await gateway.post(new URL(String(input)).pathname, request);
    const text = await response.text();
    seen.push({ request, response: text });
    return new Response(await (relay.response ?? String)(text), response);
  };
  const clock: Clock = {
    ...SYSTEM_CLOCK,
    now: () => gateway.clock.seconds * 1000,
    // Waits between attempts end at once, unlike time limits.
    after: (ms, run) => SYSTEM_CLOCK.after(ms < 10_000 ? 0 : ms, run),
  };
  const linkOf = (code: string) => `https://home.example/#pair=${code}`;
  return {
    gateway,
    file,
    seen,
    clock,
    makeCode,
    fetchVia,
    pair: (code: string, relay: Relay = {}) => pairByLink(linkOf(code), { clock, fetch: fetchVia(relay) }),
    /** Posts an envelope to a route. */
    async post(route: string, text: string) {
      const response = await gateway.post(route, text);
      return [response.status, await response.text()];
    },
  };
}

/** Returns the text with another character of base64url at a position. */
function changed(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}

/** Returns positions all over a text, the first and the last characters included. */
const positions = (text: string) =>
  Array.from(text, (_, at) => at).filter((at) => at < 24 || at % 23 === 0 || at >= text.length - 4);

/** Keys of the keys file, in hexadecimal. */
const keysIn = (file: { readonly records: readonly { readonly secret: Bytes }[] }) =>
  file.records.map(({ secret }) => toHex(secret));

Deno.test("pair() and /pair make one key, which works at once with its rights", async () => {
  const { gateway, file, pair, makeCode, clock, fetchVia } = await makeNetwork();
  const paired = await pair(await makeCode("phone"));
  assertEquals([paired.url, paired.name, keysIn(file)], ["https://home.example", "phone", [paired.key]]);
  const client = new GatewayClient({ ...paired, protocol: 2, clock, fetch: fetchVia({}) });
  assertEquals((await client.publish("home/lamp", "on")).status, 200);
  assertEquals(gateway.failures, []);
});

Deno.test("a relay that changes the request makes no key, and the code stays valid", async () => {
  const { file, pair, makeCode, seen } = await makeNetwork();
  const code = await makeCode("phone");
  const { publicPoint } = await generateAgreementKey();
  await assertRejects(() => pair(code, { request: (text) => changed(text, 0) }), PairingCodeError);
  for (const at of positions(seen[0]?.request ?? "")) {
    await assertRejects(
      () => pair(code, { request: (text) => changed(text, at) }),
      PairingCodeError,
      undefined,
      `${at}`,
    );
  }
  // Its own point, with a key of its own: it does not know the code.
  const own = await importSecretKey(randomBytes(32));
  const forge = async () => {
    const fields = JSON.stringify({ timestamp: 1_700_000_000, public: publicPoint });
    return String((await sealRequest(own, fields, { version: 2, route: "/pair", random: randomBytes })).text);
  };
  await assertRejects(() => pair(code, { request: forge }), PairingCodeError);
  assertEquals(file.records, []);
  assertEquals((await pair(code)).name, "phone");
});

Deno.test("a relay that changes the answer, or replaces it by one of its own, is detected", async () => {
  const { pair, makeCode, seen } = await makeNetwork();
  await pair(await makeCode("first"));
  const recorded = seen.at(-1)?.response ?? "";
  const own = await importSecretKey(randomBytes(32));
  const relays: readonly Required<Relay>["response"][] = [
    ...positions(recorded).filter((at) => at % 7 === 0).map((at) => (text: string) => changed(text, at)),
    () => "",
    () => recorded,
    () => seen.at(-1)?.request ?? "",
    async () => String((await sealRequest(own, "{}", { version: 2, route: "/pair", random: randomBytes })).text),
  ];
  for (const [index, response] of relays.entries()) {
    const code = await makeCode(`phone-${index}`);
    await assertRejects(() => pair(code, { response }), TamperedError, undefined, `relay ${index}`);
  }
});

Deno.test("the answer to another exchange with the same code is refused", async () => {
  const { pair, makeCode, seen } = await makeNetwork();
  const code = await makeCode("phone");
  await pair(code);
  const recorded = seen.at(-1)?.response ?? "";
  await assertRejects(() => pair(code, { response: () => recorded }), TamperedError);
});

Deno.test("a request that is delivered again makes no second key: it gets the first answer, then nothing", async () => {
  const { gateway, file, pair, makeCode, seen, post } = await makeNetwork();
  const { key } = await pair(await makeCode("phone"));
  const { request, response } = seen.at(-1) ?? { request: "", response: "" };
  assertEquals(await post("/pair", request), [200, response]);
  gateway.clock.seconds += 59;
  assertEquals(await post("/pair", request), [200, response]);
  gateway.clock.seconds += KEEP_USED_SECONDS;
  assertEquals(await post("/pair", request), [401, FAILED]);
  assertEquals(keysIn(file), [key]);
});

Deno.test("a device whose answer is dropped on the way gets it by its next attempt, and there is one key", async () => {
  const { file, pair, makeCode, seen } = await makeNetwork();
  let drops = 2;
  const drop = (text: string) => {
    drops -= 1;
    if (drops >= 0) throw new TypeError("Connection reset by peer");
    return text;
  };
  const { key } = await pair(await makeCode("phone"), { response: drop });
  assertEquals([keysIn(file), seen.length, new Set(seen.map(({ request }) => request)).size], [[key], 3, 1]);
  assertEquals(new Set(seen.map(({ response }) => response)).size, 1);
});

Deno.test("a relay that drops every answer leaves a key that no one holds, and the next exchange is told", async () => {
  const { file, pair, makeCode } = await makeNetwork();
  const code = await makeCode("phone");
  const drop = () => Promise.reject(new TypeError("Connection reset by peer"));
  await assertRejects(() => pair(code, { response: drop }), UnreachableError);
  const [left, ...others] = keysIn(file);
  assertEquals(others, []);
  await assertRejects(() => pair(code), AlreadyPairedError);
  assertEquals(keysIn(file), [left]);
});

Deno.test("a request that is withheld and delivered late makes no key", async () => {
  const { gateway, file, pair, makeCode, post } = await makeNetwork();
  let withheld = "";
  const code = await makeCode("phone");
  await assertRejects(() => pair(code, { request: (text) => changed(withheld = text, 0) }), PairingCodeError);
  gateway.clock.seconds += 61;
  const key = await importSecretKey(await derivePairingKey(fromBase64Url(code)));
  const opened = await openRequest(key, parseRequest(withheld), { route: "/pair" });
  const [status, text] = await post("/pair", withheld);
  assertEquals(status, 200);
  assert(opened !== undefined);
  assertEquals(JSON.parse(await openAnswer(opened?.exchange ?? { version: 1, key }, String(text)))["status"], 403);
  assertEquals(file.records, []);
});

Deno.test("a photo of the code and a recording of the exchange, together, do not give the key", async () => {
  const { file, pair, makeCode, seen } = await makeNetwork();
  const code = await makeCode("phone");
  const { key } = await pair(code);
  const { request, response } = seen.at(-1) ?? { request: "", response: "" };
  // Everything that was sent can be read with the code.
  const pairingKey = await derivePairingKey(fromBase64Url(code));
  const opened = await openRequest(await importSecretKey(pairingKey), parseRequest(request), { route: "/pair" });
  if (opened === undefined || opened.exchange.version !== 2) throw new Error("The recording does not open");
  const answer = await openAnswer(opened.exchange, response);
  const { salt } = opened.exchange;
  const points: readonly string[] = [JSON.parse(opened.text)["public"], JSON.parse(answer)["body"]["public"]];
  const candidates = [];
  for (const publicPoint of points) {
    const own = await generateAgreementKey();
    candidates.push(await deriveDeviceKey(own, { publicPoint, pairingKey, salt }));
    // Without a private key, the coordinates of the points are all that there is in place of the shared secret.
    const coordinate = fromBase64Url(publicPoint).slice(1, 33);
    const ikm = Uint8Array.of(...coordinate, ...pairingKey);
    const hkdf = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
    const info = new TextEncoder().encode("e2eg/2 device key");
    candidates.push(
      new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, hkdf, 256)),
    );
  }
  for (const candidate of candidates) assertNotEquals(candidate && toHex(candidate), key);
  for (const text of [opened.text, answer, request, response]) assert(!text.includes(key));
  assertEquals(keysIn(file), [key]);
});

Deno.test("a photo of the code is worthless after its use: 409 for a while, then the 401 of an unknown code", async () => {
  const { gateway, file, pair, makeCode } = await makeNetwork();
  const code = await makeCode("phone");
  const { key } = await pair(code);
  gateway.clock.seconds += KEEP_USED_SECONDS - 1;
  await assertRejects(() => pair(code), AlreadyPairedError);
  gateway.clock.seconds += 1;
  await assertRejects(() => pair(code), PairingCodeError);
  assertEquals(keysIn(file), [key]);
});

Deno.test("a stranger who uses a photo of the code first is noticed by the device", async () => {
  const { file, pair, makeCode } = await makeNetwork();
  const code = await makeCode("phone");
  const stranger = await pair(code);
  const error = await assertRejects(() => pair(code), AlreadyPairedError);
  assertEquals([error.status, keysIn(file)], [409, [stranger.key]]);
});

Deno.test("two devices that use a code at the same time get one key between them", async () => {
  const { file, pair, makeCode } = await makeNetwork();
  const code = await makeCode("phone");
  const outcomes = await Promise.allSettled([pair(code), pair(code), pair(code)]);
  const keys = outcomes.flatMap((outcome) => outcome.status === "fulfilled" ? [outcome.value.key] : []);
  assertEquals(keysIn(file), keys);
  assertEquals(keys.length, 1);
  const failures = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason] : []);
  for (const failure of failures) assert(failure instanceof AlreadyPairedError, String(failure));
});

Deno.test("a pairing request opens on no other route, and no other request opens on /pair", async () => {
  const { gateway, file, pair, makeCode, post } = await makeNetwork();
  const code = await makeCode("phone");
  let request = "";
  await assertRejects(() => pair(code, { request: (text) => (request = text, "") }), GatewayError);
  const routes: readonly Route[] = ["/gateway", "/subscribe", "/mqtt/publish", "/mqtt/subscribe"];
  const pairingKey = await importSecretKey(await derivePairingKey(fromBase64Url(code)));
  const { publicPoint } = await generateAgreementKey();
  const fields = JSON.stringify({ timestamp: gateway.clock.seconds, public: publicPoint });
  const sealed = async (key: typeof pairingKey, route: Route) =>
    String((await sealRequest(key, fields, { version: 2, route, random: randomBytes })).text);
  for (const route of routes) {
    assertEquals(await post(route, request), [401, FAILED], route);
    assertEquals(await post(route, await sealed(pairingKey, route)), [401, FAILED], route);
    assertEquals(await post("/pair", await sealed(pairingKey, route)), [401, FAILED], route);
    assertEquals(await post("/pair", await sealed(gateway.key, route)), [401, FAILED], route);
  }
  assertEquals(await post("/pair", await sealed(gateway.key, "/pair")), [401, FAILED]);
  assertEquals(file.records, []);
  assertEquals((await pair(code)).name, "phone");
});

Deno.test("a pairing request of version 1 does not open, and the code stays valid", async () => {
  const { gateway, file, pair, makeCode, post } = await makeNetwork();
  const code = await makeCode("phone");
  const key = await importSecretKey(await derivePairingKey(fromBase64Url(code)));
  const { publicPoint } = await generateAgreementKey();
  const fields = JSON.stringify({ timestamp: gateway.clock.seconds, public: publicPoint });
  const { text } = await sealRequest(key, fields, { version: 1, route: "/pair", random: randomBytes });
  assertEquals(await post("/pair", text), [401, FAILED]);
  assertEquals(file.records, []);
  assertEquals((await pair(code)).name, "phone");
});

Deno.test("a relay that plays an old refusal cannot set the device's clock", async () => {
  const { gateway, file, pair, makeCode, seen, clock, fetchVia } = await makeNetwork();
  const code = await makeCode("phone");
  const slow = { ...clock, now: () => (gateway.clock.seconds - 7200) * 1000 };
  const link = `https://home.example/#pair=${code}`;
  // The first answer is a refusal: the clock is slow.
  const { key } = await pairByLink(link, { clock: slow, fetch: fetchVia({}) });
  const refusal = seen[0]?.response ?? "";
  assertEquals(seen.length, 2);
  const other = await makeCode("tablet");
  await assertRejects(() => pair(other, { response: () => refusal }), TamperedError);
  assert(keysIn(file).includes(key));
});
