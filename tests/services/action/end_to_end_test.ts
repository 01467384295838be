/** Actions of a gateway that runs: services file, keys file, embedded broker. */
import { assertEquals, assertFalse, equal } from "@std/assert";
import { startGateway } from "../../../src/app/start.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { formatKeysFile } from "../../../src/keys/schema.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openAnswer, sealRequest } from "../../../src/protocol/exchange.ts";
import { importSecretKey } from "../../../src/protocol/secret_key.ts";
import { until } from "../../support/deadline.ts";
import { makeRecord } from "../../support/gateway.ts";
import { freePort } from "../../support/loopback.ts";
import { fakePlatform } from "../../support/platform.ts";
import { inTempDir } from "../../support/temp_dir.ts";

const SERVICES_YAML = `
actions:
  open-gate:
    label: Open the gate
    publish: { topic: home/gate/state, message: { position: $position }, qos: 1, retain: true }
    params: { position: { type: number, min: 0, max: 100 } }
    state: { topic: home/gate/state, field: position }
  close-gate: { label: Close the gate, publish: { topic: home/gate/set, message: CLOSE } }
`;

Deno.test("a guest opens the gate of a running gateway once, sees its state, and nothing else", () =>
  inTempDir(async (directory) => {
    const config = parseConfig({
      HOST: "127.0.0.1",
      PORT: "0",
      METRICS_PORT: "off",
      RATE_LIMITS: "off",
      SECRET_KEY_FILE: `${directory}/secret_key.txt`,
      KEYS_FILE: `${directory}/keys.json`,
      SERVICES_FILE: `${directory}/services.yaml`,
      MQTT_BROKER_PORT: String(freePort()),
    });
    const guest = makeRecord({
      name: "guest",
      created: Date.now(),
      rights: { action: { actions: ["open-*"], uses: 1 } },
    });
    await Deno.writeTextFile(`${directory}/keys.json`, formatKeysFile([guest]), { mode: 0o600 });
    await Deno.writeTextFile(`${directory}/services.yaml`, SERVICES_YAML, { mode: 0o600 });
    const platform = fakePlatform({ fetch: () => Promise.reject(new TypeError("No Jeedom in this test")) });
    const silent = () => {};
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    const gateway = await startGateway(config, platform, log);
    try {
      const key = await importSecretKey(guest.secret);
      const ask = async (payload: Readonly<Record<string, unknown>>) => {
        const plain = JSON.stringify({ timestamp: Date.now() / 1000, service: "action", ...payload });
        const { text, exchange } = await sealRequest(key, plain, {
          version: 2,
          route: "/gateway",
          random: randomBytes,
        });
        const response = await fetch(`${gateway.url}/gateway`, { method: "POST", body: text });
        const answer = await openAnswer(exchange, await response.text());
        assertFalse(answer.includes("home/gate"), answer);
        const { status, body } = JSON.parse(answer);
        return [status, typeof body === "string" ? JSON.parse(body).code : body];
      };
      const described = {
        name: "open-gate",
        label: "Open the gate",
        params: { position: { type: "number", min: 0, max: 100 } },
      };
      const opened = { name: "open-gate", params: { position: 70 } };
      assertEquals(await ask({}), [200, { actions: [{ ...described, state: null }], uses: { left: 1, of: 1 } }]);
      assertEquals(await ask({ name: "close-gate" }), [403, "scope"]);
      assertEquals(await ask({ service: "mqtt", topic: "home/x", message: "OPEN" }), [403, "scope"]);
      assertEquals(await ask({ ...opened, params: { position: 101 } }), [400, "field"]);
      assertEquals(await ask(opened), [200, { success: true, action: "open-gate" }]);
      assertEquals(await ask(opened), [403, "scope"]);
      const after = [200, { actions: [{ ...described, state: 70 }], uses: { left: 0, of: 1 } }];
      await until("the state is asked for again", async () => equal(await ask({}), after));
    } finally {
      await gateway.stop();
    }
  }));
