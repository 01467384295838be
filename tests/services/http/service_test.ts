import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ScopeError } from "../../../src/keys/rights.ts";
import { FieldError, type Payload } from "../../../src/protocol/payload.ts";
import { HTTP_RIGHTS } from "../../../src/services/http/rights.ts";
import { type Reply, ServiceError } from "../../../src/services/service.ts";
import { makeHttpService, startHttpServer } from "../../support/http_service.ts";
import { freePort, withTcpServer } from "../../support/loopback.ts";

const target = (url: string, more: Record<string, unknown> = {}) => ({ url, paths: ["/api/**"], ...more });

const bodyOf = ({ bodyJson }: Reply): unknown => JSON.parse(bodyJson);
const headersOf = ({ members }: Reply) => members?.["headers"] as Record<string, string>;

Deno.test("handle() sends a request to a target, with what the gateway adds", async () => {
  await using server = startHttpServer(() => Response.json({ a: 1 }, { status: 201, headers: { "X-Answer": "yes" } }));
  await using home = makeHttpService({
    targets: {
      frigate: target(`${server.origin}/base/`, {
        methods: ["GET", "PUT"],
        headers: { "X-Key": "secret-1" },
        query: { apikey: "a b&c" },
        username: "user",
        password: "pä:ss",
      }),
    },
  });
  const reply = await home.call({
    target: "frigate",
    method: "put",
    path: "/api/events",
    query: { limit: 5, tag: ["a", "b c"], on: true, quote: "it's" },
    headers: { "X-Own": "1", Accept: "application/json" },
    body: { n: 1 },
  });
  assertEquals([reply.status, bodyOf(reply), reply.source], [201, { a: 1 }, undefined]);
  assertEquals(headersOf(reply)["x-answer"], "yes");
  const [seen] = server.seen;
  assertEquals([seen?.method, seen?.body], ["PUT", '{"n":1}']);
  assertEquals(
    seen?.url,
    `${server.origin}/base/api/events?limit=5&tag=a&tag=b%20c&on=true&quote=it%27s&apikey=a%20b%26c`,
  );
  const headers = ["x-key", "x-own", "accept", "authorization", "content-type", "user-agent"].map((name) =>
    seen?.headers.get(name)
  );
  const login = `Basic ${new TextEncoder().encode("user:pä:ss").toBase64()}`;
  assertEquals(headers, ["secret-1", "1", "application/json", login, "application/json", "e2e-gateway"]);
});

Deno.test("handle() sends GET to a target and POST to a URL by default", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({ targets: { a: target(server.origin, { methods: ["GET", "POST"] }) } });
  await home.call({ target: "a", path: "/api/x" });
  await home.call({ url: `${server.origin}/api/x` });
  assertEquals(server.seen.map(({ method }) => method), ["GET", "POST"]);
});

Deno.test("handle() sends GET without a body when the request's body is an empty object", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({ targets: { a: target(server.origin, { methods: ["GET"] }) } });
  await home.call({ url: `${server.origin}/api/x`, method: "GET", body: {} });
  assertEquals(server.seen.map(({ method, body }) => [method, body]), [["GET", ""]]);
});

Deno.test("handle() takes host with endpoint, with or without a scheme", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({ targets: { a: target(server.origin, { methods: ["POST"] }) } });
  for (const host of [server.origin, `${server.origin}/`, `127.0.0.1:${server.port}`]) {
    await home.call({ host, endpoint: "/api/x?y=1" });
    await home.call({ host, endpoint: "api/x?y=1" });
  }
  assertEquals(new Set(server.seen.map(({ url }) => url)), new Set([`${server.origin}/api/x?y=1`]));
});

Deno.test("handle() passes JSON with its digits and texts as text, whatever their type", async () => {
  const answers: [body: string, json: string][] = [
    ['{"a": 1.0, "id": 6066005651767221768}', '{"a": 1.0, "id": 6066005651767221768}'],
    [" [1, 2]\n", " [1, 2]\n"],
    ["<html>é</html>", '"<html>é</html>"'],
    ["", '""'],
    ["true", "true"],
    ["{broken", '"{broken"'],
    ["not json", '"not json"'],
  ];
  let next = 0;
  await using server = startHttpServer(() =>
    new Response(answers[next++]?.[0], { headers: { "Content-Type": "text/plain" } })
  );
  await using home = makeHttpService({ targets: { a: target(server.origin) } });
  for (const [, json] of answers) {
    assertEquals((await home.call({ target: "a", path: "/api/x" })).bodyJson, json);
  }
});

