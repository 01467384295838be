import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cutText } from "../../src/lib/cut_text.ts";

Deno.test("cutText() keeps a text that is short enough, and marks one that it cuts", () => {
  assertEquals(cutText("doorbell", 8), "doorbell");
  assertEquals(cutText("doorbell", 7), "doorbe…");
  assertEquals([cutText("a", 0), cutText("ab", 1)], ["", "…"]);
});

/** Text with characters of one and of two code units. */
const texts = fc.array(fc.constantFrom("a", "é", "漢", "😀", "…"), { maxLength: 12 }).map((list) => list.join(""));

Deno.test("cutText() never makes a text longer than the limit, or cuts a character in two", () => {
  fc.assert(fc.property(texts, fc.nat(12), (text, maxLength) => {
    const cut = cutText(text, maxLength);
    assert(cut.length <= maxLength && cut.isWellFormed());
    assert(text.startsWith(cut.endsWith("…") && cut !== text ? cut.slice(0, -1) : cut));
  }));
});
