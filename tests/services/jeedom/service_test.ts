import { assert, assertEquals, assertRejects } from "@std/assert";
import * as fc from "fast-check";
import type { OpenedText } from "../../../src/protocol/aead.ts";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { Deadlines } from "../../../src/lib/deadlines.ts";
import { FieldError, keepDigits, parsePayload, type Payload } from "../../../src/protocol/payload.ts";
import { allRights, Scope } from "../../../src/keys/rights.ts";
import { SERVICES } from "../../../src/services/registry.ts";
import {
  createJeedomService,
  type JeedomCallSettings,
  type JeedomServiceOptions,
} from "../../../src/services/jeedom/service.ts";
import { type Reply, type ServiceContext, ServiceError } from "../../../src/services/service.ts";
import { until, within } from "../../support/deadline.ts";
import { freePort, withTcpServer } from "../../support/loopback.ts";

const KEY = "a-jeedom-api-key-of-32-characters";

const scope = new Scope(allRights(SERVICES));

const never = new AbortController().signal;

const opened = (text: string) => keepDigits(parsePayload(text as OpenedText), text as OpenedText);

/** Service for a fake Jeedom with a given answer, which records its requests. */
function makeJeedom(
  { fetch, ...settings }: Partial<JeedomCallSettings & Pick<JeedomServiceOptions, "fetch">> = {},
  answer = () => Response.json({ jsonrpc: "2.0", result: 1 }),
) {
  const requests: { url: string; init: RequestInit; body: Record<string, unknown> }[] = [];
  const warnings: string[] = [];
  const clock = { ms: 0 };
  const closing = new AbortController();
  const service = createJeedomService({
    settings: {
      url: new URL("http://jeedom"),
      apikey: undefined,
      timeoutMs: 10_000,
      longPollMaxSeconds: 120,
      maxResponseBytes: 1000,
      maxPolls: 40,
      maxPollsPerKey: 15,
      ...settings,
    },
    fetch: fetch ?? (async (input, init = {}) => {
      requests.push({ url: String(input), init, body: await new Request(input, init).json() });
      return answer();
    }),
    log: { warn: (message) => void warnings.push(message) },
    monotonic: () => clock.ms,
    deadlines: new Deadlines(SYSTEM_CLOCK, 1),
    closeSignal: closing.signal,
  });
  return {
    requests,
    warnings,
    clock,
    /** Aborts all pending calls. */
    close: () => closing.abort(),
    call: (
      payload: Payload,
      { clientSignal = never, key = "phone", holdMemory = (release) => release() }: Partial<ServiceContext> = {},
    ) => service.handle(payload, { key, kid: "", keyCreated: 0, scope, clientSignal, holdMemory }),
  };
}

/** Runs a test with a real HTTP server. */
async function withServer(
  handler: (request: Request) => Response | Promise<Response>,
  test: (url: URL) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  const client = Deno.createHttpClient({});
  try {
    await test(new URL(`http://127.0.0.1:${server.addr.port}`));
  } finally {
    client.close();
    await server.shutdown();
  }
}

/** Runs a test with a `fetch` whose connections are closed at its end. */
async function withFetch(test: (send: typeof fetch) => Promise<void>): Promise<void> {
  const client = Deno.createHttpClient({});
  try {
    await test((input, init) => fetch(input, { ...init, client }));
  } finally {
    client.close();
  }
}

Deno.test("handle() sends JSON-RPC with the key among the parameters", async () => {
  const { call, requests } = makeJeedom();
  await call({ jsonrpc: "cmd::execCmd", apikey: KEY, params: { id: 3, options: { slider: 5 } } });
  assertEquals(requests[0]?.url, "http://jeedom/core/api/jeeApi.php");
  assertEquals(requests[0]?.body, {
    jsonrpc: "2.0",
    id: 99_999,
    method: "cmd::execCmd",
    params: { apikey: KEY, id: 3, options: { slider: 5 } },
  });
});

