/** Devices and rules of a key whose file is missing in a real gateway. */
import { assert, assertEquals } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { HAS_OPENSSL } from "../support/certificate.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { needing } from "../support/needs.ts";
import { PushHome } from "../support/push_home.ts";
import { inTempDir } from "../support/temp_dir.ts";

Deno.test({
  ...needing("a gateway whose keys file is missing at the start keeps devices and rules, and sends them nothing", {
    openssl: HAS_OPENSSL,
  }),
  fn: () =>
    inTempDir(async (directory) => {
      await using home = await PushHome.start(directory);
      const phone = makeRecord({ name: "phone", subscribe: ["home/#"], services: ["mqtt"] });
      const volume = `${directory}/volume`;
      const writeKeys = (...records: readonly typeof phone[]) =>
        Deno.writeTextFile(`${volume}/keys.json`, formatKeysFile(records), { mode: 0o600 });
      const start = async () => {
        const gateway = await home.startGateway({ KEYS_FILE: `${volume}/keys.json` });
        const client = new GatewayClient({ url: gateway.url, key: phone.secret.toHex(), protocol: 2 });
        return { ...gateway, phone: client };
      };
      // Alone, it makes the key `default`, whose file is elsewhere.
      await (await start()).stop();
      await Deno.mkdir(volume);
      await writeKeys(phone);
      const first = await start();
      const own = await home.addDevice(first.client, "home/door");
      const device = await home.addDevice(first.phone, "home/door");
      await home.untilListening(first, "home/door", first.phone);
      await first.client.publish("home/door", "first");
      await until("both messages", () => [own, device].every((one) => home.receivedBy(one).includes("first")));
      await first.stop();

      await Deno.rename(volume, `${volume}.unmounted`);
      const second = await start();
      await second.output.line((line) => line.includes("deleted after 30 days"));
      await home.untilListening(second, "home/door");
      await second.client.publish("home/door", "second");
      await until("the message of the other key", () => home.receivedBy(own).includes("second"));
      await second.stop();
      const before = home.receivedBy(device);
      assert(!before.includes("second"));

      await Deno.rename(`${volume}.unmounted`, volume);
      const third = await start();
      const { subscriptions, rules } = await third.phone.push();
      assertEquals([subscriptions.length, rules.length], [1, 1]);
      await home.untilListening(third, "home/door", third.phone);
      await third.client.publish("home/door", "third");
      await until("the message after that", () => home.receivedBy(device).includes("third"));

      // Removed by the operator, and restored from a backup.
      await writeKeys();
      await until("the end of its device", () => home.countDevices() === 1);
      await writeKeys(phone);
      await until("the key", () => third.phone.push().then(() => true, () => false));
      const found = await third.phone.push();
      assertEquals([found.subscriptions, found.rules], [[], []]);
      await third.stop();
    }),
});
