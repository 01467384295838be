import { assertEquals, assertRejects } from "@std/assert";
import { SimulatedHome } from "../../../src/demo/simulated_home.ts";
import { createSimulatedJeedom, type JeedomSettings } from "../../../src/demo/simulated_jeedom.ts";
import { createJeedomCheck } from "../../../src/services/jeedom/health.ts";

function makeCheck(answer: (request: Request) => Response | Promise<Response>) {
  const requests: Request[] = [];
  const check = createJeedomCheck({
    url: new URL("http://jeedom/sub/"),
    timeoutMs: 1000,
    fetch(input, init) {
      const request = new Request(input, init);
      requests.push(request);
      return Promise.resolve(answer(request));
    },
  });
  return { check, requests };
}

const pong = () => Response.json({ jsonrpc: "2.0", id: 1, result: "pong" });

Deno.test("the check sends a well-formed ping without a key", async () => {
  const { check, requests } = makeCheck(pong);
  await check();
  const [sent] = requests;
  assertEquals([sent?.url, sent?.method], ["http://jeedom/sub/core/api/jeeApi.php", "POST"]);
  assertEquals(sent?.headers.get("Content-Type"), "application/json");
  assertEquals(await sent?.json(), { jsonrpc: "2.0", id: 1, method: "ping" });
});

Deno.test("the check fails when Jeedom refuses ping, as it refuses calls then", async () => {
  for (const code of [1, -32_000, -32_601]) {
    const { check } = makeCheck(() => Response.json({ jsonrpc: "2.0", id: 1, error: { code, message: "secret" } }));
    const error = await assertRejects(check, Error, `Jeedom refuses ping (error ${code})`);
    assertEquals(error.message.includes("secret"), false);
  }
});

Deno.test("the check fails with each setting of Jeedom by which it refuses ping, and not with others", async () => {
  const jeedom = createSimulatedJeedom({ apikey: "x", home: new SimulatedHome(() => 0), now: () => 0 });
  const { check } = makeCheck((request) => {
    const url = new URL(request.url);
    return jeedom.handle(new Request(url.origin + url.pathname.replace("/sub", ""), request), "203.0.113.9");
  });
  const refusing: readonly JeedomSettings[] = [
    { "api::core::mode": "disable" },
    { "api::core::mode": "whiteip" },
    { "api::core::mode": "localhost" },
    { "api::forbidden::method": /ping|log::/ },
    { "api::allow::method": /^(cmd|event)::/ },
  ];
  for (const settings of refusing) {
    jeedom.settings = settings;
    await assertRejects(check, Error, "Jeedom refuses ping");
  }
  const accepting: readonly JeedomSettings[] = [
    {},
    { "api::core::mode": "enable", "api::forbidden::method": /^log::/, "api::allow::method": /ping|cmd/ },
    // A ping does not depend on the key.
    { "api::core::restricted": true },
  ];
  for (const settings of accepting) {
    jeedom.settings = settings;
    await check();
  }
});

Deno.test("the check succeeds with JSON-RPC among warnings of PHP, as calls do", async () => {
  const answer = '{"jsonrpc":"2.0","id":1,"result":"pong"}';
  for (const text of [`<br />\n<b>Warning</b>: x<br />\n${answer}`, `\ufeff${answer}`, `${answer}<br />Notice`]) {
    await makeCheck(() => new Response(text)).check();
  }
});

Deno.test("the check fails with a description of an answer that is not from Jeedom", async () => {
  const answers: [Response, string][] = [
    [new Response("<html>banned</html>", { status: 404 }), "http://jeedom/sub answered with status 404"],
    [new Response("", { status: 500 }), "answered with status 500"],
    [new Response("[]"), "answered with status 200, and not as Jeedom does"],
    [new Response(""), "answered with status 200, and not as Jeedom does"],
    [Response.json({ jsonrpc: "2.0", id: 1 }), "answered with status 200, and not as Jeedom does"],
    [Response.json({ jsonrpc: "2.0", id: 1, result: "pong" }, { status: 403 }), "answered with status 403"],
    [new Response("{}", { headers: { Location: "http://other" }, status: 302 }), "answered with status 302"],
    [new Response("x".repeat(100_000)), "larger"],
  ];
  for (const [answer, text] of answers) await assertRejects(makeCheck(() => answer).check, Error, text);
});

Deno.test("the check distinguishes an unreachable server from a silent one, and never repeats the text of the system", async () => {
  const refused = makeCheck(() => Promise.reject(new TypeError("error sending request for url (http://secret)")));
  await assertRejects(refused.check, Error, "Jeedom cannot be reached at http://jeedom/sub");
  const cause = new Error("client error (Connect): invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))");
  const untrusted = makeCheck(() => Promise.reject(new TypeError("fetch failed", { cause })));
  await assertRejects(untrusted.check, Error, "http://jeedom/sub is not trusted: set JEEDOM_CA_FILE");
  const silent = makeCheck(() => Promise.reject(new DOMException("Signal timed out.", "TimeoutError")));
  await assertRejects(silent.check, Error, "Jeedom does not answer at http://jeedom/sub");
});
