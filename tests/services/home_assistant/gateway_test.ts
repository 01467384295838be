/** Home Assistant through a whole gateway: sealed requests of a key, readiness and metrics. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startGateway } from "../../../src/app/start.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { formatKeysFile } from "../../../src/keys/schema.ts";
import type { Log } from "../../../src/observability/log.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openAnswer, sealRequest } from "../../../src/protocol/exchange.ts";
import type { Payload } from "../../../src/protocol/payload.ts";
import { importSecretKey } from "../../../src/protocol/secret_key.ts";
import { until } from "../../support/deadline.ts";
import { makeRecord } from "../../support/gateway.ts";
import { startHomeAssistant } from "../../support/home_assistant_server.ts";
import { freePort } from "../../support/loopback.ts";
import { fakePlatform } from "../../support/platform.ts";
import { inTempDir } from "../../support/temp_dir.ts";

const RIGHTS = { read: ["light.*"], call: ["light.*@light.kitchen"] };

const JEEDOM = "http://jeedom.test";

const ON = { call: "light.turn_on", target: { "entity_id": "light.kitchen" } };

/** Runs a test with a gateway whose key has these rights. */
async function withGateway(
  variables: Readonly<Record<string, string>>,
  test: (gateway: {
    readonly call: (payload: Payload) => Promise<Record<string, unknown>>;
    readonly admin: (path: string) => Promise<string>;
    readonly logged: readonly string[];
  }) => Promise<void>,
): Promise<void> {
  await inTempDir(async (directory) => {
    const metricsPort = freePort();
    const config = parseConfig({
      HOST: "127.0.0.1",
      PORT: "0",
      METRICS_PORT: String(metricsPort),
      SECRET_KEY_FILE: `${directory}/secret_key.txt`,
      KEYS_FILE: `${directory}/keys.json`,
      MQTT_BROKER_PORT: String(freePort()),
      JEEDOM_URL: JEEDOM,
      READY_NEEDS: "home_assistant",
      RATE_LIMITS: "off",
      ...variables,
    });
    const record = makeRecord({ name: "phone", created: Date.now(), rights: { "home_assistant": RIGHTS } });
    await Deno.writeTextFile(config.keys.keysFile, formatKeysFile([record]), { mode: 0o600 });
    const logged: string[] = [];
    const line = (message: unknown, fields?: unknown) => void logged.push(JSON.stringify([message, fields]));
    const log: Log = { debug: line, info: line, warn: line, error: line };
    // No Jeedom in these tests.
    const send: typeof fetch = (input, init) =>
      String(input).startsWith(JEEDOM) ? Promise.reject(new TypeError("fetch failed")) : fetch(input, init);
    const gateway = await startGateway(config, fakePlatform({ fetch: send }), log);
    const key = await importSecretKey(record.secret);
    try {
      await test({
        logged,
        async call(payload) {
          const now = Date.now() / 1000;
          const request = { ...payload, service: "home_assistant", timestamp: now };
          const options = { version: 2, route: "/gateway", random: randomBytes } as const;
          const { text: body, exchange } = await sealRequest(key, JSON.stringify(request), options);
          const response = await fetch(`${gateway.url}/gateway`, { method: "POST", body });
          return JSON.parse(await openAnswer(exchange, await response.text()));
        },
        admin: async (path) => await (await fetch(`http://127.0.0.1:${metricsPort}${path}`)).text(),
      });
    } finally {
      await gateway.stop();
    }
  });
}

Deno.test("a key calls Home Assistant through the gateway, within its rights, and never sees the token", async () => {
  await using home = startHomeAssistant();
  const variables = { "HOME_ASSISTANT_URL": home.url, "HOME_ASSISTANT_TOKEN": home.token };
  await withGateway(variables, async ({ call, admin, logged }) => {
    const done = await call(ON);
    assertEquals([done["status"], home.home.state("light.kitchen")?.state], [200, "on"]);
    const refused = await call({ ...ON, target: { "entity_id": "light.living_room" } });
    assertEquals([refused["status"], refused["source"]], [403, "gateway"]);
    assertEquals(JSON.parse(String(refused["body"])), {
      error: "This key may not call the service light.turn_on@light.living_room",
      code: "scope",
    });
    const command =
      "deno task keys set phone --ha-call 'light.*@light.kitchen' --ha-call 'light.turn_on@light.living_room'";
    assert(logged.some((line) => line.includes(command)), "The log has the command that grants it");
    const unknown = await call({ ...ON, call: "light.dance" });
    assertEquals([unknown["status"], unknown["service"], unknown["body"]], [400, "home_assistant", {
      message: "Home Assistant has no service light.dance, or the service does not accept the fields of data",
    }]);
    const field = await call({ ...ON, target: { "area_id": "kitchen" } });
    assertEquals(JSON.parse(String(field["body"])).code, "field");
    assertEquals(field["status"], 400);

    const ready = async () => JSON.parse(await admin("/health/ready"));
    await until("Home Assistant is checked", async () => (await ready()).parts["home_assistant"] === "ok");
    const metrics = await admin("/metrics");
    assertStringIncludes(
      metrics,
      'e2e_gateway_requests_total{route="/gateway",service="home_assistant",result="ok"} 2',
    );
    assertStringIncludes(metrics, 'e2e_gateway_up{part="home_assistant"} 1');
    assert(logged.some((line) => line.includes("for Home Assistant at {homeAssistant}")));
    const everything = [done, refused, unknown, field, metrics, logged].map((text) => JSON.stringify(text)).join();
    assert(!everything.includes(home.token), "The token is nowhere");
  });
});

Deno.test("a gateway without Home Assistant says so, and is ready", async () => {
  await withGateway({}, async ({ call, admin }) => {
    const answer = await call(ON);
    assertEquals([answer["status"], answer["source"]], [503, "gateway"]);
    assertEquals(JSON.parse(String(answer["body"])).code, "service_unreachable");
    await until("it is ready", async () => JSON.parse(await admin("/health/ready")).status === "ok");
    assert(!(await admin("/metrics")).includes('part="home_assistant"'));
  });
});

Deno.test("a gateway whose token is refused is not ready, and answers that it is its own fault", async () => {
  await using home = startHomeAssistant();
  const variables = { "HOME_ASSISTANT_URL": home.url, "HOME_ASSISTANT_TOKEN": "wrong" };
  await withGateway(variables, async ({ call, admin }) => {
    const answer = await call(ON);
    assertEquals(answer["status"], 502);
    assertEquals(JSON.parse(String(answer["body"])), {
      error: "Home Assistant refuses the gateway's token, or its user lacks the permission",
      code: "service_answer",
    });
    await until(
      "it is not ready",
      async () => JSON.parse(await admin("/health/ready")).parts["home_assistant"] === "failed",
    );
  });
});
