import { assert, assertEquals, assertRejects } from "@std/assert";
import { inTempDir } from "../support/temp_dir.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { Secrets } from "../support/secrets.ts";

const PASSWORD = 'p"ass/word\\+é';
const KEY = new Uint8Array(32).map((_, index) => 255 - index * 7);

function makeSecrets(): Secrets {
  const secrets = new Secrets({
    JEEDOM_APIKEY: "an-api-key",
    MQTT_BROKER_HOST: "localhost",
    MQTT_USERNAME: "joe",
    MQTT_PASSWORD: PASSWORD,
    REDIS_URL: "redis://:of%20redis@localhost",
  });
  secrets.addKey("key", KEY.toHex());
  secrets.add("payload", "payload 4711");
  return secrets;
}

Deno.test("faultsIn() finds each secret in each encoding, and names it without printing it", () => {
  const secrets = makeSecrets();
  const utf8 = new TextEncoder();
  const leaks: [string, string][] = [
    ["JEEDOM_APIKEY", "x an-api-key x"],
    ["MQTT_PASSWORD", JSON.stringify({ x: JSON.stringify({ PASSWORD }) })],
    ["MQTT_PASSWORD", encodeURIComponent(PASSWORD)],
    ["MQTT_PASSWORD", utf8.encode(`${PASSWORD}, more`).toBase64()],
    ["REDIS_URL", "at redis://:of%20redis@localhost"],
    ["REDIS_URL", 'the password "of redis"'],
    ["payload", JSON.stringify({ message: "payload 4711" })],
    ["key", `key=${KEY.toHex().toUpperCase()}`],
    ["key", KEY.toBase64()],
    ["key", KEY.toBase64({ alphabet: "base64url", omitPadding: true })],
    ["key", Deno.inspect([...KEY], { compact: true, breakLength: Infinity, iterableLimit: 99 })],
    ["Uncaught", "error: Uncaught (in promise) Error: x"],
    ["Unhandled", "Unhandled rejection"],
  ];
  for (const [what, line] of leaks) assertEquals(secrets.faultsIn(["fine", line]), [`${what}: line 2`], line);
  assertEquals(secrets.faultsIn(["joe did payload 471", KEY.toHex().slice(1)]), []);
});

Deno.test("faultsIn() allows the key that the first start prints, once", () => {
  const shown = ["===", `Secret key: ${KEY.toHex()}`];
  assertEquals(makeSecrets().faultsIn(shown), []);
  assertEquals(makeSecrets().faultsIn([...shown, ...shown]), ["key: line 4"]);
  assertEquals(makeSecrets().faultsIn([`Secret key: ${KEY.toHex()}`]), ["key: line 1"]);
});

Deno.test("stop() fails for a gateway process that printed a secret, and removes its directory", async () => {
  const gateway = await startGatewayProcess();
  const id = gateway.output.lines.find((line) => line.includes("listens on")) ?? "";
  gateway.keepSecret("the greeting", id);
  const error = await assertRejects(() => gateway.stop(), Error, "the greeting: line");
  assert(!error.message.includes(id));
  await assertRejects(() => Deno.stat(gateway.directory), Deno.errors.NotFound);
});

Deno.test("stop() fails for a gateway process that printed one of its keys", () =>
  inTempDir(async (directory) => {
    const gateway = await startGatewayProcess({}, { directory });
    gateway.output.lines.push(`{"reason":"${Uint8Array.fromHex(gateway.key).toBase64()}"}`);
    const error = await assertRejects(() => gateway.stop(), Error, "secret_key.txt: line");
    assert(!error.message.includes(gateway.key));
  }));