Deno.test("handle() decodes a text in the character set of its type", async () => {
  await using server = startHttpServer(() =>
    new Response(new Uint8Array([0x7b, 0xe9]), { headers: { "Content-Type": "text/plain; charset=iso-8859-1" } })
  );
  await using home = makeHttpService({ targets: { a: target(server.origin) } });
  assertEquals(bodyOf(await home.call({ target: "a", path: "/api/x" })), "{é");
});

Deno.test("handle() parses JSON in the character set of its type", async () => {
  const bytes = new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xe9, 0x22, 0x7d]);
  await using server = startHttpServer(() =>
    new Response(bytes, { headers: { "Content-Type": "application/json; charset=iso-8859-1" } })
  );
  await using home = makeHttpService({ targets: { a: target(server.origin) } });
  assertEquals(bodyOf(await home.call({ target: "a", path: "/api/x" })), { a: "é" });
});

Deno.test("handle() answers a body in an encoding that is not decoded as bytes only", async () => {
  const bytes = await new Response(new Blob(["text"]).stream().pipeThrough(new CompressionStream("deflate"))).bytes();
  await using server = startHttpServer(() => new Response(bytes, { headers: { "Content-Encoding": "deflate" } }));
  await using home = makeHttpService({ targets: { a: target(server.origin) } });
  const error = await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ServiceError, "set raw to true");
  assertEquals([error.status, error.code], [502, "service_answer"]);
  const reply = await home.call({ target: "a", path: "/api/x", raw: true });
  assertEquals(reply.members?.["body_b64"], bytes.toBase64());
  assertEquals(headersOf(reply)["content-encoding"], "deflate");
});

Deno.test("handle() holds memory for the length of an answer, so that a key can read several", async () => {
  await using server = startHttpServer(() => new Response(new Uint8Array(200_000)));
  await using home = makeHttpService({ targets: { a: target(server.origin) }, maxResponseBytes: 1_000_000 });
  const ask = () => home.call({ target: "a", path: "/api/x", raw: true, timeout: 5 });
  await Promise.all([ask(), ask(), ask()]);
  assertEquals(home.held.length, 6);
});

Deno.test("handle() reads answers of other servers while one sends slowly to several keys", async () => {
  const stream = (isSlow: boolean) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(200_000));
        if (!isSlow) controller.close();
      },
    });
  await using slow = startHttpServer(() => new Response(stream(true)));
  await using other = startHttpServer(() => new Response(stream(false)));
  await using home = makeHttpService({
    targets: { slow: target(slow.origin), other: target(other.origin) },
    maxResponseBytes: 1_000_000,
  });
  const ask = (name: string, key: string) => home.call({ target: name, path: "/api/x", raw: true }, { key });
  const pending = ["one", "two", "three"].map((key) => assertRejects(() => ask("slow", key)));
  while (slow.seen.length < 3 || home.held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals((await ask("other", "four")).status, 200);
  home.close();
  await Promise.all(pending);
});

Deno.test("handle() answers a picture of 2 MB as bytes, and holds memory for it", async () => {
  const picture = new Uint8Array(2_000_000).map((_, index) => index * 7);
  await using server = startHttpServer(() => new Response(picture, { headers: { "Content-Type": "image/jpeg" } }));
  await using home = makeHttpService({ targets: { a: target(server.origin) } });
  const { status, bodyJson, members } = await home.call({ target: "a", path: "/api/x", raw: true });
  assertEquals([status, bodyJson, members?.["content_type"]], [200, "null", "image/jpeg"]);
  assertEquals(Uint8Array.fromBase64(String(members?.["body_b64"])), picture);
  assertEquals(home.held.length, 2);
});

