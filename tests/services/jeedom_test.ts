import { assert, assertEquals, assertRejects } from "@std/assert";
import * as fc from "fast-check";
import { FieldError, type Payload } from "../../src/protocol/payload.ts";
import { ALL_RIGHTS } from "../../src/security/key_record.ts";
import { Scope } from "../../src/security/scope.ts";
import { createJeedomService, type JeedomOptions } from "../../src/services/jeedom.ts";
import { type Reply, ServiceError } from "../../src/services/service.ts";
import { until, within } from "../deadline.ts";
import { freePort, withTcpServer } from "../loopback.ts";

const KEY = "a-jeedom-api-key-of-32-characters";

const scope = new Scope(ALL_RIGHTS);

const never = new AbortController().signal;

/** A Jeedom that answers as told and remembers what it was asked. */
function makeJeedom(options: Partial<JeedomOptions> = {}, answer = () => Response.json({ jsonrpc: "2.0", result: 1 })) {
  const requests: { url: string; init: RequestInit; body: Record<string, unknown> }[] = [];
  const warnings: string[] = [];
  const clock = { ms: 0 };
  const closing = new AbortController();
  const service = createJeedomService({
    url: new URL("http://jeedom"),
    apikey: undefined,
    async fetch(input, init = {}) {
      requests.push({ url: String(input), init, body: await new Request(input, init).json() });
      return answer();
    },
    timeoutMs: 10_000,
    longPollMaxSeconds: 120,
    maxResponseBytes: 1000,
    maxPolls: 40,
    maxPollsPerKey: 20,
    log: { warn: (message) => void warnings.push(message) },
    monotonic: () => clock.ms,
    closeSignal: closing.signal,
    ...options,
  });
  return {
    requests,
    warnings,
    clock,
    /** Ends what still waits for Jeedom. */
    close: () => closing.abort(),
    call: (payload: Payload, { gone = never, key = "phone" }: { gone?: AbortSignal; key?: string } = {}) =>
      service.handle(payload, { key, scope, gone }),
  };
}

/** Runs a real HTTP server for the time of a test. */
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

/** A `fetch` whose connections end with the test. */
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

Deno.test("handle() sends application/json, follows no redirect and passes nothing else on", async () => {
  const { call, requests } = makeJeedom();
  await call({ jsonrpc: "ping", apikey: KEY, "X-Forwarded-For": "1.2.3.4" });
  assertEquals(requests[0]?.init.headers, { "Content-Type": "application/json", "Accept": "application/json" });
  assertEquals([requests[0]?.init.method, requests[0]?.init.redirect], ["POST", "manual"]);
});

