/** Errors that clients get from a faulty Jeedom through the real gateway. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { JeedomMode } from "../../src/demo/simulated_jeedom.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openAnswer, sealRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import type { GatewayProcess } from "../support/gateway_process.ts";
import { withEnvironment } from "../support/environment.ts";

/** Sends the text of a request and returns the text of its answer. */
async function exchange({ url, key }: GatewayProcess, text: string): Promise<string> {
  const secret = await importSecretKey(Uint8Array.fromHex(key));
  const sealed = await sealRequest(secret, text, { version: 2, route: "/gateway", random: randomBytes });
  const response = await fetch(`${url}/gateway`, { method: "POST", body: String(sealed.text) });
  return await openAnswer(sealed.exchange, await response.text());
}

const now = () => `${Date.now() / 1000}`;

Deno.test("faults of Jeedom are reported to clients, and its JSON is found between warnings", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const ask = async (method: string) => {
      const payload = { jsonrpc: method, params: { id: 1 }, apikey: jeedom.apikey, timestamp: Date.now() / 1000 };
      const { status, body } = JSON.parse(await exchange(gateway, JSON.stringify(payload)));
      return { status, text: JSON.stringify(body) };
    };
    const states: [JeedomMode, string, number, string][] = [
      ["database-down", "version", 500, "database down or PHP error"],
      ["not-utf8", "cmd::byId", 502, "probably not UTF-8"],
      ["page", "version", 502, "a page for people"],
      ["warning", "version", 200, '"result":"4.5.3"'],
      ["warning", "datetime", 200, '"result":'],
      ["normal", "version", 200, '"result":"4.5.3"'],
    ];
    for (const [mode, method, status, text] of states) {
      jeedom.simulated.mode = mode;
      const answer = await ask(method);
      assertEquals(answer.status, status, answer.text);
      assertStringIncludes(answer.text, text);
    }
    await gateway.output.line((line) => line.includes("text around its JSON"));
    const warnings = gateway.output.lines.filter((line) => line.includes("text around its JSON"));
    assertEquals(warnings.length, 1);
  }));

Deno.test("a large answer is compressed to a few percent, and each number keeps its digits", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    const request = `"jsonrpc":"jeeObject::full","apikey":"${jeedom.apikey}"`;
    const whole = await exchange(gateway, `{${request},"timestamp":${now()}}`);
    const small = await exchange(gateway, `{${request},"timestamp":${now()},"compress":"gzip"}`);
    assert(whole.length > 1_200_000 && small.length < whole.length / 10, `${whole.length}, ${small.length}`);
    const bytes = Uint8Array.fromBase64(JSON.parse(small).body_gzip);
    const body = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    assert(whole.startsWith(`{"status":200,"body":${body},"timestamp":`));

    const params = '{"id":1,"options":{"slider":1.0,"big":6066005651767221768,"huge":1e400}}';
    await exchange(
      gateway,
      `{"jsonrpc":"cmd::execCmd","apikey":"${jeedom.apikey}","params":${params},"timestamp":${now()}}`,
    );
    assertStringIncludes(await jeedom.requests.at(-1)?.text() ?? "", params.slice(1, -1));
  }, { jeedom: { isLarge: true } }));