Deno.test("handle() reads a chunked answer of unknown length, up to the limit", async () => {
  const chunks = (count: number) =>
    new Response(
      new ReadableStream({
        pull(controller) {
          if (count-- > 0) controller.enqueue(new Uint8Array(10_000).fill(97));
          else controller.close();
        },
      }),
    );
  let count = 50;
  await using server = startHttpServer(() => chunks(count));
  await using home = makeHttpService({ targets: { a: target(server.origin, { maxBytes: 600_000 }) } });
  assertEquals(String(bodyOf(await home.call({ target: "a", path: "/api/x" }))).length, 500_000);
  count = Infinity;
  const error = await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ServiceError);
  assertEquals([error.status, error.code, error.message], [
    502,
    "service_answer",
    "The answer of a is larger than 600000 bytes",
  ]);
});

Deno.test("handle() counts the bytes of a compressed answer after decompression", async () => {
  const gzip = (bytes: number) =>
    new Response(new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
  let body = await gzip(50_000);
  await using server = startHttpServer(() => new Response(body, { headers: { "Content-Encoding": "gzip" } }));
  await using home = makeHttpService({ targets: { a: target(server.origin) }, maxResponseBytes: 100_000 });
  const reply = await home.call({ target: "a", path: "/api/x", raw: true });
  assertEquals(Uint8Array.fromBase64(String(reply.members?.["body_b64"])).length, 50_000);
  assertEquals(["content-encoding", "content-length"].map((name) => headersOf(reply)[name]), [undefined, undefined]);
  body = await gzip(50_000_000);
  await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ServiceError, "larger than 100000 bytes");
});

Deno.test("handle() answers HEAD, 204 and 304 with an empty text", async () => {
  await using server = startHttpServer(({ method, url }) =>
    method === "HEAD"
      ? new Response(null, { headers: { "Content-Length": "50000000", ETag: '"1"' } })
      : new Response(null, { status: Number(new URL(url).pathname.slice(-3)) })
  );
  await using home = makeHttpService({ targets: { a: target(server.origin, { methods: ["GET", "HEAD"] }) } });
  const head = await home.call({ target: "a", path: "/api/x", method: "HEAD" });
  assertEquals([head.status, head.bodyJson, headersOf(head)["etag"]], [200, '""', '"1"']);
  for (const status of [204, 304]) {
    const reply = await home.call({ target: "a", path: `/api/${status}` });
    assertEquals([reply.status, reply.bodyJson], [status, '""']);
  }
});

Deno.test("handle() joins several Set-Cookie by line ends, and keeps those of the gateway's login from the client", async () => {
  const headers = new Headers([["Set-Cookie", "a=1; Path=/"], ["Set-Cookie", "b=2"], ["X-Two", "1"], ["X-Two", "2"]]);
  headers.set("Location", "/x?apikey=secret-1");
  await using server = startHttpServer(() => new Response("", { headers }));
  await using home = makeHttpService({
    targets: {
      open: target(server.origin),
      login: target(server.origin, { query: { apikey: "secret-1" } }),
    },
  });
  const open = headersOf(await home.call({ target: "open", path: "/api/x" }));
  assertEquals([open["set-cookie"], open["x-two"]], ["a=1; Path=/\nb=2", "1, 2"]);
  const login = headersOf(await home.call({ target: "login", path: "/api/x" }));
  assertEquals([login["set-cookie"], login["location"], login["x-two"]], [undefined, undefined, "1, 2"]);
});

/** Returns the class and the message of the error of a request. */
async function refusal(home: ReturnType<typeof makeHttpService>, payload: Payload): Promise<string> {
  const error = await home.call(payload).then(() => new Error("answered"), (error: Error) => error);
  return `${error.name}: ${error.message}`;
}

