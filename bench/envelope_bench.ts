/** Sealing and opening at the sizes of a command, of an ordinary answer and of a large one. */
import { type Bytes, importKey, openEnvelope, parseEnvelope, sealEnvelope } from "../src/protocol/envelope.ts";

const random = (length: number): Bytes => crypto.getRandomValues(new Uint8Array(length));
const key = await importKey(random(32));

for (const [size, bytes] of [["200 B", 200], ["4 KB", 4096], ["60 KB", 61_440]] as const) {
  const plaintext = "x".repeat(bytes);
  const sealed = await sealEnvelope(key, plaintext, random);

  Deno.bench(`seal ${size}`, { group: "seal" }, async () => {
    await sealEnvelope(key, plaintext, random);
  });

  Deno.bench(`open ${size}`, { group: "open" }, async () => {
    await openEnvelope(key, parseEnvelope(sealed));
  });
}
