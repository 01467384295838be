/** Opening a request with many keys: by trying all, by its key id, and with an unknown key. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { parseRequestV2, sealRequestV2 } from "../../src/protocol/v2/envelope.ts";
import { deriveKeyId, importKey, importSecretKey } from "../../src/protocol/secret_key.ts";
import { LiveKeyring } from "../../src/keys/keyring.ts";
import { makeRecord } from "../../tests/support/gateway.ts";

const request = JSON.stringify({ service: "jeedom", jsonrpc: "ping", timestamp: 1, pad: "x".repeat(140) });

const route = "/gateway";
let address = 0;
for (const count of [1, 10, 100]) {
  const keyring = new LiveKeyring({ now: () => 0, random: randomBytes, allRights: {} });
  const records = Array.from({ length: count }, (_, index) => makeRecord({ name: `k${index}` }));
  await keyring.replace({ single: undefined, records });
  const last = records.at(-1)?.secret ?? randomBytes(32);
  const envelope = parseEnvelope(await sealEnvelope(await importKey(last), request, randomBytes));
  const unknown = parseEnvelope(await sealEnvelope(await importKey(randomBytes(32)), request, randomBytes));
  const kid = await deriveKeyId(last);
  const sealed2 = await sealRequestV2(await importSecretKey(last), request, { route, random: randomBytes });
  const envelope2 = parseRequestV2(sealed2.text);
  const baseline = count === 1;

  Deno.bench(`open with the last of ${count} keys`, { group: "try all", baseline }, async () => {
    await keyring.open(envelope, { route, address: `${address++}` });
  });

  Deno.bench(`open with the last used one of ${count} keys`, { group: "last used", baseline }, async () => {
    await keyring.open(envelope, { route, address: "phone" });
  });

  Deno.bench(`open with the key id of one of ${count} keys`, { group: "named", baseline }, async () => {
    await keyring.open(envelope, { route, address: "phone", kid });
  });

  Deno.bench(`open version 2 with one of ${count} keys`, { group: "named" }, async () => {
    await keyring.open(envelope2, { route, address: "phone" });
  });

  Deno.bench(`refuse an unknown key with ${count} keys`, { group: "unknown", baseline }, async () => {
    await keyring.open(unknown, { route, address: "attacker" }).catch(() => {});
  });

  Deno.bench(
    `refuse an unknown key with the key id of one of ${count} keys`,
    { group: "unknown, named", baseline },
    async () => {
      await keyring.open(unknown, { route, address: "attacker", kid }).catch(() => {});
    },
  );

  Deno.bench(`refuse an unknown key id with ${count} keys`, { group: "unknown, named" }, async () => {
    await keyring.open(unknown, { route, address: "attacker", kid: "0000000000000000" }).catch(() => {});
  });
}
