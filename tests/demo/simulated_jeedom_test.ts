/** The simulated Jeedom behaves like a real one. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SimulatedHome } from "../../src/demo/simulated_home.ts";
import { createSimulatedJeedom, type SimulatedJeedomOptions } from "../../src/demo/simulated_jeedom.ts";
import { until, within } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";

const KEY = "0123456789abcdef";

/** Public address. */
const STRANGER = "203.0.113.9";

function makeJeedom(options: Partial<SimulatedJeedomOptions> = {}) {
  const clock = { ms: 1_700_000_000_000 };
  const now = () => clock.ms;
  const home = new SimulatedHome(now);
  const jeedom = createSimulatedJeedom({ apikey: KEY, home, now, ...options });
  const post = (body: unknown, { path = "/core/api/jeeApi.php", peer = "127.0.0.1", signal = null }: {
    path?: string;
    peer?: string;
    signal?: AbortSignal | null;
  } = {}) =>
    jeedom.handle(new Request(`http://jeedom${path}`, { method: "POST", body: JSON.stringify(body), signal }), peer);
  const send = (method: string, params: Record<string, unknown> = {}) =>
    post({ jsonrpc: "2.0", id: 7, method, params: { apikey: KEY, ...params } });
  const call = async (method: string, params: Record<string, unknown> = {}) =>
    await (await send(method, params)).json();
  return { jeedom, clock, home, post, send, call };
}

Deno.test("every answer is HTTP 200 with the id of the call, or 99999", async () => {
  const { post } = makeJeedom();
  for (const [id, expected] of [[7, 7], ["a", "a"], [null, 99_999], [undefined, 99_999]]) {
    const response = await post({ jsonrpc: "2.0", id, method: "ping" });
    assertEquals([response.status, await response.json()], [200, { jsonrpc: "2.0", id: expected, result: "pong" }]);
  }
});

Deno.test("errors have Jeedom's codes", async () => {
  const { post, call } = makeJeedom();
  const codeOf = async (params: unknown) =>
    (await (await post({ jsonrpc: "2.0", id: 1, method: "version", params })).json()).error.code;
  assertEquals(await codeOf({}), 1);
  assertEquals(await codeOf({ apikey: "wrong" }), 2);
  assertEquals((await call("no::such")).error.code, 500);
  assertEquals((await call("jeeObject::byId", { id: 9 })).error.code, 601);
  assertEquals((await call("eqLogic::byId", { id: 9 })).error.code, 602);
  assertEquals((await call("cmd::byId", { id: 9 })).error.code, 701);
  assertEquals((await call("cmd::execCmd", { id: 9 })).error.code, 702);
  assertEquals((await call("scenario::byId", { id: 9 })).error.code, 703);
  assertEquals((await call("scenario::changeState", { id: 1 })).error.code, -32_000);
});

Deno.test("a key that is a list, and an unknown filter, crash PHP: HTTP 500 and an empty body", async () => {
  const { post, send } = makeJeedom();
  const crashes = [
    await post({ jsonrpc: "2.0", method: "version", params: { apikey: ["x"] } }),
    await send("event::changes", { datetime: 0, filter: "none" }),
  ];
  for (const response of crashes) {
    assertEquals([response.status, response.headers.get("Content-Type"), await response.text()], [
      500,
      "application/json",
      "",
    ]);
  }
});

Deno.test("a result that is empty in PHP becomes ok, and so does the result of an action", async () => {
  const { home: home, call } = makeJeedom();
  assertEquals((await call("message::all")).result, "ok");
  assertEquals((await call("cmd::execCmd", { id: 3 })).result, "ok");
  assertEquals(home.value(3), 1);
  assertEquals((await call("cmd::execCmd", { id: 1 })).result, { value: 20.5, collectDate: "2023-11-14 22:13:20" });
  assertEquals((await call("cmd::execCmd", { id: [3] })).result, "ok");
  assertEquals((await call("scenario::changeState", { id: 1, state: "run" })).result, true);
  const { call: zero } = makeJeedom({ run: () => 0 });
  assertEquals((await zero("any")).result, "ok");
});