Deno.test("handle() answers the same for a target that is not granted and one that is not there", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({
    targets: { "cam-1": target(server.origin), secret: target(`${server.origin}/s`) },
    rights: { targets: ["cam-*"], methods: ["*"], paths: ["/**"], urls: [] },
    allowed: [`http://127.0.0.1:${server.port}/free`],
  });
  const of = (name: string) => refusal(home, { target: name, path: "/api/x" });
  assertEquals(await of("secret"), "NotGrantedError: This key may not use the http-target secret");
  assertEquals(await of("secres"), "NotGrantedError: This key may not use the http-target secres");
  assertEquals(await of("cam-2"), "FieldError: Invalid field: target: there is none of the name cam-2");
  assertEquals(
    await of("__proto__"),
    "FieldError: Invalid field: target: must be 1 to 64 letters, digits, dots, dashes and underscores, first a letter or digit",
  );
  const url = (path: string) => refusal(home, { url: `${server.origin}${path}`, method: "GET" });
  const fault = `ScopeError: This key may not request ${server.origin} or this path there`;
  // Allowed by the setting and not granted; not allowed at all; of a target that is not granted.
  assertEquals(await url("/free/x"), "ScopeError: This key may not use this path");
  assertEquals(
    await refusal(home, { url: "http://other.lan/free/x" }),
    fault.replace(server.origin, "http://other.lan"),
  );
  assertEquals(server.seen.length, 0);
});

Deno.test("handle() allows the methods and paths that both the target and the key allow", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({
    targets: { a: target(server.origin, { methods: ["GET", "POST"], paths: ["/api/**", "/x"] }) },
    rights: { targets: ["a"], methods: ["GET", "PUT"], paths: ["/api/*"], urls: [] },
  });
  const ask = (method: string, path: string) => refusal(home, { target: "a", method, path });
  assertEquals(await ask("GET", "/api/y"), "Error: answered");
  for (const path of ["/x", "/api/y/z", "/z"]) {
    assertEquals(await ask("GET", path), "ScopeError: This key may not use this path");
  }
  for (const method of ["POST", "PUT"]) {
    assertEquals(await ask(method, "/api/y"), `ScopeError: This key may not use the method ${method} here`);
  }
  assertEquals(server.seen.length, 1);
});

Deno.test("handle() never sends a path outside of the patterns, however it is spelled", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({ targets: { a: target(server.origin, { methods: ["GET", "POST"] }) } });
  const paths = [
    "/api/../admin",
    "/api/%2e%2e/admin",
    "/api/..%2fadmin",
    "/api//../admin",
    "/api\\..\\admin",
    "/api/..;/admin",
  ];
  for (const path of [...paths, "/api/x?y", "/api/x#y", "/admin", "//evil/api/x", "/api/\n"]) {
    const refused = await refusal(home, { target: "a", path });
    assert(/^(FieldError|ScopeError)/.test(refused), `${path} ${refused}`);
    const url = await refusal(home, { url: `${server.origin}${path}`, method: "GET" });
    if (path !== "/api/x?y") assert(/^(FieldError|ScopeError)/.test(url), `${path} ${url}`);
  }
  assertEquals(server.seen.map(({ url }) => url), [`${server.origin}/api/x?y`]);
});

Deno.test("handle() refuses URLs that are read in several ways, and those with a login", async () => {
  await using home = makeHttpService({ allowed: ["*"] });
  const urls = [
    "ftp://a/",
    "http:/a/",
    "http://u:p@a/",
    "http://a\\@b/",
    "http://a/#x",
    "http://a/b ",
    "HTTP://",
    "//a/",
    "http://a/?b\\c",
    "http://a/x/../y",
    "http://a b/",
    "javascript:1",
    "http://[::1",
    "http://a../",
    "http://a/\tb",
  ];
  for (const url of urls) assert((await refusal(home, { url })).startsWith("FieldError: Invalid field: url"), url);
});

Deno.test("handle() encodes spaces and characters beyond ASCII in a URL", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({
    targets: { a: target(server.origin, { paths: ["/api/d%C3%A9j%C3%A0%20vu"] }) },
  });
  await home.call({ url: `${server.origin}/api/déjà vu?a=b c&d=é`, method: "GET" });
  assertEquals(server.seen.map(({ url }) => url), [
    `${server.origin}/api/d%C3%A9j%C3%A0%20vu?a=b%20c&d=%C3%A9`,
  ]);
});

