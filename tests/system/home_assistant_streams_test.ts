/** Streams of Home Assistant's states from the real process in its sandbox. */
import { assertEquals } from "@std/assert";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { until, within } from "../support/deadline.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { startHomeAssistant } from "../support/home_assistant_server.ts";
import { listen } from "../support/listener.ts";
import { sealRaw } from "../support/raw_request.ts";

Deno.test("a gateway in its sandbox streams the states of Home Assistant, and ends the stream when it stops", async () => {
  await using home = startHomeAssistant();
  const gateway = await startGatewayProcess({ HOME_ASSISTANT_URL: home.url, HOME_ASSISTANT_TOKEN: home.token });
  try {
    await within("the test", test());
  } finally {
    await gateway.stop();
  }

  async function test(): Promise<void> {
    const route = "/subscribe";
    const fields = { service: "home_assistant", entities: ["light.kitchen"] };
    const { text, exchange } = await sealRaw(await importSecretKey(Uint8Array.fromHex(gateway.key)), { route, fields });
    const response = await fetch(`${gateway.url}${route}`, { method: "POST", body: text });
    const { next } = await listen({ open: () => Promise.reject(new Error("Not version 1")) }, response, exchange);
    assertEquals((await next())?.["type"], "connected");
    assertEquals((await next())?.["retain"], true);
    home.home.set("light.kitchen", { state: "on" });
    const { topic, payload } = await next() ?? {};
    assertEquals([topic, JSON.parse(String(payload)).state], ["light.kitchen", "on"]);
    const stopped = gateway.stop();
    const { type, reason } = await next() ?? {};
    assertEquals([type, reason, await next()], ["end", "restart", undefined]);
    assertEquals(await stopped, 0);
    await until("the connection to Home Assistant is closed", () => home.simulated.connections === 0);
  }
});
