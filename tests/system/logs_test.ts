/** The log of the real gateway: request ids, and the absence of secrets after errors. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../support/loopback.ts";
import { until } from "../support/deadline.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { withEnvironment } from "../support/environment.ts";

const PASSWORD = 'pass"word\\of/the broker';
const APIKEY = "an-api-key-of-the-home";
const REDIS_PASSWORD = "pass%20of%20redis";

/** Returns the log lines with a property of a value. */
function linesWith({ output }: GatewayProcess, name: string, value: string): Record<string, unknown>[] {
  return output.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    .filter((line) => line[name] === value);
}

Deno.test("a request is logged with the id in its answer, which clients cannot choose", () =>
  withEnvironment(async ({ gateway }) => {
    const headers = { "X-Request-Id": "0000000000000000" };
    const refused = await fetch(`${gateway.url}/gateway`, { method: "POST", body: "nothing sealed", headers });
    await refused.body?.cancel();
    const request = refused.headers.get("X-Request-Id") ?? "";
    assertMatch(request, /^[0-9a-f]{16}$/);
    assert(request !== headers["X-Request-Id"]);
    await until("the line of the log", () => linesWith(gateway, "request", request).length > 0);
    const [line] = linesWith(gateway, "request", request);
    assertEquals([line?.["logger"], line?.["level"]], ["gateway", "WARN"]);
  }));

Deno.test("a decision is logged with the id of its request", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    gateway.keepSecret("API key", jeedom.apikey);
    await gateway.client.callJeedom("version", {}, { apikey: jeedom.apikey });
    await gateway.client.callJeedom("version", {}, { apikey: jeedom.apikey });
    await until("the lines of the audit", () => linesWith(gateway, "logger", "audit").length === 2);
    const [one, other] = linesWith(gateway, "logger", "audit").map(({ request }) => String(request));
    assertMatch(`${one} ${other}`, /^[0-9a-f]{16} [0-9a-f]{16}$/);
    assert(one !== other);
  }));

Deno.test("no credentials are logged when broker, Jeedom and Redis are unavailable", async () => {
  const gateway = await startGatewayProcess({
    JEEDOM_URL: `http://127.0.0.1:${freePort()}`,
    JEEDOM_APIKEY: APIKEY,
    MQTT_BROKER_HOST: "127.0.0.1",
    MQTT_BROKER_PORT: String(freePort()),
    MQTT_USERNAME: "joe",
    MQTT_PASSWORD: PASSWORD,
    REDIS_URL: `redis://ann:${REDIS_PASSWORD}@127.0.0.1:${freePort()}`,
    LOG_LEVEL: "debug",
  });
  try {
    await gateway.client.callJeedom("version").catch(() => {});
    await gateway.client.publish("home/light", "on").catch(() => {});
    await gateway.output.line((line) => line.includes("No connection to Redis"));
  } finally {
    // Searches the output for all of them.
    await gateway.stop();
  }
});

Deno.test("no credentials are logged when broker and Jeedom refuse them", () =>
  withEnvironment(async ({ gateway }) => {
    await gateway.client.callJeedom("cmd::all").catch(() => {});
    await gateway.client.publish("home/light", "on", { username: "joe", password: PASSWORD }).catch(() => {});
    gateway.keepSecret("password", PASSWORD);
    await until("the lines of the audit", () => linesWith(gateway, "logger", "audit").length === 2);
  }, { env: { JEEDOM_APIKEY: APIKEY, LOG_LEVEL: "debug" } }));
