import { join } from "node:path";
import { assertEquals, assertNotEquals } from "@std/assert";
import { en as adminEnglish } from "../../../src/console/admin/catalogue/en.ts";
import { fr as adminFrench } from "../../../src/console/admin/catalogue/fr.ts";
import { CATALOGUE } from "../../../src/console/catalogue/catalogue.ts";
import { createFormat, plural } from "../../../src/console/catalogue/format.ts";
import { localeOf, preferredLanguage, type Translated } from "../../../src/console/catalogue/language.ts";
import { CARD_GROUPS_TEXTS } from "../../../src/console/components/card_groups_texts.ts";
import { HISTORY_TEXTS } from "../../../src/console/components/history_texts.ts";
import { HOME_ASSISTANT_TEXTS } from "../../../src/console/screens/home_assistant/texts.ts";
import { PUSH_TEXTS } from "../../../src/console/push/push_texts.ts";
import { NOTIFICATION_TEXTS } from "../../../src/console/screens/device/notifications/texts.ts";
import { JEEDOM_TEXTS } from "../../../src/console/screens/jeedom/texts.ts";
import { LIVE_TEXTS } from "../../../src/console/screens/live/texts.ts";
import { ROOT, sourceFiles } from "../../support/source_files.ts";

const TEXTS: Readonly<Record<string, Translated<object>>> = {
  page: CATALOGUE,
  admin: { en: adminEnglish, fr: adminFrench },
  cards: CARD_GROUPS_TEXTS,
  history: HISTORY_TEXTS,
  live: LIVE_TEXTS,
  jeedom: JEEDOM_TEXTS,
  notifications: NOTIFICATION_TEXTS,
  push: PUSH_TEXTS,
  homeAssistant: HOME_ASSISTANT_TEXTS,
};

/** Groups whose texts are chosen by what a gateway or a service answers, or by names that it has. */
const GROUPS_BY_ANSWERS = [
  "states",
  "rights",
  "domains",
  "causes",
  "results",
  "statuses",
  "scenarioStates",
  "spans",
  "urgencies",
];

/** Returns texts by their paths. */
function textsIn(value: unknown, path: readonly string[] = []): (readonly [readonly string[], unknown])[] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([name, member]) => textsIn(member, [...path, name]));
}

Deno.test("every text is translated, except words that both languages have", () => {
  const french = new Map(textsIn(CATALOGUE.fr).map(([path, text]) => [path.join("."), text]));
  const same = textsIn(CATALOGUE.en).filter(([path, text]) =>
    typeof text === "string" && text === french.get(path.join("."))
  );
  assertEquals(same.map(([path]) => path.join(".")), ["pairing.placeholder"]);
});

Deno.test("every text is used somewhere in the page", async () => {
  const sources: string[] = [];
  for await (const path of sourceFiles("src/console/")) {
    if (!/catalogue\/(en|fr)\.ts$|texts\.ts$/.test(path)) sources.push(await Deno.readTextFile(join(ROOT, path)));
  }
  const words = new Set(sources.join("\n").replace(/\/\*[^]*?\*\/|\/\/ .*/g, "").match(/\w+/g));
  const unused = textsIn(TEXTS).filter(([path]) =>
    path[1] === "en" && !path.some((name) => GROUPS_BY_ANSWERS.includes(name)) && !words.has(path.at(-1) ?? "")
  );
  assertEquals(unused.map(([path]) => path.join(".")), []);
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
  assertEquals([NaN, Infinity, -1e300].map((ms) => english.time(ms, now)), ["?", "?", "?"]);
  assertEquals([english.clock(NaN), english.dateTime(8.7e15)], ["?", "?"]);
  assertEquals(localeOf("en", ["fr-FR", "en-GB", "en-US"]), "en-GB");
  assertEquals(localeOf("fr", ["en-GB"]), "fr");
});

Deno.test("preferredLanguage() returns the first language that the page has", () => {
  assertEquals(preferredLanguage(["de-DE", "fr-CA", "en"]), "fr");
  assertEquals(preferredLanguage(["de"]), "en");
});
