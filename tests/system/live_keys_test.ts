/** Changes of keys while the gateway runs. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { GatewayClient, RefusedError, ScopeError, WrongKeyError } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { until, within } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { type GatewayProcess, runMain, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";

const RIGHTS = { services: ["mqtt"], publish: ["#"], subscribe: ["#"] } as const;

async function withGateway(test: (gateway: GatewayProcess) => Promise<void>, env: Record<string, string> = {}) {
  const gateway = await startGatewayProcess(env);
  try {
    await within("the test", test(gateway), 120_000);
  } finally {
    await gateway.stop();
  }
}

async function writeKeys({ directory }: GatewayProcess, ...records: KeyRecord[]): Promise<void> {
  await Deno.writeTextFile(`${directory}/data/keys.json.new`, formatKeysFile(records), { mode: 0o600 });
  await Deno.rename(`${directory}/data/keys.json.new`, `${directory}/data/keys.json`);
}

const clientOf = ({ url }: GatewayProcess, { secret }: KeyRecord) =>
  new GatewayClient({ url, key: secret.toHex(), protocol: 2 });

async function isRefused(client: GatewayClient): Promise<boolean> {
  try {
    await client.publish("t", "m");
    return false;
  } catch (error) {
    if (error instanceof WrongKeyError) return true;
    // The key was removed between the opening and the execution of its request.
    if (error instanceof RefusedError && / was (removed or disabled|changed)/.test(error.message)) return true;
    throw error;
  }
}

/** Settings that do not limit the many failed requests of a test. */
const PATIENT = { RATE_LIMITS: "off" };

Deno.test("a key added by the command works in the running gateway, and a disabled one is refused", () =>
  withGateway(async (gateway) => {
    const keys = async (...args: string[]) => {
      const { code, text } = await runMain(["keys", ...args], { directory: gateway.directory, env: {} });
      assertEquals(code, 0, text);
      return text;
    };
    await keys("add", "phone", "--publish", "t", "--subscribe", "home/#");
    const shown = await keys("show", "phone", "--url", gateway.url, "--no-qr");
    const key = /#key=([0-9a-f]{64})/.exec(shown)?.[1] ?? "";
    const client = new GatewayClient({ url: gateway.url, key, protocol: 2 });
    await until("the new key works", async () => !await isRefused(client));
    await assertRejects(() => client.publish("other", "m"), ScopeError, "This key may not publish to other");
    await keys("disable", "phone");
    await until("the key is refused", () => isRefused(client));
    assertEquals((await gateway.client.publish("t", "m")).status, 200, "The single key was touched");
    assert(!gateway.output.text.includes(key), "The key is in the log");
  }, PATIENT));

Deno.test("keys set changes a key of the running gateway: its streams end, and it has new rights with the same secret", () =>
  withGateway(async (gateway) => {
    const record = makeRecord({ name: "phone", ...RIGHTS });
    await writeKeys(gateway, record);
    const client = clientOf(gateway, record);
    await until("the key works", async () => !await isRefused(client));
    const types: string[] = [];
    const ended = (async () => {
      for await (const event of client.subscribe(["a"])) {
        types.push(event.type);
        if (event.type === "error") return event.message;
      }
      return "";
    })();
    await until("the stream is open", () => types.includes("connected"));
    const env = { KEYS_FILE: `${gateway.directory}/data/keys.json` };
    const args = ["keys", "set", "phone", "--subscribe", "b", "--publish", "t", "--expires", "7d"];
    const { code, text } = await runMain(args, { directory: gateway.directory, env });
    assertEquals(code, 0);
    assert(text.includes("MQTT subscribe:    # → b"), text);
    assertEquals(await ended, "Key phone was changed: connect again");
    await until("the key works again", async () => !await isRefused(client));
    await assertRejects(() => client.publish("other", "m"), ScopeError, "This key may not publish to other");
  }, PATIENT));