Deno.test("handle() sends application/json, follows no redirect and forwards nothing else", async () => {
  const { call, requests } = makeJeedom();
  await call({ jsonrpc: "ping", apikey: KEY, "X-Forwarded-For": "1.2.3.4" });
  assertEquals(requests[0]?.init.headers, { "Content-Type": "application/json", "Accept": "application/json" });
  assertEquals([requests[0]?.init.method, requests[0]?.init.redirect], ["POST", "manual"]);
});

Deno.test("handle() uses the configured API key only if the request has none", async () => {
  const { call, requests } = makeJeedom({ apikey: "home" });
  await call({ jsonrpc: "version" });
  await call({ jsonrpc: "version", apikey: null });
  await call({ jsonrpc: "version", apikey: "own" });
  await call({ jsonrpc: "version", params: { apikey: "params" } });
  await call({ jsonrpc: "version", params: { api: "api" } });
  assertEquals(requests.map(({ body }) => body["params"]), [
    { apikey: "home" },
    { apikey: "home" },
    { apikey: "own" },
    { apikey: "params" },
    { apikey: "api" },
  ]);
});

Deno.test("handle() needs a key for everything but ping", async () => {
  const { call, requests } = makeJeedom();
  await assertRejects(() => call({ jsonrpc: "version" }), FieldError, "Missing required field: apikey");
  await call({ jsonrpc: "ping" });
  assertEquals(requests[0]?.body["params"], {});
});

Deno.test("handle() refuses a key that would crash PHP, wherever it is", async () => {
  const { call, requests } = makeJeedom();
  for (const params of [{ apikey: ["x"] }, { api: { a: 1 } }, { apikey: 5 }]) {
    await assertRejects(() => call({ jsonrpc: "version", apikey: KEY, params }), FieldError, "must be a string");
  }
  assertEquals(requests.length, 0);
});

Deno.test("handle() confines an endpoint to a plain path", async () => {
  const { call, requests } = makeJeedom({ url: new URL("http://jeedom/sub/") });
  await call({ jsonrpc: "ping", apikey: KEY, endpoint: "/plugins/my-plugin/core/api.php" });
  assertEquals(requests[0]?.url, "http://jeedom/sub/plugins/my-plugin/core/api.php");
  for (
    const endpoint of [
      "",
      "/",
      "core/api",
      "//evil/x",
      "/\\evil/x",
      "http://evil/x",
      "/a/../../etc",
      "/..",
      "/a/./b",
      "/%2e%2e/x",
      "/a%2f..%2fb",
      "/a?apikey=1",
      "/a#b",
      "/a b",
      "/a\r\nHost: evil",
      "/@evil",
      "/a;b",
      "/.htaccess",
      `/${"a".repeat(300)}`,
    ]
  ) {
    await assertRejects(() => call({ jsonrpc: "ping", endpoint }), FieldError, "Invalid field: endpoint", endpoint);
  }
  assertEquals(requests.length, 1);
});

Deno.test("handle() sends no endpoint to any address but Jeedom's own", async () => {
  const { call, requests } = makeJeedom();
  await fc.assert(fc.asyncProperty(fc.string({ unit: "grapheme-ascii" }), async (text) => {
    await call({ jsonrpc: "ping", endpoint: `/${text}` }).catch(() => {});
  }));
  for (const { url } of requests) {
    const { origin, search, pathname } = new URL(url);
    assertEquals([origin, search, url], ["http://jeedom", "", `http://jeedom${pathname}`]);
  }
});

Deno.test("handle() returns Jeedom's status, and its JSON as it was", async () => {
  const { call } = makeJeedom({}, () => new Response('{"n":1.0,"big":12345678901234567890}', { status: 418 }));
  assertEquals(await call({ jsonrpc: "ping" }), { status: 418, bodyJson: '{"n":1.0,"big":12345678901234567890}' });
});

