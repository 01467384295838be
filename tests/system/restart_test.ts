/** Requests before and after a restart of the real process, without Redis. */
import { assertEquals } from "@std/assert";
import { resolve } from "node:path";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { handoverFileOf } from "../../src/store/replay_handover.ts";
import { freePort } from "../support/loopback.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { inTempDir } from "../support/temp_dir.ts";

Deno.test("after a clean stop, the gateway refuses a request that it ran before, also of a clock that is ahead, and runs one that it did not", () =>
  inTempDir(async (directory) => {
    const env = { PORT: String(freePort()), MQTT_BROKER_PORT: String(freePort()), SECRET_KEY_FILE: "own/key.txt" };
    await Deno.mkdir(`${directory}/own`);
    const handoverSize = async () => (await Deno.stat(handoverFileOf(resolve(directory, "own/key.txt")))).size;

    const first = await startGatewayProcess(env, { directory });
    const ran = await sealPublish(first, 30);
    const recorded = await sealPublish(first, 30);
    assertEquals(await statusOf(first, ran), 200);
    await first.stop();
    assertEquals(await handoverSize() > 0, true);

    const second = await startGatewayProcess(env, { directory });
    assertEquals(await handoverSize(), 0, "A copy is there while requests run");
    assertEquals(await statusOf(second, ran), 409);
    assertEquals(await statusOf(second, recorded), 200);
    await second.stop("SIGKILL");
    assertEquals(await handoverSize(), 0, "A gateway that was killed handed something over");
  }));

/** Seals a message of a sender whose clock is ahead by some seconds. */
async function sealPublish({ key }: GatewayProcess, ahead: number): Promise<string> {
  const secret = await importKey(Uint8Array.fromHex(key));
  const payload = { topic: "t", message: "m", timestamp: Date.now() / 1000 + ahead };
  return await sealEnvelope(secret, JSON.stringify(payload), randomBytes);
}

/** Sends a sealed message; returns the status in the answer. */
async function statusOf({ url, key }: GatewayProcess, body: string): Promise<unknown> {
  const secret = await importKey(Uint8Array.fromHex(key));
  const response = await fetch(`${url}/mqtt/publish`, { method: "POST", body });
  return JSON.parse(await openEnvelope(secret, parseEnvelope(await response.text()))).status;
}