Deno.test("handle() uses the key at home only where the request brings none", async () => {
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

Deno.test("handle() sends no endpoint whatever away from Jeedom's own address", async () => {
  const { call, requests } = makeJeedom();
  await fc.assert(fc.asyncProperty(fc.string({ unit: "grapheme-ascii" }), async (text) => {
    await call({ jsonrpc: "ping", endpoint: `/${text}` }).catch(() => {});
  }));
  for (const { url } of requests) {
    const { origin, search, pathname } = new URL(url);
    assertEquals([origin, search, url], ["http://jeedom", "", `http://jeedom${pathname}`]);
  }
});

Deno.test("handle() gives back Jeedom's status, and its JSON as it was", async () => {
  const { call } = makeJeedom({}, () => new Response('{"n":1.0,"big":12345678901234567890}', { status: 418 }));
  assertEquals(await call({ jsonrpc: "ping" }), { status: 418, bodyJson: '{"n":1.0,"big":12345678901234567890}' });
});

Deno.test("handle() gives back text where Jeedom sent none in JSON: an empty 500, an HTML 404", async () => {
  const crashed = makeJeedom({}, () => new Response("", { status: 500 }));
  assertEquals(await crashed.call({ jsonrpc: "ping" }), { status: 500, bodyJson: '""' });
  const banned = makeJeedom(
    {},
    () => new Response("<html>", { status: 404, headers: { "Content-Type": "text/html" } }),
  );
  assertEquals(await banned.call({ jsonrpc: "ping" }), { status: 404, bodyJson: '"<html>"' });
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

Deno.test("handle() tells when nothing listens at Jeedom's address", () =>
  withFetch(async (send) => {
    const url = new URL(`http://127.0.0.1:${freePort()}`);
    const error = await assertRejects(() => makeJeedom({ url, fetch: send }).call({ jsonrpc: "ping" }), ServiceError);
    assertEquals([error.status, error.message], [502, "Jeedom cannot be reached, or broke off its answer"]);
  }));

/** A Jeedom that takes each request, sends some bytes, and hangs up or keeps its caller waiting. */
async function withBareJeedom(
  { answer, hangsUp }: { readonly answer: string; readonly hangsUp: boolean },
  test: (call: (payload: Payload) => Promise<Reply>, requests: () => number) => Promise<void>,
): Promise<void> {
  let requests = 0;
  await withTcpServer(async (connection) => {
    if (await connection.read(new Uint8Array(4096)) === null) return;
    requests += 1;
    await connection.write(new TextEncoder().encode(answer));
    if (hangsUp) connection.close();
  }, (port) =>
    withFetch((send) => {
      const url = new URL(`http://127.0.0.1:${port}`);
      const { call } = makeJeedom({ url, fetch: send, timeoutMs: hangsUp ? 10_000 : 50 });
      return test(call, () => requests);
    }));
}

Deno.test("handle() sends a request once to a Jeedom that takes it and hangs up", () =>
  withBareJeedom({ answer: "", hangsUp: true }, async (call, requests) => {
    const error = await assertRejects(() => call({ jsonrpc: "ping" }), ServiceError);
    assertEquals([error.status, requests()], [502, 1]);
  }));

Deno.test("handle() is not hurt by a kept connection that Jeedom closed meanwhile", () =>
  withBareJeedom(
    { answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", hangsUp: true },
    async (call, requests) => {
      for (let count = 0; count < 5; count++) assertEquals((await call({ jsonrpc: "ping" })).status, 200);
      assertEquals(requests(), 5);
    },
  ));

Deno.test("handle() sends a request once on a kept connection that Jeedom closes in place of an answer", async () => {
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

Deno.test("handle() gives up on a Jeedom that is too slow, whether it is silent or dribbles", async () => {
  for (const answer of ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n["]) {
    await withBareJeedom({ answer, hangsUp: false }, async (call) => {
      const error = await assertRejects(() => call({ jsonrpc: "ping" }), ServiceError);
      assertEquals([error.status, error.message], [504, "Jeedom did not answer within 0.05 s"]);
    });
  }
});

Deno.test("handle() waits longer for a long poll, for as long as it asks", async () => {
  const { call } = makeJeedom({
    timeoutMs: 20,
    fetch: async (_input, init) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      init?.signal?.throwIfAborted();
      return Response.json({ result: [] });
    },
  });
  const poll = { jsonrpc: "event::changes", apikey: KEY, params: { longPolling: 59 } };
  assertEquals((await call(poll)).status, 200);
  await assertRejects(() => call({ ...poll, params: {} }), ServiceError, "within 0.02 s");
});

Deno.test("handle() asks Jeedom for no longer poll than the ceiling", async () => {
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

Deno.test("handle() abandons a long poll whose phone went away, and runs every other call to its end", async () => {
  const finish = Promise.withResolvers<Response>();
  const signals: AbortSignal[] = [];
  const { call } = makeJeedom({
    fetch: (_input, init) => {
      if (init?.signal) signals.push(init.signal);
      return Promise.race([
        finish.promise,
        new Promise<never>((_resolve, reject) =>
          init?.signal?.addEventListener("abort", () => reject(init.signal?.reason))
        ),
      ]);
    },
  });
  const gone = new AbortController();
  const poll = call({ jsonrpc: "event::changes", apikey: KEY, params: { longPolling: 59 } }, { gone: gone.signal });
  const command = call({ jsonrpc: "cmd::execCmd", apikey: KEY, params: { longPolling: 59 } }, { gone: gone.signal });
  await until("both calls", () => signals.length === 2);
  gone.abort();
  const error = await assertRejects(() => within("abandoning", poll), ServiceError);
  assertEquals(error.status, 504);
  finish.resolve(Response.json({ result: "done" }));
  assertEquals((await within("the command", command)).status, 200);
});