Deno.test("history has texts for values and times", async () => {
  const { home: home, call } = makeJeedom();
  home.set(1, 15);
  assertEquals((await call("cmd::getHistory", { id: 1 })).result, [
    { cmd_id: "1", value: "15", datetime: "2023-11-14 22:13:20" },
  ]);
});

Deno.test("more than six malformed requests ban only their sender, for ten minutes", async () => {
  const { clock, post, call } = makeJeedom();
  for (let count = 0; count < 7; count++) await (await post({ jsonrpc: "1.0" }, { peer: STRANGER })).body?.cancel();
  const ping = { jsonrpc: "2.0", method: "ping" };
  const banned = await post(ping, { peer: STRANGER });
  assertEquals([banned.status, banned.headers.get("Content-Type")], [404, "text/html"]);
  await banned.body?.cancel();
  assertEquals((await call("version")).result, "4.5.3");
  clock.ms += 600_000;
  assertEquals((await post(ping, { peer: STRANGER })).status, 200);
});

Deno.test("private networks are never banned", async () => {
  const { post } = makeJeedom();
  for (const peer of ["127.0.0.1", "192.168.1.2", "10.1.2.3", "172.17.0.1"]) {
    for (let count = 0; count < 20; count++) {
      assertEquals((await post({ jsonrpc: "1.0" }, { peer })).status, 200);
    }
  }
});

Deno.test("event::changes returns the newest change of each command since the given time", async () => {
  const { clock, home: home, call } = makeJeedom();
  const since = clock.ms / 1000;
  home.set(3, 1);
  clock.ms += 200;
  home.set(2, 1);
  home.set(3, 0);
  const { result } = await call("event::changes", { datetime: since });
  assertEquals(result.result.map(({ option }: { option: unknown }) => option), [
    { cmd_id: 2, value: 1 },
    { cmd_id: 3, value: 0 },
  ]);
  assertEquals((await call("event::changes", { datetime: since + 0.2 })).result.result.length, 2);
  assertEquals((await call("event::changes", { datetime: since + 0.3 })).result, {
    datetime: since + 0.2,
    result: [],
  });
});

Deno.test("a poll checks once per second, and rounds its time up", async () => {
  using time = new FakeTime();
  const { clock, home: home, call, jeedom } = makeJeedom();
  const begun = async (longPolling: number) => {
    const poll = call("event::changes", { datetime: clock.ms / 1000 + 1, longPolling });
    let isOver = false;
    poll.then(() => void (isOver = true));
    await settle();
    return { poll, isOver: () => isOver };
  };
  const settle = async () => {
    for (let count = 0; count < 50; count++) await Promise.resolve();
  };
  const pass = async (ms: number) => {
    time.pass(ms);
    await settle();
  };
  const empty = await begun(2.5);
  await pass(1000);
  await pass(1000);
  await pass(999);
  assertEquals(empty.isOver(), false);
  await pass(1);
  assertEquals((await empty.poll).result.result, []);

  const full = await begun(59);
  clock.ms += 1000;
  home.set(3, 1);
  await pass(999);
  assertEquals(full.isOver(), false);
  await pass(1);
  assertEquals((await full.poll).result.result[0].option, { cmd_id: 3, value: 1 });
  assertEquals(jeedom.busyWorkers, 0);
});

Deno.test("an abandoned poll keeps its worker, and calls wait while all workers are busy", async () => {
  const { jeedom, call, post, clock } = makeJeedom({ workers: 2 });
  const controller = new AbortController();
  const poll = {
    jsonrpc: "2.0",
    method: "event::changes",
    params: { apikey: KEY, datetime: clock.ms, longPolling: 60 },
  };
  const polls = [post(poll, { signal: controller.signal }), post(poll, { signal: controller.signal })];
  await until("both polls", () => jeedom.busyWorkers === 2);
  controller.abort();
  let isAnswered = false;
  const version = call("version").then(() => void (isAnswered = true));
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals([jeedom.busyWorkers, isAnswered], [2, false]);
  jeedom.close();
  await within("the answers", Promise.all([...polls, version]));
  assertEquals(jeedom.busyWorkers, 0);
});

