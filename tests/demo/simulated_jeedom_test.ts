/** The simulated Jeedom behaves as the real one was observed to. */
import { assert, assertEquals } from "@std/assert";
import { House } from "../../src/demo/house.ts";
import { createSimulatedJeedom } from "../../src/demo/simulated_jeedom.ts";
import { within } from "../deadline.ts";

const KEY = "0123456789abcdef";

function makeJeedom() {
  const clock = { ms: 1_700_000_000_000 };
  const now = () => clock.ms;
  const house = new House(now);
  const handler = createSimulatedJeedom({ apikey: KEY, house, now });
  const post = (body: unknown, path = "/core/api/jeeApi.php") =>
    handler(new Request(`http://jeedom${path}`, { method: "POST", body: JSON.stringify(body) }));
  const call = async (method: string, params: Record<string, unknown> = {}) =>
    await (await post({ jsonrpc: "2.0", id: 7, method, params: { apikey: KEY, ...params } })).json();
  return { clock, house, post, call };
}

Deno.test("every answer is HTTP 200 with the id that was asked with, or 99999", async () => {
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
  assertEquals((await call("cmd::byId", { id: 9 })).error.code, 702);
});

Deno.test("a key that is a list crashes PHP: HTTP 500 and an empty body", async () => {
  const { post } = makeJeedom();
  const response = await post({ jsonrpc: "2.0", method: "version", params: { apikey: ["x"] } });
  assertEquals([response.status, await response.text()], [500, ""]);
});

Deno.test("an empty result becomes ok", async () => {
  const { call } = makeJeedom();
  assertEquals((await call("message::all")).result, "ok");
});

Deno.test("more than six malformed requests ban everybody for ten minutes", async () => {
  const { clock, post, call } = makeJeedom();
  for (let count = 0; count < 7; count++) await post({ jsonrpc: "1.0" });
  const banned = await post({ jsonrpc: "2.0", method: "ping" });
  assertEquals([banned.status, banned.headers.get("Content-Type")], [404, "text/html"]);
  await banned.body?.cancel();
  clock.ms += 600_000;
  assertEquals((await call("version")).result, "4.5.3");
});

Deno.test("a long poll answers with the first change, and at once without longPolling", async () => {
  const { clock, house, call } = makeJeedom();
  assertEquals((await call("event::changes", { datetime: clock.ms / 1000 })).result.result, []);
  const poll = call("event::changes", { datetime: clock.ms / 1000, longPolling: 59 });
  clock.ms += 1000;
  house.set(3, 1);
  const { result } = await within("the change", poll);
  assertEquals(result.result[0].option, { cmd_id: 3, value: 1 });
  assert(result.datetime > 1_700_000_000);
});

Deno.test("execCmd switches the light", async () => {
  const { house, call } = makeJeedom();
  await call("cmd::execCmd", { id: 3 });
  assertEquals(house.value(3), 1);
});
