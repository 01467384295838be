import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { visibleText } from "../../../src/console/text/visible.ts";

Deno.test("visibleText() shows controls and reordering characters, and keeps all others", () => {
  assertEquals(visibleText("gate\n\u202eneto\u2066 \u200b!\x7f"), "gate␊⟨U+202E⟩neto⟨U+2066⟩ ⟨U+200B⟩!␡");
  assertEquals(visibleText("Température 21 °C, 👩‍👧, ☀️, می‌خواهم"), "Température 21 °C, 👩‍👧, ☀️, می‌خواهم");
});

Deno.test("visibleText() shows letters without a picture, and joiners that join nothing", () => {
  assertEquals(visibleText("\u3164\u115f\u2800\uffa0"), "⟨U+3164⟩⟨U+115F⟩⟨U+2800⟩⟨U+FFA0⟩");
  assertEquals(visibleText("ga\u200dte\u034f"), "ga⟨U+200D⟩te⟨U+034F⟩");
  assertEquals(visibleText("\u200c"), "⟨U+200C⟩");
});

Deno.test("visibleText() leaves no invisible character, and ends, for every text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      assertEquals(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(visibleText(text)), false);
    }),
    { numRuns: 2000 },
  );
  assertEquals(visibleText("x".repeat(5000)).length, 2001);
});
