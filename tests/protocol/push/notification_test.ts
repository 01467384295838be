import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  formatNotification,
  parseNotification,
  type PushNotification,
} from "../../../src/protocol/push/notification.ts";

const NOTIFICATION: PushNotification = {
  id: "AAECAwQFBgcICQoLDA0ODw",
  title: "Doorbell",
  body: "At the front door",
  rule: "doorbell",
  subject: "home/door",
  actions: [{ name: "open-gate", label: "Open the gate" }],
  urgency: "high",
  tag: "doorbell home/door",
  kid: "00112233445566778899aabbccddeeff",
  timestamp: 1801396800.5,
};

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

Deno.test("parseNotification() reads what formatNotification() writes", () => {
  assertEquals(parseNotification(formatNotification(NOTIFICATION)), NOTIFICATION);
  const { rule: _rule, subject: _subject, kid: _kid, ...test } = NOTIFICATION;
  assertEquals(parseNotification(formatNotification(test)), test);
  assertEquals(parseNotification(JSON.stringify({ ...test, later: 1 })), test);
});

Deno.test("formatNotification() cuts the body with a mark, then leaves out the subject and cuts the title", () => {
  const long = { ...NOTIFICATION, body: "b".repeat(5000) };
  const text = formatNotification(long);
  assertEquals(bytesOf(text), 3993);
  const { body = "", ...rest } = parseNotification(text) ?? {};
  assert(body.length > 3700 && body.endsWith("b…"));
  assertEquals({ ...rest, body: long.body }, long);
  const deep = parseNotification(formatNotification({ ...long, subject: "s".repeat(65_535) }));
  assertEquals([deep?.subject, deep?.title], [undefined, "Doorbell"]);
  const titled = parseNotification(formatNotification({ ...long, title: "t".repeat(5000) }));
  assertEquals(titled?.title, `${"t".repeat(59)}…`);
  assertThrows(() => formatNotification(NOTIFICATION, 100), RangeError, "100 bytes");
});

Deno.test("formatNotification() fits any text into the limit, and keeps as much of it as fits", () => {
  const characters = fc.constantFrom("a", " ", "é", "漢", "😀", '"', "\\", "\n", "\u0001");
  const texts = fc.array(characters, { maxLength: 300 }).map((list) => list.join(""));
  fc.assert(fc.property(texts, fc.integer({ min: 300, max: 700 }), (body, maxBytes) => {
    const text = formatNotification({ ...NOTIFICATION, body }, maxBytes);
    const size = bytesOf(text);
    const parsed = parseNotification(text);
    assert(size <= maxBytes && parsed?.body.isWellFormed());
    // What is missing is less than the next character, with its escape, and the mark.
    if (parsed?.body !== body && parsed?.subject !== undefined) assert(size > maxBytes - 16, `${size} of ${maxBytes}`);
  }));
});

Deno.test("parseNotification() returns undefined for anything else", () => {
  const wrong = [
    ...[{ id: 1 }, { title: null }, { body: undefined }, { rule: 1 }, { subject: null }, { actions: "a" }],
    ...[{ actions: [1] }, { actions: [{ name: "a" }] }, { timestamp: "now" }, { timestamp: 1e13 }],
    ...[{ actions: Array(4).fill({ name: "a", label: "A" }) }, { urgency: "now" }, { tag: "t".repeat(65) }, { kid: 1 }],
  ];
  for (const fields of wrong) {
    assertEquals(parseNotification(JSON.stringify({ ...NOTIFICATION, ...fields })), undefined, JSON.stringify(fields));
  }
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    assertEquals(parseNotification(text), undefined);
  }));
});
