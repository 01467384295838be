/**
 * Sealing and opening at the sizes of a command, an ordinary answer and a large answer, in both versions, with the keys of a
 * client and of a gateway with each setting of AEAD.
 */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { parseRequestV2, sealRequestV2, sealResponseV2, tryRequestV2 } from "../../src/protocol/v2/envelope.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { StreamSealer } from "../../src/protocol/v2/stream.ts";
import { createImportSecretKey } from "../../src/keys/node_crypto.ts";

const secret = randomBytes(32);
const route = "/gateway";
const client = await importSecretKey(secret);
const keys = [
  ["client", client],
  ["webcrypto", await createImportSecretKey("webcrypto")(secret)],
  ["native", await createImportSecretKey("native")(secret)],
] as const;

for (const [size, bytes] of [["200 B", 200], ["4 KB", 4096], ["60 KB", 61_440]] as const) {
  const plaintext = "x".repeat(bytes);
  const sealed = await sealEnvelope(client.aead, plaintext, randomBytes);
  const { text, binding } = await sealRequestV2(client, plaintext, { route, random: randomBytes });
  for (const [name, key] of keys) {
    const stream = await StreamSealer.begin({ ...binding, key }, randomBytes);
    const [open, seal] = [{ group: `open ${size}, ${name}` }, { group: `seal ${size}, ${name}` }];

    Deno.bench(`${name}, version 1: open a request of ${size}`, { ...open, baseline: true }, async () => {
      await openEnvelope(key.aead, parseEnvelope(sealed));
    });

    Deno.bench(`${name}, version 2: open a request of ${size}`, open, async () => {
      await tryRequestV2(key, parseRequestV2(text), route);
    });

    Deno.bench(`${name}, version 1: seal an answer or event of ${size}`, { ...seal, baseline: true }, async () => {
      await sealEnvelope(key.aead, plaintext, randomBytes);
    });

    Deno.bench(`${name}, version 2: seal an answer of ${size}`, seal, async () => {
      await sealResponseV2({ ...binding, key }, plaintext, randomBytes);
    });

    Deno.bench(`${name}, version 2: seal an event of ${size}`, seal, async () => {
      await stream.seal(plaintext).text;
    });
  }
}