Deno.test("50 open streams of a removed key end with the reason, and those of another continue", () =>
  withGateway(async (gateway) => {
    const [gone, kept] = [makeRecord({ name: "gone", ...RIGHTS }), makeRecord({ name: "kept", ...RIGHTS })];
    await writeKeys(gateway, gone, kept);
    await until("the keys work", async () => !await isRefused(clientOf(gateway, kept)));

    const connected = { count: 0 };
    const follow = async (record: KeyRecord) => {
      for await (const event of clientOf(gateway, record).subscribe(["a"])) {
        if (event.type === "connected") connected.count += 1;
        else return event.type === "message" ? event.payload : event.message;
      }
      return "";
    };
    const ended = Array.from({ length: 50 }, () => follow(gone));
    const going = Array.from({ length: 5 }, () => follow(kept));
    await until("all are connected", () => connected.count === 55);
    await writeKeys(gateway, kept);
    assertEquals(new Set(await Promise.all(ended)), new Set(["Key gone was removed or disabled"]));
    assertEquals((await clientOf(gateway, kept).publish("a", "still here")).status, 200);
    assertEquals(new Set(await Promise.all(going)), new Set(["still here"]));
    await assertRejects(() => clientOf(gateway, gone).publish("a", ""), WrongKeyError, "Decryption failed");
  }, UNLIMITED));

Deno.test("an incomplete keys file leaves the old keys active with an error in the log, until it is complete", () =>
  withGateway(async (gateway) => {
    const old = makeRecord({ name: "old", ...RIGHTS });
    const fresh = makeRecord({ name: "fresh", ...RIGHTS });
    await writeKeys(gateway, old);
    await until("the old key works", async () => !await isRefused(clientOf(gateway, old)));
    const whole = formatKeysFile([fresh]);
    await Deno.writeTextFile(`${gateway.directory}/data/keys.json`, whole.slice(0, whole.length / 2));
    const line = await gateway.output.line((text) => text.includes("Keys not loaded"));
    assert(line.includes("it is not JSON"), line);
    assertEquals(await isRefused(clientOf(gateway, old)), false);
    await Deno.writeTextFile(`${gateway.directory}/data/keys.json`, whole);
    await until("the new key works", async () => !await isRefused(clientOf(gateway, fresh)));
    assertEquals(await isRefused(clientOf(gateway, old)), true);
    for (const { secret } of [old, fresh]) assert(!gateway.output.text.includes(secret.toHex().slice(0, 16)));
  }, PATIENT));

Deno.test("SIGHUP loads the keys at once", () =>
  withGateway(async (gateway) => {
    const loads = () => gateway.output.lines.filter((line) => line.includes("Keys loaded")).length;
    const before = loads();
    Deno.kill(gateway.pid, "SIGHUP");
    await until("the keys are loaded", () => loads() > before);
    assertEquals((await gateway.client.publish("t", "m")).status, 200);
  }));

Deno.test("a gateway with a keys file generates no key with all rights", () =>
  inTempDir(async (directory) => {
    const record = makeRecord({ name: "only", ...RIGHTS });
    await Deno.mkdir(`${directory}/data`);
    await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([record]), { mode: 0o644 });
    const gateway = await startGatewayProcess({}, { directory, key: record.secret.toHex() });
    try {
      assertEquals((await gateway.client.publish("t", "m")).status, 200);
      const files = await Array.fromAsync(Deno.readDir(`${directory}/data`));
      assertEquals(files.map(({ name }) => name).sort(), ["keys.json", "vapid_key.json"]);
      assertEquals(((await Deno.stat(`${directory}/data/keys.json`)).mode ?? 0) & 0o777, 0o600);
      assert(!gateway.output.text.includes("NEW SECRET KEY"));
    } finally {
      await gateway.stop();
    }
  }));

Deno.test("a gateway does not start with an invalid keys file, and names the fault", () =>
  inTempDir(async (directory) => {
    await Deno.mkdir(`${directory}/data`);
    const secret = randomBytes(32).toHex();
    const record = { name: "k", secret, created: "2026-01-01T00:00:00Z", publish: ["a#"] };
    await Deno.writeTextFile(`${directory}/data/keys.json`, JSON.stringify({ version: 1, keys: [record] }));
    const env = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0" };
    const { code, text } = await runMain(["serve"], { directory, env });
    assertEquals(code, 78);
    assert(text.includes('keys[0].publish[0]: filter may have "#" only as its whole last level'), text);
    assert(!text.includes(secret));
  }));
