/** Long polls of a greedy key beside a modest one, at a Jeedom with the default number of workers. */
import { assert, assertEquals } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { until, within } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { startJeedom } from "../support/jeedom_server.ts";

const RIGHTS = { services: ["jeedom"], methods: ["*"] } as const;

/** A poll without changes, which never ends. */
const FUTURE = 1e12;

Deno.test("170 aborted polls of a key leave the other key its polls and calls, and Jeedom ready", () =>
  inTempDir(async (directory) => {
    const records = ["greedy", "modest"].map((name) => makeRecord({ name, ...RIGHTS }));
    await Deno.mkdir(`${directory}/data`);
    await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile(records), { mode: 0o600 });
    const jeedom = startJeedom({ workers: 150 });
    const gateway = await startGatewayProcess({
      ...UNLIMITED,
      JEEDOM_URL: jeedom.url,
      JEEDOM_APIKEY: jeedom.apikey,
      HEALTH_CHECK_SECONDS: "1",
    }, { directory, key: records[0]?.secret.toHex() ?? "" });
    const [greedy, modest] = records.map(({ secret }) =>
      new GatewayClient({ url: gateway.url, key: secret.toHex(), protocol: 2 })
    );
    if (greedy === undefined || modest === undefined) throw new Error("Two keys make two clients");
    const poll = (client: GatewayClient, datetime: number, signal?: AbortSignal) =>
      client.callJeedom("event::changes", { datetime, longPolling: 60 }, signal === undefined ? {} : { signal });
    try {
      const refusals: unknown[] = [];
      const aborting = new AbortController();
      const calls = Array.from(
        { length: 170 },
        (_, index) => poll(greedy, FUTURE + index, aborting.signal).catch((error) => refusals.push(error.status)),
      );
      await until("each poll runs or was refused", () => jeedom.requests.length + refusals.length === 170, 60_000);
      aborting.abort();
      await Promise.all(calls);
      assertEquals(jeedom.requests.length, 15, "Polls that run in Jeedom");
      assert(jeedom.simulated.busyWorkers >= 15, "They run on");
      assert(refusals.filter((status) => status === 429).length >= 170 - 15, `${refusals}`);

      assertEquals((await within("a call", modest.callJeedom("version"))).status, 200);
      assertEquals((await within("a call", greedy.callJeedom("version"))).status, 200);
      const change = poll(modest, Date.now() / 1000);
      await until("the poll", () => jeedom.requests.length === 18);
      jeedom.home.set(3, 1);
      assertEquals((await within("the change", change)).status, 200);
      const ready = await fetch(`${gateway.metricsUrl}/health/ready`);
      assertEquals((await ready.json()).status, "ok");
    } finally {
      await gateway.stop();
      await jeedom.stop();
    }
  }));
