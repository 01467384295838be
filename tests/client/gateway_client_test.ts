/** Calls and health, in both versions. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  formatPairingUri,
  GatewayClient,
  GatewayError,
  parsePairingUri,
  RequestTimeoutError,
  TamperedError,
  UnavailableError,
  UnreachableError,
} from "../../src/client/gateway_client.ts";
import { until } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { answer, clientOf, KEY, mute, plain, receive, secret, stream, VERSIONS } from "../support/fake_gateway.ts";

Deno.test("GatewayClient refuses a malformed key, without quoting it", () => {
  const error = assertThrows(() => new GatewayClient({ url: "http://x", key: "5ec2e7" }), TypeError, "64 hexadecimal");
  assert(!error.message.includes("5ec2e7"));
});

Deno.test("new GatewayClient() refuses an address that is not of HTTP, and an unknown protocol", () => {
  for (const url of ["home.example", "ftp://home.example", "", "http://", "http:///x", "https://a b"]) {
    assertThrows(() => new GatewayClient({ url, key: KEY }), TypeError, `not "${url}"`);
  }
  // Callers in JavaScript may pass any text.
  for (const protocol of ["2", 3, 0, null]) {
    const options = Object.assign({ url: "http://home", key: KEY }, { protocol });
    assertThrows(() => Reflect.construct(GatewayClient, [options]), TypeError, `not ${protocol}`);
  }
});

Deno.test("gateway_client.ts exports the client, its errors, pairing, the functions for keys, links and push messages, and nothing else", async () => {
  assertEquals(Object.keys(await import("../../src/client/gateway_client.ts")).sort(), [
    "AlreadyPairedError",
    "EnvelopeError",
    "ExpiredError",
    "FailedError",
    "GatewayClient",
    "GatewayError",
    "JeedomError",
    "NoWebCryptoError",
    "PairingCodeError",
    "PassingError",
    "RateLimitError",
    "RefusedError",
    "RequestTimeoutError",
    "ScopeError",
    "TamperedError",
    "TruncatedError",
    "UnavailableError",
    "UnreachableError",
    "WrongKeyError",
    "decryptPush",
    "formatPairingAppLink",
    "formatPairingLink",
    "formatPairingUri",
    "generatePushReceiver",
    "importSecretKey",
    "pair",
    "parseKey",
    "parsePairingLink",
    "parsePairingUri",
    "secretKeyFrom",
  ]);
});

Deno.test("gateway_client.ts exports the functions for pairing codes", () => {
  const pairing = { url: "http://home", name: "Anna's phone", key: KEY };
  assertEquals(parsePairingUri(formatPairingUri(pairing)), pairing);
});

for (const protocol of VERSIONS) {
  Deno.test(`callJeedom() of version ${protocol} sends its fields, and opens the answer`, async () => {
    const clock = new FakeClock();
    const { client, requests } = clientOf([answer(200, { a: [1, null, "é"] }, 5)], clock, { protocol });
    const options = { apikey: "k", endpoint: "/e" };
    const opened = await client.callJeedom("cmd::byId", { id: 3 }, options);
    assertEquals(opened, { status: 200, body: { a: [1, null, "é"] }, timestamp: 5, members: {} });
    assertEquals(requests.map(({ route, fields, exchange: { version } }) => ({ route, fields, version })), [{
      route: "/gateway",
      fields: {
        service: "jeedom",
        jsonrpc: "cmd::byId",
        params: { id: 3 },
        ...options,
        timestamp: clock.now() / 1000,
      },
      version: protocol,
    }]);
    assertEquals(client.protocol, protocol);
    clock.assertIdle();
  });

  Deno.test(`publish() of version ${protocol} sends its fields`, async () => {
    const clock = new FakeClock();
    const { client, requests } = clientOf(Array(3).fill(answer(200, "ok")), clock, { protocol });
    await client.publish("t", null, { qos: 1, retain: true, brokerHost: "b", brokerPort: 1884, username: "u" });
    assertEquals((await client.publish("t", "m")).body, "ok");
    // A view of a larger buffer, as programs read files.
    await client.publish("t", Uint8Array.from([7, 0, 255, 7]).subarray(1, 3));
    const common = { service: "mqtt", topic: "t", timestamp: clock.now() / 1000 };
    const broker = { "broker_host": "b", "broker_port": 1884, username: "u" };
    assertEquals(requests.map(({ fields }) => fields), [
      { ...common, message: null, qos: 1, retain: true, ...broker },
      { ...common, message: "m" },
      { ...common, payload_b64: "AP8=" },
    ]);
    assertEquals(requests.map(({ route }) => route), Array(3).fill("/mqtt/publish"));
    clock.assertIdle();
  });

  Deno.test(`callJeedom() of version ${protocol} returns the answer of Jeedom itself, whatever its status`, async () => {
    for (const body of [{ error: "no" }, "<h1>Not Found</h1>", '"error"', "[]", '{"error":1}', "null"]) {
      const { client } = clientOf([answer(404, body)], new FakeClock(), { protocol });
      assertEquals(await client.callJeedom("ping"), { status: 404, body, timestamp: 1_700_000_000, members: {} });
    }
    // A success is never an error, even if it has the form of one.
    const { client } = clientOf([answer(200, '{"error":"Request expired"}')], new FakeClock(), { protocol });
    assertEquals((await client.callJeedom("ping")).status, 200);
  });

  Deno.test(`callJeedom() of version ${protocol} rejects a malformed answer`, async () => {
    const clock = new FakeClock();
    const values = [null, 7, [], {}, { status: "200", timestamp: 1 }, { status: 200 }, { timestamp: 1 }];
    const wrong = [
      ...values.map((value) => plain(JSON.stringify(value))),
      plain("no JSON"),
      () => new Response(JSON.stringify({ status: 200, body: "done", timestamp: 5 })),
      () => new Response("<html>Welcome to the hotel</html>"),
      () => new Response(null),
      stream([{ type: "connected" }], "ends"),
    ];
    for (const answer of wrong) {
      const { client } = clientOf([answer], clock, { protocol, keyName: "annas-phone" });
      const error = await assertRejects(() => client.callJeedom("ping"), TamperedError, 'key "annas-phone"');
      assertEquals([error.code, error.retryAfterMs], ["tampered", undefined]);
    }
    clock.assertIdle();
  });

  Deno.test(`callJeedom() of version ${protocol} ends after its timeout, or when its caller aborts`, async () => {
    const clock = new FakeClock();
    const { client, requests } = clientOf([mute, mute], clock, { protocol });
    const late = client.callJeedom("ping");
    await until("it waits", () => requests.length === 1);
    clock.advance(40_000);
    const error = await assertRejects(() => late, RequestTimeoutError, "No answer within 40 s");
    assertEquals([error.code, error.status, error.retryAfterMs], ["timeout", 0, 0]);

    const leave = new AbortController();
    const left = client.publish("t", "m", { timeout: 90_000, signal: leave.signal });
    await until("it waits", () => requests.length === 2);
    leave.abort(new Error("Enough"));
    await assertRejects(() => left, Error, "Enough");
    await assertRejects(() => client.callJeedom("ping", {}, { signal: leave.signal }), Error, "Enough");
    assertEquals(requests.length, 2);
    clock.assertIdle();
  });
}

Deno.test("callJeedom() ends a wait for a body that does not come, or comes too late", async () => {
  const clock = new FakeClock();
  const release = Promise.withResolvers<void>();
  let isRead = false;
  let isCancelled = false;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: () => void (isRead = true),
        cancel: () => void (isCancelled = true),
      }, { highWaterMark: 0 }),
    );
  const { client, requests } = clientOf([endless, () => release.promise.then(endless)], clock);
  const never = client.callJeedom("ping");
  await until("it waits", () => isRead);
  clock.advance(40_000);
  await assertRejects(() => never, RequestTimeoutError);
  await until("the body is cancelled", () => isCancelled);

  isCancelled = false;
  const late = client.callJeedom("ping");
  await until("it waits", () => requests.length === 2);
  clock.advance(40_000);
  await assertRejects(() => late, RequestTimeoutError);
  release.resolve();
  await until("the body is cancelled", () => isCancelled);
  clock.assertIdle();
});

Deno.test("GatewayClient names its key in version 1 only with the option, and in version 2 in the envelope", async () => {
  const seen: (string | null)[] = [];
  for (const [protocol, tellKeyId] of [[1, true], [1, false], [2, true]] as const) {
    const client = new GatewayClient({
      url: "http://gateway/",
      key: KEY,
      protocol,
      tellKeyId,
      async fetch(input, init) {
        seen.push(new Headers(init?.headers).get("E2E-Key-Id"));
        const received = await receive(new URL(String(input)).pathname, String(init?.body));
        return await answer(200, "")(received, new AbortController().signal);
      },
    });
    await client.callJeedom("ping");
  }
  assertEquals(seen, [secret.kid, null, null]);
});

Deno.test("GatewayClient calls fetch without a receiver, as browsers require", async () => {
  const client = new GatewayClient({
    url: "http://gateway",
    key: KEY,
    fetch: function (this: unknown) {
      if (this !== undefined) throw new Error("Illegal invocation");
      return Promise.resolve(Response.json({ status: "ok", version: "1.0.0" }));
    },
  });
  assertEquals((await client.health()).status, "ok");
});

function healthOf(answer: () => Response | Promise<Response>, clock = new FakeClock()) {
  const requests: string[] = [];
  const client = new GatewayClient({
    url: "http://gateway/",
    key: KEY,
    clock,
    fetch: (input) => {
      requests.push(String(input));
      return Promise.resolve(answer());
    },
  });
  return { client, requests, clock };
}

Deno.test("health() distinguishes a gateway from another server, and asks for no version", async () => {
  const { client, requests, clock } = healthOf(() => Response.json({ status: "ok", version: "1.0.0", more: 1 }));
  assertEquals(await client.health(), { status: "ok", version: "1.0.0" });
  assertEquals([requests, client.protocol], [["http://gateway/health"], undefined]);
  clock.assertIdle();
  for (const text of ["{}", "<html>", "null", '{"status":"ok"}', '{"status":"ill","version":"1"}']) {
    const error = await assertRejects(
      () => healthOf(() => new Response(text)).client.health(),
      UnreachableError,
      "No gateway answers at http://gateway",
    );
    assertEquals(error.code, "unreachable");
  }
  const down = healthOf(() => new Response("", { status: 503 }));
  assertEquals((await assertRejects(() => down.client.health(), UnavailableError)).status, 503);
  const unreachable = healthOf(() => Promise.reject(new TypeError("Connection refused")));
  const error = await assertRejects(
    () => unreachable.client.health(),
    GatewayError,
    "No gateway answers at http://gateway",
  );
  assertEquals([error.code, error.status], ["unreachable", 0]);
});

Deno.test("a page gets the hint that its origin may not be allowed, and a platform without origin does not", async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "location") ?? {};
  const unreachable = "No gateway answers at http://gateway";
  const cases: readonly (readonly [unknown, string])[] = [
    [{ origin: "https://app.example" }, `${unreachable}, or its ALLOWED_ORIGINS does not name https://app.example`],
    [{ origin: "http://gateway" }, unreachable],
    // Such as a React Native app with a polyfill.
    [{}, unreachable],
    [undefined, unreachable],
  ];
  try {
    for (const [value, message] of cases) {
      Object.defineProperty(globalThis, "location", { value, configurable: true });
      const { client } = healthOf(() => Promise.reject(new TypeError("Connection refused")));
      assertEquals((await assertRejects(() => client.health(), GatewayError)).message, message);
    }
  } finally {
    Object.defineProperty(globalThis, "location", own);
  }
});
