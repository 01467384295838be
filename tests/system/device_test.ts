/** A device that describes and removes its own key, in a running gateway within its sandbox. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FailedError, GatewayClient, WrongKeyError } from "../../src/client/gateway_client.ts";
import { readKeysFile } from "../../src/keys/keyring_file.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

const RIGHTS = { services: ["mqtt"], publish: ["#"], subscribe: ["#"] } as const;

async function namesIn(file: string): Promise<string[]> {
  const loaded = await readKeysFile(file, { files: Deno, mode: "ignore", services: SERVICES });
  return (loaded?.keys ?? []).map(({ name }) => name);
}

/** Starts a gateway with these keys in a file, whose path is relative to its directory. */
async function withKeys(
  records: readonly KeyRecord[],
  env: Record<string, string>,
  directory: string,
  test: (
    gateway: Awaited<ReturnType<typeof startGatewayProcess>>,
    clientOf: (record: KeyRecord) => GatewayClient,
  ) => Promise<void>,
): Promise<void> {
  const gateway = await startGatewayProcess({ RATE_LIMITS: "off", ...env }, { directory, keys: records });
  try {
    await test(gateway, ({ secret }) => new GatewayClient({ url: gateway.url, key: secret.toHex(), protocol: 2 }));
  } finally {
    await gateway.stop();
  }
}

Deno.test("a device removes its key: the answer is sealed, its streams end, 401 follows, and other keys go on", () =>
  inTempDir(async (directory) => {
    const guest = makeRecord({ name: "guest", rights: { action: { actions: ["open-gate"], uses: 3 } } });
    const [phone, tablet] = [
      makeRecord({ name: "phone", label: "Anna's phone", ...RIGHTS }),
      makeRecord({ name: "tablet", ...RIGHTS }),
    ];
    await withKeys([phone, tablet, guest], {}, directory, async (gateway, clientOf) => {
      const client = clientOf(phone);
      const { name, label, services, summary } = await client.device();
      assertEquals([name, label, services, summary], ["phone", "Anna's phone", ["mqtt"], [
        "MQTT publish #, subscribe #",
      ]]);
      const types: string[] = [];
      const ended = (async () => {
        for await (const event of client.subscribe(["a"])) {
          types.push(event.type);
          if (event.type === "error") return event.message;
        }
        return "";
      })();
      await until("the stream is open", () => types.includes("connected"));
      await client.forget();
      // At once, and not when the files are polled.
      await assertRejects(() => client.device(), WrongKeyError);
      assertEquals(await ended, "Key phone was removed or disabled");
      assertEquals(await namesIn(`${directory}/data/keys.json`), ["tablet", "guest"]);
      const { default: isDefault, uses, services: granted } = await clientOf(guest).device();
      assertEquals([isDefault, uses, granted], [false, { action: { left: 3, of: 3 } }, ["action"]]);
      assertEquals((await clientOf(tablet).publish("a", "b")).status, 200);
      assertMatch(gateway.output.text, /Key \{name\} was removed by its device/);
    });
  }));

Deno.test("a device removes its key from a file in another directory, of which the sandbox allows no other file", () =>
  inTempDir(async (directory) => {
    const phone = makeRecord({ name: "phone", ...RIGHTS });
    await Deno.mkdir(`${directory}/elsewhere`);
    await withKeys([phone], { KEYS_FILE: "elsewhere/keys.json" }, directory, async (_gateway, clientOf) => {
      await Deno.rename(`${directory}/data/keys.json`, `${directory}/elsewhere/keys.json`);
      await until("the key works", () => clientOf(phone).device().then(() => true, () => false));
      await clientOf(phone).forget();
      assertEquals(await namesIn(`${directory}/elsewhere/keys.json`), []);
      const names = (await Array.fromAsync(Deno.readDir(`${directory}/elsewhere`))).map(({ name }) => name);
      assertEquals(names.toSorted(), ["keys.json", "keys.json.lock"]);
    });
  }));

Deno.test("a gateway whose last device has forgotten its key makes no key at its next start, and says what to do", () =>
  inTempDir(async (directory) => {
    const phone = makeRecord({ name: "phone", ...RIGHTS });
    await withKeys([phone], {}, directory, async (_gateway, clientOf) => {
      await Deno.remove(`${directory}/data/secret_key.txt`);
      await clientOf(phone).forget();
    });
    const gateway = await startGatewayProcess({}, { directory, key: "0".repeat(64) });
    await gateway.output.line((line) => line.includes("deno task keys pair NAME"));
    await assertRejects(() => gateway.client.device(), WrongKeyError);
    assertEquals(await gateway.stop(), 0);
    assertEquals(await namesIn(`${directory}/data/keys.json`), []);
    await assertRejects(() => Deno.stat(`${directory}/data/secret_key.txt`), Deno.errors.NotFound);
  }));

Deno.test("a keys file that the gateway may not write keeps the key, and the log names the file and the remedy", () =>
  inTempDir(async (directory) => {
    const phone = makeRecord({ name: "phone", ...RIGHTS });
    await Deno.mkdir(`${directory}/readonly`);
    await withKeys([phone], {}, directory, async (gateway, clientOf) => {
      // A link out of the sandbox: root may write to a directory of any mode.
      await Deno.rename(`${directory}/data/keys.json`, `${directory}/readonly/keys.json`);
      await Deno.symlink(`${directory}/readonly/keys.json`, `${directory}/data/keys.json`);
      const error = await assertRejects(() => clientOf(phone).forget(), FailedError);
      assertEquals(error.message, "The gateway could not remove this key: its log says why");
      assertEquals((await clientOf(phone).device()).name, "phone");
      assertEquals(await namesIn(`${directory}/readonly/keys.json`), ["phone"]);
      const line = gateway.output.lines.find((text) => text.includes("keys.json.lock")) ?? "";
      assert(line.includes("in a writable directory"), line);
    });
  }));
