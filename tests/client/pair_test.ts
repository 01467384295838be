/** Pairing by a link. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  AlreadyPairedError,
  ExpiredError,
  FailedError,
  GatewayError,
  NoWebCryptoError,
  pair,
  PairingCodeError,
  RefusedError,
  RequestTimeoutError,
  TamperedError,
  UnreachableError,
} from "../../src/client/gateway_client.ts";
import { parseRequest } from "../../src/protocol/exchange.ts";
import { generateAgreementKey } from "../../src/protocol/p256.ts";
import { deriveKeyId, parseKey } from "../../src/protocol/secret_key.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };
import { until } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  answer,
  type Answerer,
  bodyOf,
  coded,
  fetchOf,
  mute,
  plain,
  type Received,
  refuse,
  secret,
  stale,
  unreachable,
} from "../support/fake_gateway.ts";
import { CODE, paired, PAIRING_SECRET, RIGHTS } from "../support/fake_pairing.ts";

const LINK = `https://home.example/e2e/#pair=${CODE}`;
const NOW = 1_700_000_000;

function pairing(answers: readonly Answerer[]) {
  const { fetch, requests } = fetchOf(answers, PAIRING_SECRET);
  const urls: string[] = [];
  const clock = new FakeClock();
  const spied: typeof fetch = (input, init) => {
    urls.push(String(input));
    // As the proxy that serves the gateway below a prefix.
    return fetch(String(input).replace("/e2e/", "/"), init);
  };
  return { options: { fetch: spied, clock }, requests, urls, clock };
}

/** No part of the code may be in an error. */
function assertSilent(error: unknown): void {
  const text = Deno.inspect(error);
  for (let at = 0; at + 6 <= CODE.length; at++) assert(!text.includes(CODE.slice(at, at + 6)), text);
}

Deno.test("pair() makes the key together with the gateway, by a link of either form", async () => {
  for (const link of [LINK, `e2eg://pair?url=https%3A%2F%2Fhome.example%2Fe2e#code=${CODE}`]) {
    const { options, requests, urls, clock } = pairing([
      paired((body) => ({ ...body, expires: "2030-01-01T00:00:00Z" })),
    ]);
    const { key, kid, ...rest } = await pair(link, { ...options, label: "Anna's phone ☀" });
    assertEquals(rest, {
      url: "https://home.example/e2e",
      name: "phone",
      rights: RIGHTS,
      expires: "2030-01-01T00:00:00Z",
    });
    assertEquals(await deriveKeyId(parseKey(key) ?? new Uint8Array()), kid);
    assertEquals(urls, ["https://home.example/e2e/pair"]);
    assertEquals(requests.map(({ fields: { public: point, ...fields } }) => [typeof point, fields]), [
      ["string", { label: "Anna's phone ☀", timestamp: NOW }],
    ]);
    clock.assertIdle();
  }
});

Deno.test("pair() makes another key each time, and sends neither code nor key", async () => {
  const bodies: string[] = [];
  const keys = new Set<string>();
  for (let time = 0; time < 3; time++) {
    const { options, requests } = pairing([paired()]);
    const { key, expires } = await pair(LINK, options);
    const [{ body, fields }] = requests as [Received];
    bodies.push(body, JSON.stringify(fields));
    keys.add(key);
    assertEquals([expires, "label" in fields], [undefined, false]);
    assert(!bodies.some((text) => text.includes(key) || text.includes(CODE)));
  }
  assertEquals(keys.size, 3);
});

Deno.test("pair() refuses a wrong link with a TypeError that does not quote it, and sends nothing", async () => {
  const { options, requests } = pairing([]);
  for (const { name, link } of vectors.v2.refused.links) {
    const error = await assertRejects(() => pair(link, options), TypeError, undefined, name);
    assertSilent(error);
  }
  assertEquals(requests, []);
});

Deno.test("pair() reports a code that the gateway does not accept", async () => {
  const { options, requests, clock } = pairing([refuse(401, { "E2E-Protocol": "2" })]);
  const error = await assertRejects(() => pair(LINK, options), PairingCodeError, "10 minutes");
  assertEquals([error.code, error.status, error.retryAfterMs, requests.length], ["pairing_code", 401, undefined, 1]);
  assertSilent(error);
  clock.assertIdle();
});

Deno.test("pair() reports that another request has used the code", async () => {
  const { options, requests } = pairing([coded(409, "already_paired")]);
  const error = await assertRejects(() => pair(LINK, options), AlreadyPairedError);
  assertEquals([error.code, error.status, error.gatewayCode], ["already_paired", 409, "already_paired"]);
  assertEquals(requests.length, 1);
  assertSilent(error);
});

Deno.test("pair() reports every other refusal as the other requests do", async () => {
  for (
    const [refusal, Class] of [
      [coded(400, "field"), RefusedError],
      [coded(503, "internal"), FailedError],
    ] as const
  ) {
    assertSilent(await assertRejects(() => pair(LINK, pairing([refusal]).options), Class));
  }
});

Deno.test("pair() gets an answer that was lost by sending the same bytes again", async () => {
  const answers: Response[] = [];
  const lost: Answerer = async (request, signal) => {
    answers.push(await paired()(request, signal));
    throw new TypeError("Connection reset by peer");
  };
  const broken: Answerer = (_request, signal) => bodyOf([new TextEncoder().encode("2.")], "breaks", signal);
  const { options, requests, clock } = pairing([lost, broken, () => answers[0] ?? Response.error()]);
  const { key, kid } = await pair(LINK, options);
  assertEquals(await deriveKeyId(parseKey(key) ?? new Uint8Array()), kid);
  assertEquals([requests.length, new Set(requests.map(({ body }) => body)).size, clock.waits], [3, 1, [1000, 3000]]);
  clock.assertIdle();
});

