import { assertEquals } from "@std/assert";
import { FakeTime } from "../support/fake_time.ts";
import { createConsoleRoutes } from "../../src/http/console.ts";
import { createRouter, toHttpError } from "../../src/http/router.ts";
import type { FileForm, PageFile } from "../../src/http/page_file.ts";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";

const PEER = "192.0.2.1";
const SCRIPT = "assets/main-0123456789abcdef.js";
const CONTENT = new TextEncoder().encode("A page of some length ".repeat(2500));

/** Returns a file whose forms have their coding as hash, and all the same content. */
function fileOf(
  path: string,
  { codings = ["br", "gzip"], plainBytes = CONTENT.length }: {
    readonly codings?: readonly ("br" | "gzip")[];
    readonly plainBytes?: number;
  } = {},
): PageFile {
  const form = (coding: FileForm["coding"]) => ({
    path: `${path}.${coding}`,
    coding,
    bytes: CONTENT.length,
    hash: coding,
  });
  return {
    path,
    mediaType: "text/html; charset=utf-8",
    isNamedByContent: path.startsWith("assets/"),
    integrity: "sha384-x",
    forms: { plain: { ...form("identity"), bytes: plainBytes }, compressed: codings.map(form) },
  };
}

/** Returns a router with a page, index and script, and what it has read. */
function makePage({ wait = 0, unread = new MemoryBudget(2 ** 24), fail = false } = {}) {
  const reads: string[] = [];
  const errors: unknown[] = [];
  const state = { fail, answers: 0 };
  const routes = createConsoleRoutes({
    files: [
      fileOf("index.html"),
      fileOf(SCRIPT),
      fileOf("sw.js"),
      fileOf("icons/a.png", { codings: [] }),
      fileOf("scan.js", { plainBytes: 65_537 }),
    ],
    read({ path }) {
      reads.push(path);
      return state.fail ? Promise.reject(new Error("Changed")) : Promise.resolve(CONTENT);
    },
    rate: { take: () => Promise.resolve(wait) },
    unread,
    onAnswer: () => state.answers += 1,
  });
  const handler = createRouter({
    routes,
    randomBytes,
    onError(error) {
      errors.push(error);
      return toHttpError(error);
    },
  });
  const send = (path: string, headers: Readonly<Record<string, string>> = {}, { method = "GET", peer = PEER } = {}) =>
    handler(new Request(`http://gateway${path}`, { method, headers }), peer);
  return { send, reads, errors, state };
}

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

Deno.test("GET / answers with the page and headers that allow nothing from elsewhere", async () => {
  const { send } = makePage();
  const response = await send("/");
  assertEquals(new Uint8Array(await response.arrayBuffer()), CONTENT);
  assertEquals(response.status, 200);
  const { "x-request-id": _, ...headers } = Object.fromEntries(response.headers);
  assertEquals(headers, {
    "cache-control": "no-store",
    "content-length": String(CONTENT.length),
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
      "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; " +
      "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types e2eg",
    "content-type": "text/html; charset=utf-8",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "etag": '"identity"',
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "vary": "Accept-Encoding",
    "x-content-type-options": "nosniff",
  });
});

Deno.test("files named by their content may be kept for ever, workers and icons are asked for again", async () => {
  const { send } = makePage();
  const cacheControl = async (path: string) => (await send(path, {}, { method: "HEAD" })).headers.get("Cache-Control");
  assertEquals(await cacheControl(`/${SCRIPT}`), "public, max-age=31536000, immutable");
  assertEquals(await cacheControl("/sw.js"), "no-cache");
  assertEquals(await cacheControl("/icons/a.png"), "no-cache");
});

Deno.test("the shortest form is sent that the client accepts", async () => {
  const { send } = makePage();
  const cases = [
    ["gzip, deflate, br, zstd", "br"],
    ["gzip, deflate", "gzip"],
    ["br;q=0, gzip;q=0.5", "gzip"],
    ["BR ; q=0.1", "br"],
    ["br; q=0.000, *", null],
    ["identity", null],
    ["", null],
  ] as const;
  for (const [accepted, coding] of cases) {
    const { headers, body } = await send("/", { "Accept-Encoding": accepted });
    await body?.cancel();
    assertEquals(
      [headers.get("Content-Encoding"), headers.get("ETag")],
      [coding, `"${coding ?? "identity"}"`],
      accepted,
    );
  }
});

Deno.test("a file that does not shrink is sent as it is", async () => {
  const { send } = makePage();
  const { headers, body } = await send("/icons/a.png", { "Accept-Encoding": "br" });
  await body?.cancel();
  assertEquals(headers.get("Content-Encoding"), null);
});

