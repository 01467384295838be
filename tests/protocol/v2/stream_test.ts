import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { fromBase64Url, randomBytes, toBase64Url } from "../../../src/protocol/bytes.ts";
import { sealRequestV2 } from "../../../src/protocol/v2/envelope.ts";
import { StreamOpener, StreamSealer } from "../../../src/protocol/v2/stream.ts";
import { cuts, flipBit, withFlippedCharacters } from "../../support/damage.ts";
import { KEY } from "../../support/known_keys.ts";
import { assertRefused } from "../refusals.ts";
import { watchKey } from "../../support/watched_key.ts";

const { binding: BINDING } = await sealRequestV2(KEY, "{}", { route: "/mqtt/subscribe", random: randomBytes });
const EVENT = '{"type":"ping","timestamp":1700000015}';

/** Opens one text as the first event of a stream. */
async function openFirst(text: string, opening: string): Promise<string> {
  return await (await StreamOpener.begin(BINDING, opening)).open(text, "0");
}

async function sealOne(): Promise<{ text: string; opening: string }> {
  const sealer = await StreamSealer.begin(BINDING, randomBytes);
  return { text: await sealer.seal(EVENT).text, opening: sealer.opening };
}

Deno.test("StreamOpener opens all that StreamSealer sealed, texts and bytes, in order", async () => {
  const texts = fc.array(fc.string({ unit: "grapheme" }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(texts, fc.boolean(), async (plaintexts, asBytes) => {
      const sealer = await StreamSealer.begin(BINDING, randomBytes);
      const opener = await StreamOpener.begin(BINDING, sealer.opening);
      for (const plaintext of plaintexts) {
        const { n, text } = sealer.seal(asBytes ? new TextEncoder().encode(plaintext) : plaintext);
        assertEquals(String(await opener.open(await text, String(n))), plaintext);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("StreamSealer begins each stream with its own salt", async () => {
  const openings = await Promise.all([sealOne(), sealOne()].map(async (one) => (await one).opening));
  for (const opening of openings) assertMatch(opening, /^2\.[\w-]{22}$/);
  assertNotEquals(openings[0], openings[1]);
});

Deno.test("StreamSealer numbers events in the order of the calls, whatever order the encryptions finish in", async () => {
  const COUNT = 12;
  const order = fc.shuffledSubarray(Array.from({ length: COUNT }, (_, n) => n), { minLength: COUNT });
  await fc.assert(
    fc.asyncProperty(order, async (finishing) => {
      const open: (() => void)[] = [];
      const finished: number[] = [];
      const { key } = watchKey(KEY, () => new Promise((resolve) => open.push(resolve)));
      const sealer = await StreamSealer.begin({ ...BINDING, key }, randomBytes);
      const events = Array.from({ length: COUNT }, (_, index) => sealer.seal(`event ${index}`));
      assertEquals(events.map(({ n }) => n), [...events.keys()]);
      for (const { n, text } of events) void text.then(() => finished.push(n));
      for (const n of finishing) {
        open[n]?.();
        await events[n]?.text;
      }
      assertEquals(finished, finishing);
      const opener = await StreamOpener.begin(BINDING, sealer.opening);
      for (const { n, text } of events) assertEquals(String(await opener.open(await text, `${n}`)), `event ${n}`);
    }),
    { numRuns: 20 },
  );
});

Deno.test("StreamSealer has a nonce for each event: 4 zero bytes, and its number in 8", async () => {
  const { key, encryptions } = watchKey(KEY);
  const sealer = await StreamSealer.begin({ ...BINDING, key }, randomBytes);
  for (let n = 0; n < 300; n++) await sealer.seal("x").text;
  assertEquals(encryptions.length, 300);
  encryptions.forEach(({ nonce, additionalData }, n) => {
    assertEquals(nonce, n.toString(16).padStart(24, "0"));
    assertEquals(additionalData, `e2eg/2 stream\n${KEY.kid}\n${n}`);
  });
});

Deno.test("StreamOpener refuses every single flipped bit, of bytes and of characters", async () => {
  const { text, opening } = await sealOne();
  const bytes = fromBase64Url(text);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    await assertRefused(() => openFirst(toBase64Url(flipBit(bytes, bit)), opening), `bit ${bit}`);
  }
  for (const changed of withFlippedCharacters(text)) await assertRefused(() => openFirst(changed, opening), changed);
  for (const changed of withFlippedCharacters(opening)) await assertRefused(() => openFirst(text, changed), changed);
});

Deno.test("StreamOpener refuses an event and an opening cut at every length", async () => {
  const { text, opening } = await sealOne();
  for (const cut of cuts(text)) await assertRefused(() => openFirst(cut, opening), cut);
  for (const cut of cuts(opening)) await assertRefused(() => openFirst(text, cut), cut);
});

Deno.test("StreamOpener.begin() refuses every other encoding of an opening", async () => {
  const { opening } = await sealOne();
  const salt = opening.slice(2);
  const spellings = [
    "",
    "2.",
    salt,
    `1.${salt}`,
    `2.${salt}==`,
    `2.${salt}\n`,
    ` ${opening}`,
    `2.${salt}AA`,
    `2..${salt}`,
  ];
  for (const spelling of spellings) await assertRefused(() => StreamOpener.begin(BINDING, spelling), spelling);
  // 16 bytes leave 4 unused bits in the last character.
  const unused = salt.slice(0, -1) + { A: "B", Q: "R", g: "h", w: "x" }[salt.slice(-1)];
  await assertRefused(() => StreamOpener.begin(BINDING, `2.${unused}`), unused);
});

Deno.test("StreamOpener.open() refuses every other format of a number", async () => {
  const { text, opening } = await sealOne();
  for (const id of ["", "00", "0 ", " 0", "-0", "+0", "0.0", "0x0", "0e0", "٠", "1", "NaN", "null"]) {
    const opener = await StreamOpener.begin(BINDING, opening);
    await assertRefused(() => opener.open(text, id), id);
  }
  assertEquals(await openFirst(text, opening), EVENT);
});

Deno.test("StreamOpener opens nothing after an event that it refused", async () => {
  const sealer = await StreamSealer.begin(BINDING, randomBytes);
  const [first, second] = [await sealer.seal(EVENT).text, await sealer.seal(EVENT).text];
  for (const [text, id] of [[second, "0"], [first, "1"], ["!", "0"]] as const) {
    const opener = await StreamOpener.begin(BINDING, sealer.opening);
    await assertRefused(() => opener.open(text, id));
    await assertRefused(() => opener.open(second, "1"));
  }
});
