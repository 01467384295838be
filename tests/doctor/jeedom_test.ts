import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { House } from "../../src/demo/house.ts";
import { createSimulatedJeedom } from "../../src/demo/simulated_jeedom.ts";
import { CLOCK } from "../../src/doctor/checks/clock.ts";
import { JEEDOM } from "../../src/doctor/checks/jeedom.ts";
import { answering, fetchFailure, makeHouse, PATIENT } from "./house.ts";

const APIKEY = "a key of Jeedom";

function simulated() {
  const asked: string[] = [];
  const jeedom = createSimulatedJeedom({ apikey: APIKEY, house: new House(() => Date.now()), now: () => Date.now() });
  const fetchIt: typeof fetch = (input, init) => {
    asked.push(String(init?.body));
    // From an address that it would ban.
    return jeedom.handle(new Request(input, init), "203.0.113.9");
  };
  return { asked, fetch: fetchIt };
}

const look = (fetch: typeof globalThis.fetch, apikey?: string) =>
  JEEDOM.look(makeHouse({ env: { JEEDOM_APIKEY: apikey }, machine: { fetch }, now: () => Date.now() }), PATIENT);

Deno.test("jeedom is right with a right key, and with none", async () => {
  assertEquals((await look(simulated().fetch, APIKEY)).status, "ok");
  const without = await look(simulated().fetch);
  assertEquals(without.status, "ok");
  assertStringIncludes(without.message, "JEEDOM_APIKEY is not set");
});

Deno.test("jeedom is right though PHP writes warnings around its answers, as calls are answered all the same", async () => {
  const { fetch } = simulated();
  const withWarning: typeof fetch = async (input, init) =>
    new Response(`<b>Warning</b>: x<br />\n${await (await fetch(input, init)).text()}`);
  assertEquals((await look(withWarning, APIKEY)).status, "ok");
});

Deno.test("a wrong key is tried once in a round, and never told", async () => {
  const { fetch, asked } = simulated();
  const wrong = "the key of the neighbours";
  const house = makeHouse({ env: { JEEDOM_APIKEY: wrong }, machine: { fetch }, now: () => Date.now() });
  const [found, clock] = await Promise.all([JEEDOM.look(house, PATIENT), CLOCK.look(house, PATIENT)]);
  assertEquals(found.status, "failed");
  assertStringIncludes(found.message, "refuses JEEDOM_APIKEY (error 2)");
  assertEquals(asked.filter((body) => body.includes(wrong)).length, 1);
  assertEquals(JSON.stringify([found, clock]).includes(wrong), false);
});

Deno.test("a hundred rounds do not bring about the ban for malformed requests", async () => {
  const { fetch } = simulated();
  for (let round = 0; round < 100; round++) assertEquals((await look(fetch, "wrong")).message.includes("404"), false);
});

Deno.test("whatever else answers is told in words, with the remedy", async () => {
  for (
    const [fetch, message, remedy] of [
      [answering(404, "<html>", { "Content-Type": "text/html" }), "shuts this machine out", "white list"],
      [
        answering(301, "", { Location: "https://jeedom.example/?secret" }),
        "redirects to https://jeedom.example",
        "final",
      ],
      [answering(200, "<!doctype html>", { "Content-Type": "text/html" }), "a page for people", "without a login"],
      [answering(200, "{}"), "something else than JSON-RPC", "Set JEEDOM_URL"],
      [answering(500), "HTTP 500", "http.error"],
      [
        answering(200, '{"jsonrpc":"2.0","error":{"code":-32001}}'),
        "refuses all calls (error -32001)",
        "Allow JSON-RPC",
      ],
      [fetchFailure("tcp connect error: Connection refused"), "nothing listens there", "web server"],
      [fetchFailure("client error (Connect): SELF_SIGNED_CERT"), "an unknown authority", "JEEDOM_CA_FILE"],
      [fetchFailure("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"), "not valid", "JEEDOM_CA_FILE"],
      [fetchFailure("client error (Connect): ECONNREFUSED"), "nothing listens there", "web server"],
      [fetchFailure("dns error"), "no such name", "Mend the name"],
      [fetchFailure("invalid HTTP version parsed"), "does not speak HTTP", "Mend the port"],
      [fetchFailure("Requests to port 6667 are blocked"), "no program asks that port", "JEEDOM_URL"],
    ] as const
  ) {
    const found = await look(fetch, APIKEY);
    assertEquals(found.status, "failed");
    assertStringIncludes(found.message, message);
    assertStringIncludes(found.remedy ?? "", remedy);
    assert(!JSON.stringify(found).includes("secret"));
  }
});

Deno.test("a Jeedom that hangs is told as such at the deadline", async () => {
  const stop = new AbortController();
  const hanging: typeof fetch = (_, init) =>
    new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  const looking = JEEDOM.look(makeHouse({ machine: { fetch: hanging } }), stop.signal);
  stop.abort();
  assertStringIncludes((await looking).message, "does not answer within 5 s");
});

Deno.test("a file of certificates that cannot be read is told, and nothing is asked", async () => {
  const { fetch, asked } = simulated();
  const house = makeHouse({
    env: { JEEDOM_URL: "https://jeedom", JEEDOM_CA_FILE: "ca.pem" },
    machine: { fetch },
    jeedomFetch: () => Promise.reject(new Error("No such file")),
  });
  const { status, message } = await JEEDOM.look(house, PATIENT);
  assertEquals([status, asked], ["failed", []]);
  assertStringIncludes(message, "JEEDOM_CA_FILE cannot be read, or holds no certificate");
});

Deno.test("jeedom says what to do about a name of multicast DNS", async () => {
  const env = { JEEDOM_URL: "http://jeedom.local" };
  const found = await JEEDOM.look(makeHouse({ env, machine: { fetch: fetchFailure("dns error") } }), PATIENT);
  assertStringIncludes(found.message, "jeedom.local needs mDNS, which containers and this resolver lack");
});
