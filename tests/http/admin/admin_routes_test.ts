/** The Admin page's routes: who is kept out, and what each request does. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import { AdministrationError, type KeyAdministration } from "../../../src/gateway/key_administration.ts";
import { type AdminOptions, createAdminHandler } from "../../../src/http/admin.ts";
import { adminProof } from "../../../src/keys/admin_token.ts";
import { KeyFileError } from "../../../src/keys/default_key_file.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";

const TOKEN = randomBytes(32);

const OWN = { Authorization: `Bearer ${TOKEN.toHex()}` };

const FILES = [{
  path: "admin/index.html",
  mediaType: "text/html; charset=utf-8",
  isNamedByContent: false,
  integrity: "sha384-x",
  forms: {
    plain: { path: "admin/index.html", coding: "identity", bytes: 4, hash: "00".repeat(32) },
    compressed: [],
  },
}] as const;

/** An administration that records what it is asked to do. */
function makeKeys(fault?: Error) {
  const calls: unknown[] = [];
  const record = (name: string) => (...args: unknown[]) => {
    calls.push([name, ...args]);
    return fault === undefined ? Promise.resolve() : Promise.reject(fault);
  };
  const offer = { name: "phone", link: "https://home.example/#pair=code", expires: 1 };
  const keys: KeyAdministration = {
    list: () => Promise.resolve({ keys: [], pairings: [], usesSince: 1 }),
    options: () => [],
    add: (request) => record("add")(request).then(() => offer),
    renew: (name, address) => record("renew")(name, address).then(() => offer),
    change: record("change"),
    setDisabled: record("setDisabled"),
    remove: record("remove"),
  };
  return { keys, calls };
}

function makeHandler(
  { fault, token = TOKEN, ...options }: Partial<AdminOptions> & {
    readonly fault?: Error;
    readonly token?: Uint8Array<ArrayBuffer> | null;
  } = {},
) {
  const { keys, calls } = makeKeys(fault);
  const handler = createAdminHandler({
    metrics: { contentType: "text/plain", text: () => Promise.resolve("") },
    readiness: { dependencies: [], isReady: true, failing: [], up: new Map(), ageSeconds: undefined },
    refusals: { list: () => [{ cause: "unknown_key", requests: 2, addresses: [] }] },
    push: () => Promise.reject(new Error("Not used")),
    admin: {
      page: { files: FILES, read: () => Promise.resolve(new TextEncoder().encode("page")) },
      readToken: () => Promise.resolve(token ?? undefined),
      keys,
      runDoctor: () => Promise.resolve({ at: 1, results: [{ name: "keys", status: "ok", message: "1 key" }] }),
      publicUrl: new URL("https://home.example"),
    },
    version: "1.2.3",
    listensOn: "127.0.0.1",
    randomBytes,
    log: getLogger("test"),
    ...options,
  });
  const send = (path: string, init: RequestInit = {}, host = "127.0.0.1:9464") =>
    handler(new Request(`http://${host}/admin/${path}`, init), "127.0.0.1");
  const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    send(`api/${path}`, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { ...OWN, "Content-Type": "application/json", ...headers },
    });
  return { send, post, calls };
}

Deno.test("GET /admin/ returns the page with its policy, also without the token", async () => {
  const { send } = makeHandler();
  const response = await send("");
  assertEquals([response.status, await response.text()], [200, "page"]);
  assertEquals(response.headers.get("Cache-Control"), "no-store");
  assertStringIncludes(response.headers.get("Content-Security-Policy") ?? "", "frame-ancestors 'none'");
});

Deno.test("every path of the page is absent unless the port listens on loopback and the page is on", async () => {
  for (const options of [{ listensOn: "0.0.0.0" }, { listensOn: "192.168.1.2" }, { admin: undefined }]) {
    const { send } = makeHandler(options);
    for (const path of ["", "api/keys", "proof"]) assertEquals((await send(path, { headers: OWN })).status, 404);
  }
});