Deno.test("pair() reports a gateway that cannot be reached after its third attempt, with one request", async () => {
  const { options, requests } = pairing([unreachable, unreachable, unreachable]);
  assertSilent(await assertRejects(() => pair(LINK, options), UnreachableError));
  assertEquals([requests.length, new Set(requests.map(({ body }) => body)).size], [3, 1]);
});

Deno.test("pair() repeats no request that was answered, and none once it is aborted", async () => {
  for (const refusal of [refuse(401), refuse(503), coded(409, "already_paired"), plain("no JSON")]) {
    const { options, requests } = pairing([refusal]);
    await assertRejects(() => pair(LINK, options), GatewayError);
    assertEquals(requests.length, 1);
  }
  const caller = new AbortController();
  const { options, requests } = pairing([unreachable]);
  const clock = new FakeClock({ holds: true });
  const aborted = assertRejects(() => pair(LINK, { ...options, clock, signal: caller.signal }), Error, "enough");
  await until("the wait began", () => clock.waits.length === 1);
  caller.abort(new Error("enough"));
  await aborted;
  assertEquals(requests.length, 1);
  clock.assertIdle();
});

Deno.test("pair() corrects its clock once, also one that is ahead, with the same key pair and a new salt", async () => {
  for (const gateway of [NOW + 7200, NOW - 7200]) {
    const { options, requests } = pairing([stale(gateway), paired()]);
    assertEquals((await pair(LINK, options)).name, "phone");
    assertEquals(requests.map(({ fields }) => fields["timestamp"]), [NOW, gateway]);
    assertEquals(new Set(requests.map(({ nonce }) => nonce)).size, 2);
    assertEquals(new Set(requests.map(({ fields }) => fields["public"])).size, 1);
  }
  const { options, requests } = pairing([stale(NOW + 7200), stale(NOW + 7200)]);
  await assertRejects(() => pair(LINK, options), ExpiredError);
  assertEquals(requests.length, 2);
});

Deno.test("pair() reports an answer that does not open, or is of another exchange, as tampered", async () => {
  const recorded: Response[] = [];
  const record: Answerer = async (request, signal) => {
    const response = await paired()(request, signal);
    recorded.push(response.clone());
    return response;
  };
  await pair(LINK, pairing([record]).options);
  const forgeries: Readonly<Record<string, Answerer>> = {
    "another exchange": () => recorded[0] ?? Response.error(),
    "no envelope": () => new Response("{}"),
    "another key": ({ exchange }, signal) =>
      answer(200, {})({ exchange: { ...exchange, key: secret } } as Received, signal),
    "a bit flipped": async (request, signal) => {
      const text = await (await paired()(request, signal)).text();
      return new Response(text.replace(/.$/, (last) => last === "A" ? "E" : "A"));
    },
  };
  for (const [name, forgery] of Object.entries(forgeries)) {
    assertSilent(await assertRejects(() => pair(LINK, pairing([forgery]).options), TamperedError, undefined, name));
  }
});

Deno.test("pair() refuses an answer whose public point is another's, and every frozen point that is not valid", async () => {
  const { publicPoint } = await generateAgreementKey();
  for (const point of [publicPoint, ...vectors.v2.refused.points.map((vector) => vector.public)]) {
    const { options } = pairing([paired((body) => ({ ...body, public: point }))]);
    await assertRejects(() => pair(LINK, options), TamperedError);
  }
});

Deno.test("pair() refuses an answer that is malformed", async () => {
  for (const member of ["public", "name", "kid", "rights"]) {
    for (const value of [undefined, null, 7, ["x"]]) {
      const { options } = pairing([paired((body) => ({ ...body, [member]: value }))]);
      await assertRejects(() => pair(LINK, options), TamperedError, undefined, `${member}: ${value}`);
    }
  }
  const wrong = { name: ["", "x".repeat(65), "a\nb", "\ud800"], rights: [{ mqtt: true }, { mqtt: null }] };
  for (const [member, values] of Object.entries(wrong)) {
    for (const value of values) {
      const { options } = pairing([paired((body) => ({ ...body, [member]: value }))]);
      await assertRejects(() => pair(LINK, options), TamperedError, undefined, `${member}: ${value}`);
    }
  }
  for (const malformed of [answer(200, null), answer(200, "paired"), answer(204, {}), plain("[]"), plain("no JSON")]) {
    await assertRejects(() => pair(LINK, pairing([malformed]).options), TamperedError);
  }
});

Deno.test("pair() ends at its time limit, and when it is aborted", async () => {
  const { options, requests, clock } = pairing([mute, mute]);
  const late = assertRejects(() => pair(LINK, options), RequestTimeoutError, "No answer within 40 s");
  await until("the request was sent", () => requests.length === 1);
  clock.advance(40_000);
  await late;
  const caller = new AbortController();
  const aborted = assertRejects(
    () => pair(LINK, { ...options, timeout: 90_000, signal: caller.signal }),
    Error,
    "enough",
  );
  await until("the request was sent", () => requests.length === 2);
  caller.abort(new Error("enough"));
  await aborted;
  clock.assertIdle();
});

Deno.test("pair() is of version 2 only: it never probes, and never falls back to version 1", async () => {
  const { options, requests } = pairing([refuse(401)]);
  await assertRejects(() => pair(LINK, options), PairingCodeError);
  assertEquals(requests.map(({ route, body }) => [route, parseRequest(body).version]), [["/pair", 2]]);
});

Deno.test("pair() without WebCrypto reports that, and sends nothing", async () => {
  const { options, requests } = pairing([]);
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto") ?? {};
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  try {
    assert(await assertRejects(() => pair(LINK, options), NoWebCryptoError) instanceof GatewayError);
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
  assertEquals(requests, []);
});
