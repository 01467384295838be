/** Alerts of a real gateway and a real broker, while no device is connected. */
import { assertEquals } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { SqliteState } from "../../src/store/state/sqlite_state.ts";
import { startBroker } from "../support/broker.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Rule for each message that is a text, until another one came. */
const ruleOf = (name: string, topics: readonly string[], text: string) => ({
  ...{ name, source: { topics }, condition: { type: "equals", text, once: true }, title: "{topic}" },
});

Deno.test("a gateway alerts once, across restarts and kill -9, and tells a guest nothing beyond its rights", () =>
  inTempDir(async (directory) => {
    const broker = await startBroker();
    const phone = makeRecord({ name: "phone", subscribe: ["home/#"], services: ["mqtt"] });
    const guest = makeRecord({ name: "guest", subscribe: ["guest/#", "shed/#"], services: ["mqtt"] });
    const state = new SqliteState({
      path: `${directory}/data/state.db`,
      files: Deno,
      mode: "strict",
      log: getLogger("test"),
    });
    const owner = (key: string) => ({ key, keyCreated: phone.created });
    const rules = {
      phone: [ruleOf("door", ["home/door"], "open"), ...["1", "2", "3"].map((n) => ruleOf(n, ["home/ready"], n))],
      guest: [
        { ...ruleOf("spy", ["#", "home/#"], ""), condition: { type: "any" } },
        { ...ruleOf("shed", ["shed/door"], ""), condition: { type: "any" } },
        ...["1", "2"].map((number) => ruleOf(number, ["guest/ready"], number)),
      ],
    };
    const start = () =>
      startGatewayProcess(
        { RATE_LIMITS: "off", MQTT_BROKER_HOST: broker.host, MQTT_BROKER_PORT: String(broker.port) },
        {
          directory,
        },
      );
    const writeKeys = (...records: readonly typeof guest[]) =>
      Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([phone, ...records]), { mode: 0o600 });
    /** Names of the rules of a key that have alerted. */
    const alertsOf = async (key: string): Promise<string[]> =>
      (await state.listAlerts(owner(key), 0)).map(({ json }) => JSON.parse(json).rule);
    /** Publishes a message until the rule of its text has alerted: from then on, the rules of the key are in force. */
    const untilReady = ({ client }: GatewayProcess, key: string, text: string) =>
      until(`${key} is alerted of ${text}`, async () => {
        await client.publish(`${key === "phone" ? "home" : key}/ready`, text);
        return (await alertsOf(key)).includes(text);
      });
    const door = async ({ client }: GatewayProcess, ...states: readonly string[]) => {
      for (const text of states) await client.publish("home/door", text, { retain: true });
    };
    try {
      await (await start()).stop();
      await writeKeys(guest);
      for (const key of ["phone", "guest"] as const) {
        for (const rule of rules[key]) {
          await state.putRule({ ...owner(key), name: rule.name, json: JSON.stringify(rule) }, { max: 50 });
        }
      }
      const first = await start();
      await untilReady(first, "phone", "1");
      await door(first, "closed", "open", "open");
      await untilReady(first, "guest", "1");
      await first.client.publish("shed/door", "open");
      await until("an alert of the shed", async () => (await alertsOf("guest")).includes("shed"));
      await until("an alert of the door", async () => (await alertsOf("phone")).includes("door"));
      await first.stop("SIGKILL");

      // Its retained message is no news, and a further one of the same state neither.
      const second = await start();
      await untilReady(second, "phone", "2");
      await door(second, "open");
      await writeKeys({ ...guest, rights: { mqtt: { publish: [], subscribe: ["guest/#"], brokers: [] } } });
      await second.output.line((line) => line.includes("Keys loaded"));
      await second.client.publish("shed/door", "open");
      await untilReady(second, "guest", "2");
      await second.stop();

      const third = await start();
      await door(third, "open");
      await untilReady(third, "phone", "3");
      assertEquals(await alertsOf("phone"), ["1", "door", "2", "3"]);
      assertEquals(await alertsOf("guest"), ["1", "shed", "2"]);
      await door(third, "closed", "open");
      await until("the next alert of the door", async () => (await alertsOf("phone")).length === 5);

      await writeKeys();
      await until("the guest's alerts are gone", async () => (await alertsOf("guest")).length === 0);
      assertEquals((await state.listRules()).map(({ key }) => key), ["phone", "phone", "phone", "phone"]);
      await third.stop();
    } finally {
      await state.close();
      await broker.stop();
    }
  }));
