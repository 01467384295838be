import { assertRejects } from "@std/assert";
import { startGateway } from "../../src/app/start.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Log } from "../../src/observability/log.ts";
import { freePort } from "../support/loopback.ts";
import { fakePlatform } from "../support/platform.ts";

// Deno's sanitizers fail this test if the broker or the HTTP client stays open.
Deno.test("startGateway() leaves nothing open when its port is taken", async () => {
  const directory = await Deno.makeTempDir();
  const silent = () => {};
  const log: Log = { debug: silent, info: silent, warn: silent, error: silent };
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const config = parseConfig({
    HOST: "127.0.0.1",
    PORT: String(taken.addr.port),
    SECRET_KEY_FILE: `${directory}/key.txt`,
    KEYS_FILE: `${directory}/keys.json`,
    MQTT_BROKER_PORT: String(freePort()),
  });
  await assertRejects(() => startGateway(config, fakePlatform(), log), Deno.errors.AddrInUse);
  taken.close();
  await Deno.remove(directory, { recursive: true });
});