Deno.test("handle() refuses fields that are missing, wrong or contradictory", async () => {
  await using home = makeHttpService({ targets: { a: target("http://127.0.0.1:1") } });
  const payloads: [Payload, string][] = [
    [{}, "Missing required field: target"],
    [{ target: "a" }, "Missing required field: path"],
    [{ target: "a", path: "/api/x", url: "http://a/" }, "Invalid field: target"],
    [{ host: "a" }, "Missing required field: endpoint"],
    [{ target: "a", path: "/api/x", method: "TRACE" }, "Invalid field: method"],
    [{ target: "a", path: "/api/x", body: { a: 1 } }, "Invalid field: body"],
    [{ target: "a", path: "/api/x", timeout: 0 }, "Invalid field: timeout"],
    [{ target: "a", path: "/api/x", timeout: "5" }, "Invalid field: timeout"],
    [{ target: "a", path: "/api/x", raw: "yes" }, "Invalid field: raw"],
    [{ target: "a", path: "/api/x", query: "a=1" }, "Invalid field: query"],
    [{ target: "a", path: "/api/x", query: { a: { b: 1 } } }, "Invalid field: query"],
    [{ target: "a", path: "/api/x", headers: { Host: "evil" } }, "Invalid field: headers: Host"],
    [{ target: "a", path: "/api/x", headers: [["a", "b"]] }, "Invalid field: headers"],
  ];
  for (const [payload, message] of payloads) {
    assert((await refusal(home, payload)).startsWith(`FieldError: ${message}`), JSON.stringify(payload));
  }
});

Deno.test("handle() refuses headers and parameters that the gateway sets", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({
    targets: { a: target(server.origin, { headers: { "X-Key": "k" }, bearer: "token", query: { "api.key": "k" } }) },
  });
  const header = (name: string) => refusal(home, { target: "a", path: "/api/x", headers: { [name]: "1" } });
  for (const name of ["x-key", "X-Key", "X_KEY", "Authorization"]) {
    assert((await header(name)).endsWith("is set by the gateway"), name);
  }
  for (const name of ["api.key", "API.key", "api_key", "api.key[]", " api.key", "api key"]) {
    const refused = await refusal(home, { target: "a", path: "/api/x", query: { [name]: "1" } });
    assertEquals(refused, "FieldError: Invalid field: query: has a parameter that the gateway sets", name);
  }
  const encoded = await refusal(home, { url: `${server.origin}/api/x?a=1;%61pi.key=2`, method: "GET" });
  assertEquals(encoded, "FieldError: Invalid field: query: has a parameter that the gateway sets");
  assertEquals(server.seen.length, 0);
});

Deno.test("handle() sends a client's own login to a target without one", async () => {
  await using server = startHttpServer();
  await using home = makeHttpService({ targets: { a: target(server.origin) } });
  await home.call({ target: "a", path: "/api/x", headers: { Authorization: "Bearer own", Cookie: "c=1" } });
  assertEquals([server.seen[0]?.headers.get("authorization"), server.seen[0]?.headers.get("cookie")], [
    "Bearer own",
    "c=1",
  ]);
});

Deno.test("handle() takes the most specific target of a URL that the key may use", async () => {
  await using server = startHttpServer();
  const targets = {
    whole: { url: server.origin, paths: ["/**"], headers: { "X-Target": "whole" } },
    part: { url: `${server.origin}/part`, paths: ["/a/**"], headers: { "X-Target": "part" } },
  };
  const seenBy = async (path: string, granted: readonly string[]) => {
    await using home = makeHttpService({ targets, rights: { ...HTTP_RIGHTS.all, targets: granted } });
    const refused = await refusal(home, { url: `${server.origin}${path}`, method: "GET" });
    return refused === "Error: answered" ? server.seen.at(-1)?.headers.get("x-target") : refused;
  };
  assertEquals(await seenBy("/part/a/b", ["*"]), "part");
  assertEquals(await seenBy("/partly/a", ["*"]), "whole");
  assertEquals(await seenBy("/part/b", ["*"]), "ScopeError: This key may not use this path");
  assertEquals(await seenBy("/part/b", ["whole"]), "whole");
  assertEquals(
    await seenBy("/other", ["part"]),
    `ScopeError: This key may not request ${server.origin} or this path there`,
  );
});

