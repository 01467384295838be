/** Causes of refusals in the report of `deno task doctor`, with a real gateway. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Variables } from "../../src/config/rules.ts";
import { type Bytes, randomBytes } from "../../src/protocol/bytes.ts";
import { sealRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { makeRecord } from "../support/gateway.ts";
import { freePort } from "../support/loopback.ts";
import { runMain, startGatewayProcess } from "../support/gateway_process.ts";
import project from "../../deno.json" with { type: "json" };

/** Flags of the task. */
const DOCTOR = [...project.tasks.doctor.command.matchAll(/--(?:no-prompt|allow-\S+|deny-\S+)/g)].map(([flag]) => flag);

/** Sends requests sealed with a secret, with a timestamp of some seconds ago. */
async function send(url: string, secret: Bytes, { count, age = 0 }: { readonly count: number; readonly age?: number }) {
  const key = await importSecretKey(secret);
  const statuses = new Set<number>();
  for (let index = 0; index < count; index++) {
    const payload = JSON.stringify({ timestamp: Date.now() / 1000 - age, topic: "t", message: "m" });
    const { text } = await sealRequest(key, payload, { version: 2, route: "/mqtt/publish", random: randomBytes });
    const response = await fetch(`${url}/mqtt/publish`, { method: "POST", body: text });
    await response.body?.cancel();
    statuses.add(response.status);
  }
  return [...statuses];
}

Deno.test("doctor reports recent refusals of the gateway by cause, without its own requests", async () => {
  const env: Variables = {
    HOST: "127.0.0.1",
    PORT: String(freePort()),
    METRICS_PORT: String(freePort()),
    JEEDOM_URL: `http://127.0.0.1:${freePort()}`,
    RATE_LIMITS: "off",
    // The doctor then uses the first key of the file, which may not publish, and is refused.
    SECRET_KEY_FILE: "data/none.txt",
  };
  const make = (name: string, given: Partial<Parameters<typeof makeRecord>[0]> = {}) =>
    makeRecord({ name, services: ["mqtt"], ...given });
  const [phone, tablet, bob] = [make("annas-phone", { services: ["jeedom"] }), make("old-tablet"), make("bobs-phone")];
  const guest = make("guest", { expires: Date.now() - 60_000 });
  const gateway = await startGatewayProcess(env, { keys: [phone, guest, tablet, bob], key: phone.secret.toHex() });
  const { url, directory, output } = gateway;
  const doctor = async () => (await runMain(["doctor"], { directory, env, flags: DOCTOR })).text;
  const keys = async (...args: string[]) => {
    const loads = () => output.lines.filter((line) => line.includes("Keys loaded")).length;
    const before = loads();
    assertEquals((await runMain(["keys", ...args], { directory, env: {} })).code, 0);
    await output.line((line) => line.includes("Keys loaded") && loads() > before);
  };
  try {
    assertMatch(await doctor(), /ok +refusals +No refused request in the last 10 minutes/);
    assertMatch(await doctor(), /ok +refusals +No refused request in the last 10 minutes/);
    await keys("rotate", "annas-phone", "--overlap", "0");
    await keys("remove", "old-tablet");
    assertEquals(await send(url, randomBytes(32), { count: 14 }), [401]);
    assertEquals(await send(url, phone.secret, { count: 6 }), [401]);
    assertEquals(await send(url, guest.secret, { count: 5 }), [401]);
    assertEquals(await send(url, tablet.secret, { count: 4 }), [401]);
    assertEquals(await send(url, bob.secret, { count: 3, age: 95 }), [200]);
    assertEquals(await send(url, bob.secret, { count: 2 }), [200]);
    const report = await doctor();
    assertMatch(
      report,
      /warning +refusals +14 requests in the last 10 minutes with an unknown key, from 127\.0\.0\.1 \(14\)/,
    );
    for (
      const line of [
        "  6 with an old secret of annas-phone\n",
        "  5 with the expired key guest\n",
        "  4 with the removed key old-tablet\n",
        "  2 of bobs-phone without the right to them\n",
        "-> Pair the device of annas-phone again: deno task keys show annas-phone\n",
      ]
    ) assertStringIncludes(report, line);
    // On a busy machine, it may arrive late.
    assertMatch(report, / 3 with a clock (?:9[5-9]|1[01]\d) s off \(behind\), of bobs-phone\n/);
    const off = await runMain(["doctor"], { directory, env: { ...env, METRICS_PORT: "off" }, flags: DOCTOR });
    assertMatch(off.text, /skipped +refusals +METRICS_PORT is off: only the log shows/);
  } finally {
    await gateway.stop();
  }
});