Deno.test("handle() returns text where Jeedom sent no JSON: an HTML 404, a word, an empty 404", async () => {
  const answers: [Response, number, string][] = [
    [new Response("<html>", { status: 404, headers: { "Content-Type": "text/html" } }), 404, '"<html>"'],
    [new Response("Unauthorized"), 200, '"Unauthorized"'],
    [new Response("", { status: 404 }), 404, '""'],
  ];
  for (const [answer, status, bodyJson] of answers) {
    assertEquals(await makeJeedom({}, () => answer).call({ jsonrpc: "ping" }), { status, bodyJson });
  }
});

Deno.test("handle() refuses to follow a redirect", async () => {
  const { call } = makeJeedom({}, () => new Response(null, { status: 302, headers: { Location: "http://evil/" } }));
  const error = await assertRejects(
    () => call({ jsonrpc: "ping" }),
    ServiceError,
    "set JEEDOM_URL to its final address",
  );
  assertEquals(error.status, 502);
});

Deno.test("handle() stops reading an answer that is too large, announced or not", async () => {
  let pulled = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          pulled += 1;
          controller.enqueue(new Uint8Array(400));
        },
      }),
    );
  const error = await assertRejects(() => makeJeedom({}, endless).call({ jsonrpc: "ping" }), ServiceError);
  assertEquals([error.status, error.message], [502, "Jeedom's answer is larger than 1000 bytes"]);
  assert(pulled <= 4, `${pulled} chunks were read`);
  const announced = () => new Response("x".repeat(1001), { headers: { "Content-Length": "1001" } });
  await assertRejects(() => makeJeedom({}, announced).call({ jsonrpc: "ping" }), ServiceError, "larger than 1000");
});

Deno.test("handle() limits an answer whose announced length does not count beside its transfer coding", async () => {
  const headers = { "Content-Length": "5", "Transfer-Encoding": "chunked" };
  const { call } = makeJeedom({}, () => new Response("x".repeat(1001), { headers }));
  await assertRejects(() => call({ jsonrpc: "ping" }), ServiceError, "larger than 1000");
});

Deno.test("handle() continues to read large answers after one that announced its length twice", async () => {
  const json = JSON.stringify("x".repeat(100_000));
  const headers = { "Content-Length": `${json.length}, ${json.length}` };
  const { call } = makeJeedom({ maxResponseBytes: 200_000, timeoutMs: 1000 }, () => new Response(json, { headers }));
  for (let count = 0; count < 2; count++) assertEquals((await call({ jsonrpc: "ping" })).bodyJson, json);
});

/** Jeedom that announces no length, and sends the rest of each large answer when the test releases it. */
function makeSlowAnswers(options: Partial<JeedomCallSettings> = {}) {
  const reading: string[] = [];
  const finish = new Map<string, () => void>();
  const held = new Map<string, () => void>();
  const made = makeJeedom({
    maxResponseBytes: 200_000,
    ...options,
    async fetch(input, init) {
      const { params: { name } }: { params: { name: string } } = await new Request(input, init).json();
      let isBegun = false;
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        async pull(controller) {
          if (!isBegun) {
            isBegun = true;
            return controller.enqueue(new TextEncoder().encode(`["${"x".repeat(100_000)}`));
          }
          reading.push(name);
          await new Promise<void>((resolve) => finish.set(name, resolve));
          controller.enqueue(new TextEncoder().encode('"]'));
          controller.close();
        },
      }, { highWaterMark: 0 });
      return name === "small" ? new Response("[]", { headers: { "Content-Length": "2" } }) : new Response(body);
    },
  });
  const ask = (key: string, name: string) =>
    made.call({ jsonrpc: "ping", params: { name } }, { key, holdMemory: (release) => void held.set(name, release) });
  const seal = (name: string) => held.get(name)?.();
  return { ...made, ask, reading, seal, finish: (name: string) => finish.get(name)?.() };
}