Deno.test("a database that is down causes an empty 500, and ends polls with an error", async () => {
  const { jeedom, send, call, clock } = makeJeedom({ pollEveryMs: 5 });
  const poll = call("event::changes", { datetime: clock.ms, longPolling: 60 });
  await until("the poll", () => jeedom.busyWorkers === 1);
  jeedom.mode = "database-down";
  const { error } = await within("the end of the poll", poll);
  assertEquals(error.code, -32_000);
  assertStringIncludes(error.message, "gone away");
  const response = await send("version");
  assertEquals([response.status, await response.text()], [500, ""]);
});

Deno.test("one value that is not UTF-8 empties the answers that hold it", async () => {
  const { jeedom, send, call } = makeJeedom();
  jeedom.mode = "not-utf8";
  for (const method of ["cmd::byId", "cmd::all", "jeeObject::full"]) {
    const response = await send(method, { id: 1 });
    assertEquals([response.status, await response.text()], [200, ""]);
  }
  assertEquals((await call("version")).result, "4.5.3");
});

Deno.test("a warning of PHP precedes the JSON, and a login page replaces it", async () => {
  const { jeedom, send } = makeJeedom();
  jeedom.mode = "warning";
  const text = await (await send("version")).text();
  assert(text.startsWith("<br />\n<b>Warning</b>") && text.endsWith('"result":"4.5.3"}'), text);
  jeedom.mode = "page";
  const page = await send("version");
  assertEquals([page.status, page.headers.get("Content-Type")], [200, "text/html"]);
  await page.body?.cancel();
});

Deno.test("settings refuse methods, including ping, before the key is checked", async () => {
  const { jeedom, post, call } = makeJeedom();
  const codeOf = async (method: string, peer = "127.0.0.1") => {
    const { error } = await (await post({ jsonrpc: "2.0", id: 1, method, params: { apikey: KEY } }, { peer })).json();
    return error?.code;
  };
  jeedom.settings = { "api::forbidden::method": /ping/ };
  assertEquals([await codeOf("ping"), await codeOf("version")], [-32_000, undefined]);
  jeedom.settings = { "api::allow::method": /^version$/ };
  assertEquals([await codeOf("ping"), await codeOf("version")], [-32_000, undefined]);
  // Only the error of the allow list ends with the address of the caller.
  assertEquals((await call("ping")).error.message, "Cette demande n'est pas autorisée 127.0.0.1");
  jeedom.settings = { "api::core::mode": "whiteip" };
  assertEquals([await codeOf("ping"), await codeOf("ping", STRANGER)], [undefined, 1]);
  jeedom.settings = { "api::core::mode": "localhost" };
  assertEquals([await codeOf("ping"), await codeOf("ping", "192.168.1.2")], [undefined, 1]);
  jeedom.settings = { "api::core::mode": "disable" };
  assertEquals([await codeOf("ping"), await codeOf("version")], [1, 1]);
  jeedom.settings = { "api::core::restricted": true };
  assertEquals([await codeOf("ping"), await codeOf("version")], [undefined, 500]);
});

Deno.test("its web server forbids some folders, has no others, and rejects plain HTTP on an HTTPS port", async () => {
  const { jeedom, post } = makeJeedom();
  const statusAndText = async (path: string) => {
    const response = await post({ jsonrpc: "2.0", method: "ping" }, { path });
    return [response.status, /<p>([^<]*)/.exec(await response.text())?.[1]?.trim()];
  };
  assertEquals(await statusAndText("/data/core/api/jeeApi.php"), [
    403,
    "You don't have permission to access this resource.",
  ]);
  assertEquals(await statusAndText("/jeedom/core/api/jeeApi.php"), [
    404,
    "The requested URL was not found on this server.",
  ]);
  jeedom.mode = "https-port";
  assertEquals((await statusAndText("/core/api/jeeApi.php"))[0], 400);
});

Deno.test("a large home is about 1.4 MB of JSON", async () => {
  const { send } = makeJeedom({ isLarge: true });
  const { length } = await (await send("jeeObject::full")).text();
  assert(length > 1_200_000 && length < 1_800_000, `${length}`);
});

Deno.test("a path after the endpoint is ignored, and any other is not found", async () => {
  const { post } = makeJeedom();
  const ping = { jsonrpc: "2.0", method: "ping" };
  assertEquals((await post(ping, { path: "/core/api/jeeApi.php/more" })).status, 200);
  assertEquals((await post(ping, { path: "/core/api/other.php" })).status, 404);
});