Deno.test("a long file is sent compressed only: no connection holds more of it than a piece", async () => {
  const { send, reads } = makePage();
  const codingOf = async (headers: Readonly<Record<string, string>>) => {
    const response = await send("/scan.js", headers);
    await response.body?.cancel();
    return [response.status, response.headers.get("Content-Encoding")];
  };
  assertEquals(await codingOf({ "Accept-Encoding": "br" }), [200, "br"]);
  assertEquals(await codingOf({}), [200, "gzip"]);
  for (const refused of ["identity", "", "gzip;q=0"]) {
    assertEquals(await codingOf({ "Accept-Encoding": refused }), [406, null]);
  }
  assertEquals(reads, ["scan.js.br", "scan.js.gzip"]);
});

Deno.test("HEAD has the headers of GET, and reads no file", async () => {
  const { send, reads } = makePage();
  const response = await send("/", {}, { method: "HEAD" });
  assertEquals([response.body, response.headers.get("Content-Length")], [null, String(CONTENT.length)]);
  assertEquals(reads, []);
});

Deno.test("a client that has the file already gets 304 without a body", async () => {
  const { send, reads } = makePage();
  for (const tag of ['"identity"', 'W/"identity"', '"x", "identity"']) {
    const response = await send("/sw.js", { "If-None-Match": tag });
    assertEquals([response.status, response.body, response.headers.get("ETag")], [304, null, '"identity"'], tag);
  }
  assertEquals(reads, []);
  assertEquals(await statusOf(send("/sw.js", { "If-None-Match": '"br"' })), 200);
});

Deno.test("each form is read once, at its first request", async () => {
  const { send, reads, state } = makePage();
  assertEquals(reads, []);
  for (let count = 0; count < 3; count++) assertEquals(await statusOf(send("/", { "Accept-Encoding": "br" })), 200);
  assertEquals([reads, state.answers], [["index.html.br"], 3]);
});

Deno.test("a file that cannot be read is an internal error, and is read again at the next request", async () => {
  const { send, state, errors } = makePage({ fail: true });
  const response = await send("/");
  assertEquals([response.status, await response.json()], [500, { error: "Internal error" }]);
  assertEquals([errors.length, state.answers], [1, 0]);
  state.fail = false;
  assertEquals(await statusOf(send("/")), 200);
});

Deno.test("only the files of the table exist, however a path is written", async () => {
  const { send, reads } = makePage();
  const paths = [
    ...["/index.html", "/files.json", "/assets/", "/assets", "/assets/main.js", `/${SCRIPT}.br`, `/${SCRIPT}/`],
    ...["/../deno.json", "/assets/../../deno.json", "/..%2fdeno.json", "/%2e%2e/deno.json", "/assets%2Fx", "/.env"],
    ...["/data/keys.json", "/etc/passwd", "/%00", "/sw.js%00", "/SW.JS"],
  ];
  for (const path of paths) {
    const response = await send(path);
    assertEquals([response.status, await response.json()], [404, { error: "Not found" }], path);
  }
  assertEquals(reads, []);
  assertEquals(await statusOf(send("/?x=/../deno.json")), 200);
});

Deno.test("other methods than GET and HEAD are refused", async () => {
  const { send } = makePage();
  const response = await send("/", {}, { method: "POST" });
  assertEquals([response.status, response.headers.get("Allow")], [405, "GET, HEAD"]);
  await response.body?.cancel();
});

Deno.test("an address beyond its rate gets 429, before a file is read", async () => {
  const { send, reads } = makePage({ wait: 7 });
  const response = await send("/");
  assertEquals([response.status, response.headers.get("Retry-After")], [429, "7"]);
  await response.body?.cancel();
  assertEquals(reads, []);
});

Deno.test("bodies that are not read cost their own address its place, and no other", async () => {
  using _time = new FakeTime();
  const unread = new MemoryBudget(10 * CONTENT.length);
  const { send } = makePage({ unread });
  const hostile = await Promise.all(Array.from({ length: 20 }, () => send("/")));
  assertEquals(unread.bytes, 5 * CONTENT.length);
  const other = await send("/", {}, { peer: "192.0.2.2" });
  assertEquals((await other.arrayBuffer()).byteLength, CONTENT.length);
  const lengths = await Promise.all(hostile.map(async (response) => (await response.arrayBuffer()).byteLength));
  assertEquals(lengths.filter((length) => length === CONTENT.length).length, 5);
  assertEquals(unread.bytes, 0);
});

Deno.test("a file stays whole for the next client after one has read or left it", async () => {
  const { send } = makePage();
  await (await send("/")).body?.cancel();
  await (await send("/")).arrayBuffer();
  assertEquals(new Uint8Array(await (await send("/")).arrayBuffer()), CONTENT);
});
