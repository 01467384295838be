/** Sealing and opening at the sizes of a command, of an ordinary answer and of a large one. */
import { randomBytes } from "../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../src/protocol/envelope.ts";
import { importKey } from "../src/protocol/secret_key.ts";

const key = await importKey(randomBytes(32));

for (const [size, bytes] of [["200 B", 200], ["4 KB", 4096], ["60 KB", 61_440]] as const) {
  const plaintext = "x".repeat(bytes);
  const sealed = await sealEnvelope(key, plaintext, randomBytes);

  Deno.bench(`seal ${size}`, { group: "seal" }, async () => {
    await sealEnvelope(key, plaintext, randomBytes);
  });

  Deno.bench(`open ${size}`, { group: "open" }, async () => {
    await openEnvelope(key, parseEnvelope(sealed));
  });
}
