import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createMask, LEAST_SECRET_LENGTH } from "../../src/observability/mask.ts";
import { visibleLine } from "../../src/lib/visible.ts";

const mask = (line: string, secrets: readonly string[] = []) => createMask(secrets)(line);

Deno.test("createMask() masks a secret, plain, escaped, encoded and in base64", () => {
  const secret = 'pass"word\\\\é/+';
  const escape = (text: string) => JSON.stringify(text).slice(1, -1);
  const base64 = new TextEncoder().encode(secret).toBase64();
  for (const encoding of [secret, escape(secret), escape(escape(secret)), encodeURIComponent(secret), base64]) {
    assertEquals(mask(`a ${encoding} b`, [secret]), "a *** b");
  }
});

Deno.test("createMask() masks a secret with line breaks in a line of text", () => {
  const secret = "pass\nword\twith breaks";
  assertEquals(mask(`a ${visibleLine(secret)} b`, [secret]), "a *** b");
});

Deno.test("createMask() masks any secret in JSON", () => {
  const text = fc.string({ minLength: LEAST_SECRET_LENGTH, unit: "grapheme" });
  fc.assert(fc.property(text, fc.string(), (secret, before) => {
    const escaped = JSON.stringify(secret).slice(1, -1);
    assert(!mask(JSON.stringify({ message: `${before} ${secret} end` }), [secret]).includes(escaped));
  }));
});

Deno.test("createMask() ignores a short secret, and masks the longer of two", () => {
  assertEquals(mask("a password of 7: 1234567", ["1234567"]), "a password of 7: 1234567");
  assertEquals(mask("x secret-one-and-two y", ["secret-one", "secret-one-and-two"]), "x *** y");
});

Deno.test("createMask() masks all text in the form of a key or a login, and leaves ids and ordinary words", () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  for (const encoding of [key.toHex(), key.toBase64(), key.toBase64({ alphabet: "base64url", omitPadding: true })]) {
    assertEquals(mask(`key ${encoding}, and "${encoding}"`), 'key ***, and "***"');
  }
  assertEquals(mask(`?key=${key.toBase64()}`), "?key=***");
  assertEquals(mask("redis://ann:geheim@host/1"), "redis://***@host/1");
  assertEquals(mask('"authorization":"Basic am9lOmdlaGVpbQ=="'), '"authorization":"Basic ***"');
  const plain =
    "POST /mqtt/publish by phone (0996ff473f908996) [3f2a00112233eeff] from 2001:db8::1: 403 Missing field: apikey";
  assertEquals(mask(plain), plain);
  const topic = "zigbee2mqtt/0x00158d0001a2b3c4/availability";
  assertEquals([mask(topic), topic.length], [topic, 43]);
});

Deno.test("createMask() masks by the whole patterns, whatever it looks for first", () => {
  const patterns = [
    /\b[0-9a-fA-F]{64}\b/g,
    /(?<![\w+/-])(?=(?:[a-z\d_+/-]*[A-Z]){5})[\w+/-]{43}=?(?![\w+/=-])/g,
    /(?<=:\/\/)[^\s/@"']+(?=@)/g,
    /(?<=\b(?:Basic|Bearer) )[\w+/=.~-]{8,}/gi,
  ];
  const repeated = (characters: string, lengths: readonly number[]) =>
    fc.constantFrom(...lengths).chain((length) =>
      fc.array(fc.constantFrom(...characters), { minLength: length, maxLength: length }).map((parts) => parts.join(""))
    );
  const parts = fc.oneof(
    repeated("aZ09_+/-", [1, 8, 41, 42, 43, 44, 85, 86, 87]),
    repeated("0aF", [63, 64, 65]),
    fc.constantFrom(..." =.:@~\"'\\*,\u017f\u212a\u00e9"),
    fc.constantFrom("://", ":/", "joe:geheim@", "Basic ", "bEARER ", "xBasic ", "key", "\ud83d", "Authorization: "),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }).map((some) => some.join("")), (line) => {
      assertEquals(mask(line), patterns.reduce((text, pattern) => text.replace(pattern, "***"), line));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("createMask() masks further secrets once they are added, and those before as well", () => {
  const grown = createMask(["the first secret"]);
  const line = "the first secret, the second secret, short";
  assertEquals(grown(line), "***, the second secret, short");
  grown.add(["the second secret", "short"]);
  assertEquals(grown(line), "***, ***, short");
});