Deno.test("handle() sends nothing twice, also when a server closes connections without an answer", async () => {
  let requests = 0;
  await withTcpServer(async (connection) => {
    const buffer = new Uint8Array(4096);
    while (await connection.read(buffer).catch(() => null) !== null) {
      requests += 1;
      if (requests > 1) return connection.close();
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    }
  }, async (port) => {
    await using home = makeHttpService({
      targets: { a: target(`http://127.0.0.1:${port}`, { methods: ["GET", "POST"] }) },
    });
    await home.call({ target: "a", path: "/api/x" });
    for (const payload of [{ method: "GET" }, { method: "POST", body: "x" }, { method: "POST" }]) {
      const before = requests;
      const error = await assertRejects(() => home.call({ target: "a", path: "/api/x", ...payload }), ServiceError);
      assertEquals([error.status, error.code, requests - before], [502, "service_unreachable", 1]);
    }
  });
});

Deno.test("handle() ends a slow answer at the time limit of request, target and setting", async () => {
  await withTcpServer(async (connection) => {
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow"));
  }, async (port) => {
    const slow = target(`http://127.0.0.1:${port}`, { timeout: 0.2 });
    await using home = makeHttpService({ targets: { slow, usual: target(slow.url) }, timeoutMs: 300 });
    const limitOf = async (payload: Payload) => {
      const error = await assertRejects(() => home.call({ path: "/api/x", ...payload }), ServiceError);
      assertEquals([error.status, error.code], [504, "service_timeout"]);
      return error.message;
    };
    assertEquals(await limitOf({ target: "slow" }), "slow did not answer within 0.2 s");
    assertEquals(await limitOf({ target: "slow", timeout: 100 }), "slow did not answer within 0.2 s");
    assertEquals(await limitOf({ target: "slow", timeout: 0.1 }), "slow did not answer within 0.1 s");
    assertEquals(await limitOf({ target: "usual" }), "usual did not answer within 0.3 s");
  });
});

Deno.test("handle() describes failures without addresses, paths and secrets", async () => {
  await using home = makeHttpService({
    targets: { a: target(`http://127.0.0.1:${freePort()}`, { query: { apikey: "secret-1" } }) },
  });
  const error = await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ServiceError);
  assertEquals(error.message, "a refuses connections: nothing listens there");
  assertEquals([error.status, error.code], [502, "service_unreachable"]);
  // The cause goes to the log.
  const cause = String(error.cause);
  assertStringIncludes(cause, "onnection refused");
  assertEquals(/secret|api/.test(cause), false, cause);
});

Deno.test("handle() says that a target which the sandbox does not allow yet needs a restart", async () => {
  for (
    const fault of [
      new Deno.errors.NotCapable("Requires net access"),
      new TypeError("fetch failed", { cause: new Error('client error (Connect): Requires net access to "x"') }),
    ]
  ) {
    await using home = makeHttpService({
      targets: { a: target("http://nas.lan") },
      fetch: () => Promise.reject(fault),
    });
    const error = await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ServiceError);
    assertEquals(error.message, "The sandbox does not allow a yet: it needs a restart of the gateway");
  }
});

Deno.test("handle() says that the name of a target leads to an address which the sandbox denies", async () => {
  for (const address of ["169.254.169.254:80", "[fd00:ec2::254]:443"]) {
    const cause = new Error(`client error (Connect): Requires net access to "${address}", run again`);
    await using home = makeHttpService({
      targets: { a: target("http://nas.lan") },
      fetch: () => Promise.reject(new TypeError("fetch failed", { cause })),
    });
    const error = await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ServiceError);
    assertEquals([error.status, error.code], [403, "scope"]);
    assertStringIncludes(error.message, "Address not allowed: a leads to an address that is a");
  }
});

Deno.test("handle() limits the requests of a key and to a target at a time", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = startHttpServer(async () => {
    await gate.promise;
    return new Response("ok");
  });
  await using home = makeHttpService({ targets: { a: target(server.origin), b: target(server.origin) } });
  const ask = (key: string, name: string) => home.call({ target: name, path: "/api/x" }, { key });
  const running = Array.from({ length: 8 }, () => ask("one", "a"));
  const busy = async (key: string, name: string) => {
    const error = await assertRejects(() => ask(key, name), ServiceError);
    assertEquals([error.status, error.code, error.retryAfterSeconds], [429, "busy", 1]);
  };
  await busy("one", "a");
  running.push(...Array.from({ length: 8 }, () => ask("one", "b")));
  await busy("one", "b");
  running.push(...Array.from({ length: 4 }, () => ask("two", "a")));
  await busy("two", "a");
  // The last four are for keys without any.
  const others = ["three", "four", "five", "six"];
  running.push(...others.map((key) => ask(key, "a")));
  await busy("seven", "a");
  gate.resolve();
  assertEquals((await Promise.all(running)).length, 24);
  await ask("three", "a");
});