Deno.test("handle() reads one large answer of a key at a time and two in all, until they are sealed, and small ones beside them", async () => {
  const { ask, reading, finish, seal } = makeSlowAnswers();
  const answers = new Map(
    [["greedy", "g1"], ["greedy", "g2"], ["modest", "m1"], ["third", "t1"]].map(([key, name]) =>
      [name, ask(key ?? "", name ?? "")] as const
    ),
  );
  await until("two are read", () => reading.length === 2);
  assertEquals(reading, ["g1", "m1"]);
  assertEquals((await ask("greedy", "small")).bodyJson, "[]");
  finish("g1");
  assertEquals((await answers.get("g1"))?.status, 200);
  assertEquals(reading, ["g1", "m1"]);
  // The key without a large answer in progress has priority.
  seal("g1");
  await until("another is read", () => reading.length === 3);
  finish("m1");
  await answers.get("m1");
  seal("m1");
  await until("the last is read", () => reading.length === 4);
  assertEquals(reading.toSorted(), ["g1", "g2", "m1", "t1"]);
  for (const name of ["g2", "t1"]) finish(name);
  assertEquals((await Promise.all(answers.values())).map(({ status }) => status), [200, 200, 200, 200]);
});

Deno.test("handle() fails for a large answer that does not end in time, and for one that waits for it", async () => {
  const { ask, reading, seal } = makeSlowAnswers({ timeoutMs: 1000 });
  const all = ["stuck", "waiting"].map((name) => ask("one", name));
  await until("the first is read", () => reading.length === 1);
  const failed = await Promise.allSettled(all);
  assertEquals(failed.map(({ status }) => status), ["rejected", "rejected"]);
  seal("stuck");
  // An answer whose call timed out while it waited is never read.
  const next = ask("one", "next");
  await until("the next is read", () => reading.length === 2);
  assertEquals(reading, ["stuck", "next"]);
  await assertRejects(() => next, ServiceError, "did not answer within 1 s");
});

Deno.test("handle() reads 1 MB of chunked JSON", () =>
  withServer(() => {
    const chunk = new TextEncoder().encode(`"${"x".repeat(998)}"`);
    let count = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (count === 0) controller.enqueue(new TextEncoder().encode("["));
          if (count > 0) controller.enqueue(new TextEncoder().encode(","));
          controller.enqueue(chunk);
          if (++count < 1000) return;
          controller.enqueue(new TextEncoder().encode("]"));
          controller.close();
        },
      }),
      { headers: { "Content-Type": "application/json" } },
    );
  }, (url) =>
    withFetch(async (send) => {
      const { call } = makeJeedom({ url, fetch: send, maxResponseBytes: 8 * 2 ** 20 });
      const { status, bodyJson } = await call({ jsonrpc: "ping" });
      assertEquals([status, JSON.parse(bodyJson).length], [200, 1000]);
    })));

Deno.test("handle() reports that nothing listens at Jeedom's address", () =>
  withFetch(async (send) => {
    const url = new URL(`http://127.0.0.1:${freePort()}`);
    const error = await assertRejects(() => makeJeedom({ url, fetch: send }).call({ jsonrpc: "ping" }), ServiceError);
    assertEquals([error.status, error.message], [502, "Jeedom cannot be reached, or broke off its answer"]);
  }));

/** Jeedom that reads each request, sends some bytes, and closes the connection or leaves it open. */
async function withBareJeedom(
  { answer, closes }: { readonly answer: string; readonly closes: boolean },
  test: (call: (payload: Payload) => Promise<Reply>, requests: () => number) => Promise<void>,
): Promise<void> {
  let requests = 0;
  await withTcpServer(async (connection) => {
    if (await connection.read(new Uint8Array(4096)) === null) return;
    requests += 1;
    await connection.write(new TextEncoder().encode(answer));
    if (closes) connection.close();
  }, (port) =>
    withFetch((send) => {
      const url = new URL(`http://127.0.0.1:${port}`);
      const { call } = makeJeedom({ url, fetch: send, timeoutMs: closes ? 10_000 : 50 });
      return test(call, () => requests);
    }));
}

