/** Health and metrics of a running gateway, on the metrics port and on the public one. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FailedError } from "../../src/client/gateway_client.ts";
import { until } from "../support/deadline.ts";
import { withEnvironment } from "../support/environment.ts";

const READY = { status: "ok", failing: [], parts: { broker: "ok", jeedom: "ok", replay_store: "ok" } };

async function get(url: string): Promise<{ status: number; text: string; id: string | null }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text(), id: response.headers.get("X-Request-Id") };
}

Deno.test("readiness follows the broker and Jeedom, with names on the metrics port and without on the public one", () =>
  withEnvironment(async ({ gateway, broker, jeedom }) => {
    const inside = () => get(`${gateway.metricsUrl}/health/ready`);
    const outside = () => get(`${gateway.url}/health/ready`);
    await until("ready", async () => (await inside()).status === 200);
    assertEquals(JSON.parse((await inside()).text), READY);
    assertEquals((await outside()).text, '{"status":"ok"}');

    await broker.stop();
    await until("the loss of the broker", async () => (await inside()).status === 503);
    assertEquals(JSON.parse((await inside()).text).failing, ["broker"]);
    await jeedom.stop();
    await until("the loss of Jeedom", async () => JSON.parse((await inside()).text).failing.length === 2);
    assertEquals(await outside().then(({ status, text }) => [status, text]), [503, '{"status":"unavailable"}']);
    assertEquals((await get(`${gateway.url}/health`)).status, 200);
    assertEquals((await get(`${gateway.url}/health/live`)).status, 200);
  }, { env: { HEALTH_CHECK_SECONDS: "1" } }));

Deno.test("GET /metrics counts requests, and is unavailable on the public port", () =>
  withEnvironment(async ({ gateway, jeedom }) => {
    for await (const { type } of gateway.client.subscribe(["t"])) {
      if (type === "connected") await gateway.client.publish("t", "m", { qos: 1 });
      if (type === "message") break;
    }
    await gateway.client.callJeedom("ping", undefined, { apikey: jeedom.apikey });
    await assertRejects(() => gateway.client.publish("t", "m", { qos: 1, brokerHost: "elsewhere" }));
    await fetch(`${gateway.url}/gateway`, { method: "POST", body: "?" }).then((response) => response.text());
    const { text, id } = await get(`${gateway.metricsUrl}/metrics`);
    assertMatch(id ?? "", /^[0-9a-f]{16}$/);
    const lines = text.split("\n");
    for (
      const line of [
        'e2e_gateway_requests_total{route="/gateway",service="jeedom",result="ok"} 1',
        'e2e_gateway_requests_total{route="/mqtt/publish",service="mqtt",result="ok"} 1',
        'e2e_gateway_requests_total{route="/mqtt/publish",service="mqtt",result="refused"} 1',
        'e2e_gateway_requests_total{route="/mqtt/subscribe",service="mqtt",result="subscribed"} 1',
        'e2e_gateway_refusals_total{reason="envelope"} 1',
        'e2e_gateway_refusals_total{reason="scope"} 1',
        'e2e_gateway_step_seconds_count{step="acknowledgement"} 1',
        "e2e_gateway_delivery_seconds_count 2",
        'e2e_gateway_up{part="broker"} 1',
        "e2e_gateway_keys 1",
      ]
    ) assert(lines.includes(line), `${line} is not in\n${lines.filter((one) => /_total|_count/.test(one)).join("\n")}`);
    assert(!text.includes(gateway.key) && !text.includes(jeedom.apikey));
    assertEquals((await get(`${gateway.url}/metrics`)).status, 404);
  }));

Deno.test("a failed request is logged with the id in its answer", () =>
  withEnvironment(async ({ gateway, broker }) => {
    await broker.stop();
    await assertRejects(() => gateway.client.publish("t", "m", { qos: 1 }), FailedError);
    const line: Record<string, unknown> = JSON.parse(
      await gateway.output.line((text) => text.includes("Request failed")),
    );
    const decision: Record<string, unknown> = JSON.parse(
      await gateway.output.line((text) => text.includes('"logger":"audit"')),
    );
    assertMatch(String(line["request"]), /^[0-9a-f]{16}$/);
    assertEquals(line["request"], decision["request"]);
  }));