Deno.test("handle() ends all waiting when the gateway stops", async () => {
  const reached = Promise.withResolvers<void>();
  await withTcpServer(() => reached.resolve(), async (port) => {
    await using home = makeHttpService({ targets: { a: target(`http://127.0.0.1:${port}`) } });
    const call = home.call({ target: "a", path: "/api/x" });
    await reached.promise;
    home.close();
    const error = await assertRejects(() => call, ServiceError, "Gateway is shutting down");
    assertEquals([error.status, error.code, error.isUnsent], [503, "restart", false]);
    const late = await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ServiceError);
    assertEquals([late.code, late.isUnsent], ["restart", true]);
  });
});

Deno.test("target() names the target or the origin, and neither path nor query", async () => {
  await using home = makeHttpService();
  const { service } = home;
  const cases: [Payload, string | undefined][] = [
    [{ target: "a", path: "/secret" }, "a"],
    [{ url: "https://a.lan:8443/secret?key=1" }, "https://a.lan:8443"],
    [{ host: "a.lan", endpoint: "/secret" }, "http://a.lan"],
    [{ url: "secret" }, undefined],
    [{ url: "javascript:secret" }, undefined],
    [{}, undefined],
  ];
  for (const [payload, expected] of cases) assertEquals(service.target(payload), expected);
});

Deno.test("claims() is true for a URL, or a host with an endpoint, without a method of Jeedom", async () => {
  await using home = makeHttpService();
  const claims = (payload: Payload) => home.service.claims?.(payload);
  assertEquals([{ url: "x" }, { host: "a", endpoint: "b" }, { url: "x", jsonrpc: null }].map(claims), [
    true,
    true,
    true,
  ]);
  const others = [{}, { host: "a" }, { endpoint: "b" }, { url: null }, { url: "x", jsonrpc: "ping" }, {
    jsonrpc: "ping",
    endpoint: "/x",
  }];
  assertEquals(others.map(claims), others.map(() => false));
});

Deno.test("handle() requires the service", async () => {
  await using home = makeHttpService({ rights: {} });
  await assertRejects(() => home.call({ target: "a", path: "/api/x" }), ScopeError);
  await assertRejects(() => home.call({ target: 5, path: "/api/x" }), FieldError);
});

Deno.test("handle() says whether nothing was sent: not after a redirect, and not when a connection broke", async () => {
  const dead = `http://127.0.0.1:${freePort()}`;
  await using server = startHttpServer(() =>
    new Response(null, { status: 302, headers: { Location: `${dead}/api/x` } })
  );
  await using home = makeHttpService({
    targets: {
      dead: target(dead),
      unknown: target("http://camera.home"),
      redirects: target(server.origin, { redirects: "follow" }),
    },
    allowed: [dead],
    lookup: () => Promise.reject(new Error("no such name")),
    ownPorts: [{ host: "0.0.0.0", port: 80 }],
  });
  const isUnsent = async (fields: Payload) =>
    (await assertRejects(() => home.call({ method: "GET", path: "/api/x", ...fields }), ServiceError)).isUnsent;
  assertEquals(await isUnsent({ target: "dead" }), true);
  assertEquals(await isUnsent({ target: "unknown" }), true);
  assertEquals(await isUnsent({ target: "redirects" }), false);
  assertEquals(server.seen.length, 1);
  await withTcpServer((connection) => connection.close(), async (port) => {
    await using broken = makeHttpService({ targets: { a: target(`http://127.0.0.1:${port}`) } });
    const error = await assertRejects(() => broken.call({ target: "a", path: "/api/x" }), ServiceError);
    assertEquals([error.code, error.isUnsent], ["service_unreachable", false]);
  });
});