Deno.test("a request with another Host is refused, as DNS rebinding sends it", async () => {
  const { send } = makeHandler();
  for (const host of ["evil.example", "127.0.0.1.evil.example", "192.168.1.2:9464", "localhost.evil.example"]) {
    assertEquals((await send("api/keys", { headers: OWN }, host)).status, 421);
    assertEquals((await send("", {}, host)).status, 421);
  }
  for (const host of ["localhost:9464", "[::1]:9464"]) {
    assertEquals((await send("api/keys", { headers: OWN }, host)).status, 200);
  }
});

Deno.test("a request of a web page of another origin is refused, even with the token", async () => {
  const { send } = makeHandler();
  const foreign: Readonly<Record<string, string>>[] = [
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: "http://127.0.0.1:8080" },
    { Origin: "http://localhost:9464" },
    { Origin: "https://127.0.0.1:9464" },
  ];
  for (const headers of foreign) {
    for (const path of ["", "api/keys", "proof"]) {
      const { status } = await send(path, { headers: { ...OWN, ...headers } });
      assertEquals(status, 403, JSON.stringify(headers));
    }
  }
  const own = { "Sec-Fetch-Site": "same-origin", Origin: "http://127.0.0.1:9464" };
  assertEquals((await send("api/keys", { headers: { ...OWN, ...own } })).status, 200);
});

Deno.test("a preflight of another origin gets no permission", async () => {
  const { send } = makeHandler();
  const response = await send("api/keys/remove", {
    method: "OPTIONS",
    headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" },
  });
  assertEquals(response.status, 403);
  assert(![...response.headers.keys()].some((name) => name.startsWith("access-control")));
});

Deno.test("a request through a proxy is refused", async () => {
  const { send } = makeHandler();
  for (const name of ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"]) {
    assertEquals((await send("api/keys", { headers: { ...OWN, [name]: "127.0.0.1" } })).status, 421);
  }
});

Deno.test("no token, a wrong one, one in another form, and any while there is none have the same answer", async () => {
  const { send } = makeHandler();
  const hex = TOKEN.toHex();
  const answers = await Promise.all([
    send("api/keys"),
    ...[
      `Bearer ${"0".repeat(64)}`,
      `Bearer ${hex.slice(1)}`,
      `Bearer ${hex}0`,
      `Basic ${hex}`,
      hex,
      `Bearer  ${hex}`,
      `Bearer ${hex} x`,
    ].map((value) => send("api/keys", { headers: { Authorization: value } })),
    send(`api/keys?token=${hex}`, { headers: { Cookie: `token=${hex}` } }),
    makeHandler({ token: null }).send("api/keys", { headers: OWN }),
  ]);
  const texts = await Promise.all(answers.map(async (answer) => `${answer.status} ${await answer.text()}`));
  assertEquals(new Set(texts), new Set(['401 {"error":"Open the link that deno task admin prints"}']));
});

Deno.test("a request without the token changes nothing, and its body is not read", async () => {
  const { send, calls } = makeHandler();
  let isPulled = false;
  const body = new ReadableStream({
    pull() {
      isPulled = true;
    },
  }, { highWaterMark: 0 });
  const { status } = await send("api/keys/remove", {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json" },
  });
  assertEquals([status, calls, isPulled], [401, [], false]);
});

Deno.test("another method is refused", async () => {
  const { send, calls } = makeHandler();
  const answers = [
    await send("api/keys/remove", { headers: OWN }),
    await send("api/keys", { method: "POST", headers: OWN }),
    await send("api/keys/remove", { method: "DELETE", headers: OWN }),
    await send("", { method: "POST", headers: OWN }),
  ];
  assertEquals(answers.map(({ status }) => status), [405, 405, 405, 405]);
  assertEquals(calls, []);
});

