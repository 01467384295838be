/** Counts of uses of real gateway processes, in their sandbox. */
import { assert, assertEquals } from "@std/assert";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openAnswer, sealRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { makeRecord } from "../support/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { freePort } from "../support/loopback.ts";
import { inTempDir } from "../support/temp_dir.ts";

const SERVICES_YAML = `actions: { bell: { label: Bell, publish: { topic: home/bell, message: RING } } }\n`;

Deno.test("a gateway counts uses across restarts and kill -9, and counts none in a damaged file", () =>
  inTempDir(async (directory) => {
    const guest = makeRecord({ name: "guest", created: Date.now(), rights: { action: { actions: ["*"], uses: 3 } } });
    await Deno.mkdir(`${directory}/data`);
    await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([guest]), { mode: 0o600 });
    await Deno.writeTextFile(`${directory}/services.yaml`, SERVICES_YAML, { mode: 0o600 });
    const key = await importSecretKey(guest.secret);
    const ring = async ({ url }: GatewayProcess): Promise<unknown> => {
      const payload = { timestamp: Date.now() / 1000, service: "action", name: "bell" };
      const options = { version: 2, route: "/gateway", random: randomBytes } as const;
      const { text, exchange } = await sealRequest(key, JSON.stringify(payload), options);
      const response = await fetch(`${url}/gateway`, { method: "POST", body: text });
      return JSON.parse(await openAnswer(exchange, await response.text())).status;
    };
    const start = () =>
      startGatewayProcess({ RATE_LIMITS: "off", MQTT_BROKER_PORT: String(freePort()) }, {
        directory,
        key: guest.secret.toHex(),
      });
    const path = `${directory}/data/state.db`;
    const exists = () => Deno.stat(path).then(() => true, () => false);

    const first = await start();
    assertEquals(await exists(), false);
    assertEquals(await ring(first), 200);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assert(first.output.text.includes("was created: uses of keys count from 0"), first.output.text);
    await first.stop("SIGKILL");

    const second = await start();
    assertEquals(await ring(second), 200);
    await second.stop();

    const third = await start();
    assertEquals([await ring(third), await ring(third)], [200, 403]);
    await third.stop();

    const counted = await Deno.readFile(path);
    await Deno.truncate(path, 100);
    const fourth = await start();
    await fourth.output.line((line) => line.includes("Pairing, push, and requests whose uses are counted, fail"));
    assertEquals(await ring(fourth), 500);
    // After the remedy, without a restart.
    await Deno.writeFile(path, counted);
    assertEquals(await ring(fourth), 403);
    await fourth.stop();
  }));
