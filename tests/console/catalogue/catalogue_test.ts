import { assertEquals, assertNotEquals } from "@std/assert";
import { CATALOGUE } from "../../../src/console/catalogue/catalogue.ts";
import { createFormat, plural } from "../../../src/console/catalogue/format.ts";
import { localeOf, preferredLanguage } from "../../../src/console/catalogue/language.ts";

/** Returns the paths of all texts that are equal in two languages. */
function sameTexts(one: unknown, other: unknown, path: string): string[] {
  if (typeof one === "string") return one === other ? [path] : [];
  if (typeof one !== "object" || one === null || typeof other !== "object" || other === null) return [];
  return Object.entries(one).flatMap(([name, text]) => sameTexts(text, Reflect.get(other, name), `${path}.${name}`));
}

Deno.test("every text is translated, except words that both languages have", () => {
  assertEquals(sameTexts(CATALOGUE.en, CATALOGUE.fr, ""), [".pairing.placeholder"]);
});

Deno.test("texts with numbers have the plural of their language", () => {
  assertEquals([0, 1, 2].map((count) => CATALOGUE.en.pins.found(count)), ["0 values", "1 value", "2 values"]);
  assertEquals([0, 1, 2].map((count) => CATALOGUE.fr.pins.found(count)), ["0 valeur", "1 valeur", "2 valeurs"]);
  assertEquals(plural("fr", 1.5, { one: "heure", other: "heures" }), "heure");
});

Deno.test("createFormat() writes numbers, times and durations in the language, with the habits of its region", () => {
  const [english, french] = [createFormat("en"), createFormat("fr")];
  assertEquals([english.number(1234.567), french.number(20.5, 1)], ["1,234.57", "20,5"]);
  assertEquals([english.duration(59_000), english.duration(90_000), french.duration(7_200_000).replace(/\s/, " ")], [
    "59 sec",
    "2 min",
    "2 h",
  ]);
  assertEquals([1e17, -1e300, 999_999_999_999].map((value) => english.number(value)), [
    "1E17",
    "-1E300",
    "999,999,999,999",
  ]);
  const now = Date.UTC(2026, 0, 1, 12);
  assertNotEquals(english.time(now - 3_600_000, now), english.time(now - 3 * 86_400_000, now));
  assertEquals(localeOf("en", ["fr-FR", "en-GB", "en-US"]), "en-GB");
  assertEquals(localeOf("fr", ["en-GB"]), "fr");
});

Deno.test("preferredLanguage() returns the first language that the page has", () => {
  assertEquals(preferredLanguage(["de-DE", "fr-CA", "en"]), "fr");
  assertEquals(preferredLanguage(["de"]), "en");
});