Deno.test("a huge, malformed or foreign body is refused", async () => {
  const { post, calls } = makeHandler();
  const statusOf = async (...args: Parameters<typeof post>) => (await post(...args)).status;
  assertEquals(await statusOf("keys/remove", `{"name":"${"x".repeat(70_000)}"}`), 413);
  assertEquals(await statusOf("keys/remove", { name: "phone" }, { "Content-Type": "text/plain" }), 415);
  assertEquals(await statusOf("keys/remove", "{"), 400);
  assertEquals(await statusOf("keys/remove", {}), 400);
  assertEquals(await statusOf("keys/remove", { name: 1 }), 400);
  assertEquals(await statusOf("keys/remove", { name: "phone", more: true }), 400);
  assertEquals(await statusOf("keys/change", { name: "phone", version: "v", values: { publish: [{}] } }), 400);
  assertEquals(await statusOf("keys/change", { name: "phone", version: "v", values: { expires: ["2h"] } }), 400);
  assertEquals(await statusOf("keys/change", { name: "phone", values: {} }), 400);
  assertEquals(calls, []);
});

Deno.test("each request calls the administration with its fields", async () => {
  const { post, calls } = makeHandler();
  const added = await post("keys/add", { name: "phone", values: { publish: ["home/#"], expires: "2h" } });
  assertEquals([added.status, added.headers.get("Cache-Control")], [200, "no-store"]);
  assertEquals((await added.json()).link, "https://home.example/#pair=code");
  await post("keys/renew", { name: "phone", url: "https://other.example" });
  await post("keys/change", { name: "phone", version: "v", values: { "own-apikey": true } });
  await post("keys/disable", { name: "phone", disabled: true });
  await post("keys/remove", { name: "phone" });
  const values = { publish: ["home/#"], expires: "2h" };
  assertEquals(calls, [
    ["add", { name: "phone", isPass: false, values, url: "https://home.example/" }],
    ["renew", "phone", { url: "https://other.example" }],
    ["change", "phone", { version: "v", values: { "own-apikey": true } }],
    ["setDisabled", "phone", true],
    ["remove", "phone"],
  ]);
});

Deno.test("the lists, the refusals and the checks are JSON that no cache keeps", async () => {
  const { send, post } = makeHandler();
  const bodies = await Promise.all(
    ["keys", "options", "refusals"].map(async (path) => await (await send(`api/${path}`, { headers: OWN })).json()),
  );
  assertEquals(bodies, [
    { keys: [], pairings: [], usesSince: 1 },
    { services: [], address: "https://home.example/" },
    { minutes: 10, refusals: [{ cause: "unknown_key", requests: 2, addresses: [] }] },
  ]);
  assertEquals((await (await post("doctor", {})).json()).results[0].name, "keys");
});

Deno.test("a request that cannot be met is explained, and so is a file that cannot be used", async () => {
  const refused = await makeHandler({ fault: new AdministrationError(["one", "two"]) }).post("keys/remove", {
    name: "phone",
  });
  assertEquals([refused.status, (await refused.json()).error], [422, "one\ntwo"]);
  const broken = await makeHandler({ fault: new KeyFileError("Keys file is invalid") }).post("keys/remove", {
    name: "phone",
  });
  assertEquals([broken.status, (await broken.json()).error], [503, "Keys file is invalid"]);
  const fault = await makeHandler({ fault: new Error("secret detail") }).post("keys/remove", { name: "phone" });
  assertEquals([fault.status, (await fault.json()).error], [500, "Internal error"]);
});

Deno.test("GET /admin/proof answers a challenge with the proof of the token, and nothing else with it", async () => {
  const { send } = makeHandler();
  const challenge = randomBytes(32);
  const answer = await send(`proof?challenge=${challenge.toHex()}`);
  const { proof } = await answer.json();
  assertEquals([answer.status, proof], [200, adminProof(TOKEN, challenge)]);
  assertMatch(proof, /^[0-9a-f]{64}$/);
  for (const text of ["", "00", "x".repeat(64), "0".repeat(128)]) {
    assertEquals((await send(`proof?challenge=${text}`)).status, 400);
  }
  assertEquals((await makeHandler({ token: null }).send(`proof?challenge=${challenge.toHex()}`)).status, 400);
});