Deno.test("handle() sends a request once to a Jeedom that reads it and closes the connection", () =>
  withBareJeedom({ answer: "", closes: true }, async (call, requests) => {
    const error = await assertRejects(() => call({ jsonrpc: "ping" }), ServiceError);
    assertEquals([error.status, requests()], [502, 1]);
  }));

Deno.test("handle() succeeds although Jeedom closed a kept connection meanwhile", () =>
  withBareJeedom(
    { answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", closes: true },
    async (call, requests) => {
      for (let count = 0; count < 5; count++) assertEquals((await call({ jsonrpc: "ping" })).status, 200);
      assertEquals(requests(), 5);
    },
  ));

Deno.test("handle() sends a request once on a kept connection that Jeedom closes without an answer", async () => {
  let requests = 0;
  await withTcpServer(async (connection) => {
    const packet = new Uint8Array(4096);
    for (let count = 0; count < 2; count++) {
      let text = "";
      while (!text.endsWith("}")) {
        const length = await connection.read(packet);
        if (length === null) return;
        text += new TextDecoder().decode(packet.subarray(0, length));
      }
      requests += 1;
      if (count > 0) break;
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    }
    connection.close();
  }, (port) =>
    withFetch(async (send) => {
      const { call } = makeJeedom({ url: new URL(`http://127.0.0.1:${port}`), fetch: send });
      assertEquals((await call({ jsonrpc: "ping" })).status, 200);
      const error = await assertRejects(() => call({ jsonrpc: "ping" }), ServiceError);
      assertEquals([error.status, requests], [502, 2]);
    }));
});

Deno.test("handle() fails after its timeout, whether Jeedom is silent or sends byte by byte", async () => {
  for (const answer of ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n["]) {
    await withBareJeedom({ answer, closes: false }, async (call) => {
      const error = await assertRejects(() => call({ jsonrpc: "ping" }), ServiceError);
      assertEquals([error.status, error.message], [504, "Jeedom did not answer within 0.05 s"]);
    });
  }
});

Deno.test("handle() limits what a compressed answer expands to, however short its announced length is", async () => {
  const json = JSON.stringify("x".repeat(2 ** 20));
  const compressed = await new Response(new Blob([json]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
  const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
  await withServer(() => new Response(compressed, { headers }), (url) =>
    withFetch(async (send) => {
      const error = await assertRejects(
        () => makeJeedom({ url, fetch: send, maxResponseBytes: 100_000 }).call({ jsonrpc: "ping" }),
        ServiceError,
      );
      assertEquals([error.status, error.message], [502, "Jeedom's answer is larger than 100000 bytes"]);
      const { bodyJson } = await makeJeedom({ url, fetch: send, maxResponseBytes: 2 ** 21 }).call({ jsonrpc: "ping" });
      assertEquals(bodyJson, json);
    }));
});

Deno.test("handle() waits longer for a long poll, as long as it requests", async () => {
  let answers = 0;
  const { call } = makeJeedom({
    timeoutMs: 20,
    fetch: async (_input, init) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      init?.signal?.throwIfAborted();
      answers += 1;
      return Response.json({ result: [] });
    },
  });
  const poll = { jsonrpc: "event::changes", apikey: KEY, params: { longPolling: 59 } };
  assertEquals((await call(poll)).status, 200);
  await assertRejects(() => call({ ...poll, params: {} }), ServiceError, "within 0.02 s");
  await until("the late answer", () => answers === 2);
});

Deno.test("handle() limits the duration of a poll at Jeedom", async () => {
  const { call, requests } = makeJeedom({ longPollMaxSeconds: 120 });
  for (const longPolling of ["59s", -5, {}, [], true, ""]) {
    const refused = () => call({ jsonrpc: "event::changes", apikey: KEY, params: { longPolling } });
    await assertRejects(refused, FieldError, "Invalid field: params.longPolling");
  }
  for (const longPolling of [59, "59", 600, 1e9, 0, null]) {
    await call({ jsonrpc: "event::changes", apikey: KEY, params: { longPolling } });
  }
  const asked = requests.map(({ body }) => body["params"]);
  assertEquals(asked, [59, 59, 120, 120, 0, null].map((longPolling) => ({ apikey: KEY, longPolling })));
});

Deno.test("handle() aborts a long poll whose client disconnected, and runs every other call to its end", async () => {
  const finish = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  const { call } = makeJeedom({
    fetch: (_input, init) => {
      if (init?.signal) signals.push(init.signal);
      return Promise.race([
        finish.promise.then(() => Response.json({ result: "done" })),
        new Promise<never>((_resolve, reject) =>
          init?.signal?.addEventListener("abort", () => reject(init.signal?.reason))
        ),
      ]);
    },
  });
  const client = new AbortController();
  const poll = call({ jsonrpc: "event::changes", apikey: KEY, params: { longPolling: 59 } }, {
    clientSignal: client.signal,
  });
  const command = call({ jsonrpc: "cmd::execCmd", apikey: KEY, params: { longPolling: 59 } }, {
    clientSignal: client.signal,
  });
  await until("both calls", () => signals.length === 2);
  client.abort();
  const error = await assertRejects(() => within("abandoning", poll), ServiceError);
  assertEquals(error.status, 504);
  finish.resolve();
  assertEquals((await within("the command", command)).status, 200);
});

/** Jeedom whose polls last until the test answers them, each by its `datetime`. */
function makePollingJeedom(options: Partial<JeedomCallSettings> = {}) {
  const running = new Map<number, PromiseWithResolvers<Response>>();
  const sent: number[] = [];
  const jeedom = makeJeedom({
    async fetch(input, init = {}) {
      const { params: { datetime } } = await new Request(input, init).json();
      init.signal?.throwIfAborted();
      const answer = Promise.withResolvers<Response>();
      init.signal?.addEventListener("abort", () => answer.reject(init.signal?.reason));
      sent.push(datetime);
      running.set(datetime, answer);
      return await answer.promise;
    },
    ...options,
  });
  return {
    ...jeedom,
    sent,
    poll: (datetime: number, options: { clientSignal?: AbortSignal; key?: string; longPolling?: number } = {}) =>
      jeedom.call({
        jsonrpc: "event::changes",
        apikey: KEY,
        params: { datetime, longPolling: options.longPolling ?? 40 },
      }, options),
    answer: (datetime: number) => running.get(datetime)?.resolve(Response.json({ jsonrpc: "2.0", result: datetime })),
    fail: (datetime: number, error: Error) => running.get(datetime)?.reject(error),
  };
}

/** Starts a poll and aborts it at once, as a client that is closed. */
async function abortedPoll(jeedom: ReturnType<typeof makePollingJeedom>, datetime: number, key?: string) {
  const client = new AbortController();
  const poll = jeedom.poll(datetime, { clientSignal: client.signal, ...key === undefined ? {} : { key } });
  await until("the poll", () => jeedom.sent.includes(datetime));
  client.abort();
  await assertRejects(() => poll, ServiceError, "abandoned");
}

/** Asserts that a call is refused as busy; returns its `retry_after`, in seconds. */
async function assertBusy(call: () => Promise<unknown>, message: string): Promise<number | undefined> {
  const { status, code, retryAfterSeconds } = await assertRejects(call, ServiceError, message);
  assertEquals([status, code], [429, "busy"]);
  return retryAfterSeconds;
}

Deno.test("handle() counts an aborted poll until Jeedom ends it", async () => {
  const jeedom = makePollingJeedom({ maxPollsPerKey: 2 });
  await abortedPoll(jeedom, 1);
  jeedom.clock.ms += 10_000;
  await abortedPoll(jeedom, 2);
  assertEquals(await assertBusy(() => jeedom.poll(3), "with this key"), 35, "40 s, 10 s ago, and 5 s of margin");
  jeedom.answer(1);
  await until("a free poll", () => {
    jeedom.poll(4).catch(() => {});
    return jeedom.sent.includes(4);
  });
  await assertBusy(() => jeedom.poll(5), "with this key");
  assertEquals(jeedom.sent, [1, 2, 4]);
  jeedom.close();
});

Deno.test("handle() counts a poll whose connection broke until its end was due, and does not count one that did not reach Jeedom", async () => {
  const jeedom = makePollingJeedom({ maxPollsPerKey: 1 });
  const broken = jeedom.poll(1);
  await until("the poll", () => jeedom.sent.length === 1);
  jeedom.fail(1, new TypeError("connection closed before message completed"));
  await assertRejects(() => broken, ServiceError, "broke off");
  await assertBusy(() => jeedom.poll(2), "with this key");
  jeedom.clock.ms += 45_000;
  const unsent = jeedom.poll(3);
  await until("the poll", () => jeedom.sent.length === 2);
  jeedom.fail(3, new TypeError("fetch failed", { cause: new Error("client error (Connect): tcp connect error") }));
  await assertRejects(() => unsent, ServiceError, "cannot be reached");
  const next = jeedom.poll(4);
  await until("the next poll", () => jeedom.sent.includes(4));
  jeedom.answer(4);
  assertEquals((await next).status, 200);
});

Deno.test("handle() reserves a poll for a key that has none, however many others have", async () => {
  const jeedom = makePollingJeedom({ maxPolls: 12, maxPollsPerKey: 10 });
  let datetime = 0;
  for (const key of ["a", "b", "c", "d"]) {
    for (let count = 0; count < 12; count++) {
      datetime += 1;
      let isRefused = false;
      jeedom.poll(datetime, { key }).catch(() => void (isRefused = true));
      await until("the poll, or its refusal", () => isRefused || jeedom.sent.includes(datetime));
      if (isRefused) break;
    }
  }
  for (const key of ["e", "f"]) await abortedPoll(jeedom, datetime += 1, key);
  assertEquals(await assertBusy(() => jeedom.poll(1000, { key: "a" }), "polls wait"), 45);
  jeedom.close();
});

Deno.test("handle() sends ordinary calls during any number of polls", async () => {
  const jeedom = makePollingJeedom({ maxPolls: 2, maxPollsPerKey: 1 });
  await abortedPoll(jeedom, 1);
  await assertBusy(() => jeedom.poll(2), "with this key");
  const call = jeedom.call({ jsonrpc: "cmd::execCmd", apikey: KEY, params: { datetime: 3 } });
  await until("the call", () => jeedom.sent.includes(3));
  jeedom.answer(3);
  assertEquals((await call).status, 200);
  jeedom.close();
});

Deno.test("handle() sends one poll for two clients of a key with the same parameters, and one for each other key", async () => {
  const jeedom = makePollingJeedom();
  const polls = [jeedom.poll(1), jeedom.poll(1), jeedom.poll(1, { key: "other" }), jeedom.poll(1, { longPolling: 41 })];
  await until("the polls", () => jeedom.sent.length === 3);
  jeedom.answer(1);
  jeedom.close();
  const [first, second] = await Promise.all(polls.slice(0, 2).map((poll) => poll.catch(String)));
  assertEquals(first, second);
  await Promise.allSettled(polls);
});

Deno.test("handle() returns the result of an aborted poll to a client that repeats it", async () => {
  const jeedom = makePollingJeedom({ maxPollsPerKey: 1 });
  await abortedPoll(jeedom, 1);
  const poll = jeedom.poll(1);
  jeedom.answer(1);
  assertEquals((await within("the answer", poll)).status, 200);
  assertEquals(jeedom.sent, [1]);
});

Deno.test("handle() refuses further calls of a key while Jeedom is busy with too many that timed out", async () => {
  const jeedom = makePollingJeedom({ timeoutMs: 20, maxPollsPerKey: 2 });
  const ask = (datetime: number, key?: string) =>
    jeedom.call({ jsonrpc: "cmd::execCmd", apikey: KEY, params: { datetime } }, key === undefined ? {} : { key });
  for (const datetime of [1, 2]) await assertRejects(() => ask(datetime), ServiceError, "within 0.02 s");
  assertEquals(await assertBusy(() => ask(3), "has not finished"), 60);
  await assertRejects(() => ask(4, "other"), ServiceError, "within 0.02 s");
  jeedom.answer(1);
  await until("the end of the first", () => {
    ask(5).catch(() => {});
    return jeedom.sent.includes(5);
  });
  jeedom.close();
  assertEquals(jeedom.sent, [1, 2, 4, 5]);
});

Deno.test("handle() sends nothing once the gateway has stopped", async () => {
  const { call, close, requests } = makeJeedom();
  close();
  await assertRejects(() => call({ jsonrpc: "ping" }));
  assertEquals(requests.length, 0);
});

Deno.test("handle() sends the numbers of params with all their digits", async () => {
  const bodies: string[] = [];
  const { call } = makeJeedom({
    async fetch(input, init) {
      bodies.push(await new Request(input, init).text());
      return Response.json({ jsonrpc: "2.0", result: 1 });
    },
  });
  const params =
    '{"id":6066005651767221768,"options":[1.0,-0,1e400,1E5,0.1000,{"a":0.0000001}],"__proto__":{"b":2.50}}';
  await call(opened(`{"jsonrpc":"cmd::execCmd","apikey":"${KEY}","params":${params}}`));
  const expected = `{"apikey":"${KEY}",${params.slice(1)}`;
  assertEquals(bodies, [`{"jsonrpc":"2.0","id":99999,"method":"cmd::execCmd","params":${expected}}`]);
  const poll = `{"jsonrpc":"event::changes","apikey":"${KEY}","params":{"datetime":1700000000.0,"longPolling":59.0}}`;
  await call(opened(poll));
  assertEquals(bodies[1]?.includes('"datetime":1700000000.0,"longPolling":59}'), true, bodies[1] ?? "");
});

Deno.test("handle() refuses what PHP cannot read: half of a surrogate pair, and nesting without end", async () => {
  const { call, requests } = makeJeedom();
  for (const value of ["\ud800", { "\udfff": 1 }, ["\\\ud800"]]) {
    await assertRejects(() => call({ jsonrpc: "ping", params: { value } }), FieldError, "surrogate pair");
  }
  await call({ jsonrpc: "ping", params: { value: ["\u{1f600}", "\\ud800", "\\\\ud800"] } });
  const deep = `{"jsonrpc":"ping","params":${'{"a":'.repeat(5000)}1.0${"}".repeat(5000)}}` as OpenedText;
  await assertRejects(() => call(parsePayload(deep)), FieldError, "Invalid field: params: must be nested");
  assertEquals(requests.length, 1);
});

Deno.test("handle() warns once an hour of text around the JSON of Jeedom, without that text", async () => {
  const { call, warnings, clock } = makeJeedom({}, () => new Response('secret {"jsonrpc":"2.0","result":1}'));
  for (const ms of [0, 1, 3_599_998, 1]) {
    clock.ms += ms;
    assertEquals((await call({ jsonrpc: "ping" })).bodyJson, '{"jsonrpc":"2.0","result":1}');
  }
  assertEquals(warnings.length, 2);
  assert(!warnings.join().includes("secret"));
});
