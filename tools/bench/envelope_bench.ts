/** Sealing and opening at the sizes of a command, an ordinary answer and a large answer, in both versions. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { parseRequestV2, sealRequestV2, sealResponseV2, tryRequestV2 } from "../../src/protocol/v2/envelope.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { StreamSealer } from "../../src/protocol/v2/stream.ts";

const key = await importSecretKey(randomBytes(32));
const route = "/gateway";

for (const [size, bytes] of [["200 B", 200], ["4 KB", 4096], ["60 KB", 61_440]] as const) {
  const plaintext = "x".repeat(bytes);
  const sealed = await sealEnvelope(key.aead, plaintext, randomBytes);
  const { text, binding } = await sealRequestV2(key, plaintext, { route, random: randomBytes });
  const stream = await StreamSealer.begin(binding, randomBytes);

  Deno.bench(`version 1: open a request of ${size}`, { group: `open ${size}`, baseline: true }, async () => {
    await openEnvelope(key.aead, parseEnvelope(sealed));
  });

  Deno.bench(`version 2: open a request of ${size}`, { group: `open ${size}` }, async () => {
    await tryRequestV2(key, parseRequestV2(text), route);
  });

  Deno.bench(`version 1: seal an answer or event of ${size}`, { group: `seal ${size}`, baseline: true }, async () => {
    await sealEnvelope(key.aead, plaintext, randomBytes);
  });

  Deno.bench(`version 2: seal an answer of ${size}`, { group: `seal ${size}` }, async () => {
    await sealResponseV2(binding, plaintext, randomBytes);
  });

  Deno.bench(`version 2: seal an event of ${size}`, { group: `seal ${size}` }, async () => {
    await stream.seal(plaintext).text;
  });
}
