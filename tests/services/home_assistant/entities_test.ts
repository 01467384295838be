import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { entitiesIn, isName, isPattern, matcherOf } from "../../../src/services/home_assistant/entities.ts";

const part = fc.stringMatching(/^[a-z0-9_]{1,12}$/);
const name = fc.tuple(part, part).map((parts) => parts.join("."));

Deno.test("isName() accepts the one spelling of an entity, and nothing that Home Assistant would read as several or as all", () => {
  for (const text of ["light.hall", "sensor.temp_2", "1wire.x"]) assert(isName(text), text);
  const others = [
    ...["all", "none", "", ".", "light.", ".hall", "light", "Light.hall", "light.hall,light.kitchen", "light.hall "],
    ...[
      "light.*",
      "light.hall.x",
      "light/hall",
      "light.h\u00e4ll",
      "light.\u212aall",
      "light.\uff48all",
      "light.hall\n",
    ],
    ...["../config", "light.%2e", `light.${"x".repeat(250)}`],
  ];
  for (const text of others) assert(!isName(text), text);
});

Deno.test("isPattern() accepts *, and names in which * stands for characters, with at most three of them", () => {
  for (const text of ["*", "light.*", "*.hall", "light.hall_*_lamp", "*.*", "l*t.h*l"]) assert(isPattern(text), text);
  for (const text of ["", "**", "light", "light*", "a*b*.c*d*", "light.[ab]", "light.?", "Light.*", "light.*@x"]) {
    assert(!isPattern(text), text);
  }
});

Deno.test("matcherOf() matches a name with itself, with its domain, and with any text in place of a wildcard", () => {
  fc.assert(fc.property(name, name, (one, other) => {
    const [domain = "", id = ""] = one.split(".");
    for (const pattern of ["*", "*.*", one, `${domain}.*`, `*.${id}`, `${domain}.${id.slice(0, 1)}*`]) {
      assert(matcherOf(pattern)(one), pattern);
    }
    assertEquals(matcherOf(one)(other), one === other);
    assertEquals(matcherOf(`${domain}.*`)(other), other.startsWith(`${domain}.`));
  }));
});

Deno.test("matcherOf() matches as a regular expression does", () => {
  const piece = fc.string({ unit: fc.constantFrom("a", "b", "_", "*"), maxLength: 6 });
  const pattern = fc.tuple(piece, piece).map((parts) => parts.join(".")).filter(isPattern);
  const short = fc.string({ unit: fc.constantFrom("a", "b", "_"), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(pattern, short, short, (text, domain, rest) => {
      const regex = new RegExp(`^${text.replaceAll(".", "\\.").replaceAll("*", "[^.]*")}$`);
      assertEquals(matcherOf(text)(`${domain}.${rest}`), regex.test(`${domain}.${rest}`));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("matcherOf() takes no longer with wildcards that match in many ways", () => {
  const matches = matcherOf("a.*a*a*b");
  const name = `a.${"a".repeat(250)}`;
  // A regular expression would take minutes.
  for (let count = 0; count < 100_000; count++) assertEquals(matches(name), false);
});

Deno.test("matcherOf() lets a wildcard match within the domain or within the rest, and not across the dot", () => {
  assertEquals(matcherOf("light.*")("lightning.x"), false);
  assertEquals(matcherOf("l*.x")("light.x"), true);
  assertEquals(matcherOf("light*.hall")("light.kitchen_hall"), false);
});

Deno.test("entitiesIn() finds the entities of a list, in any spelling that Home Assistant reads, whatever their domain", () => {
  assertEquals(entitiesIn("light.hall"), ["light.hall"]);
  assertEquals(entitiesIn(" Light.Hall ,\u00a0LOCK.DOOR"), ["light.hall", "lock.door"]);
  assertEquals(entitiesIn("loc\u212a.door"), ["lock.door"]);
  assertEquals(entitiesIn("browser_mod.tablet"), ["browser_mod.tablet"]);
});

Deno.test("entitiesIn() finds the entities of known domains within other texts, and takes no number or address for one", () => {
  assertEquals(entitiesIn("media-source://camera/camera.door"), ["camera.door"]);
  assertEquals(entitiesIn("Open cover.garage, then x.light.hall!"), ["cover.garage", "light.hall"]);
  for (const text of ["20.5", "1.5, 2.5", "http://nas.local/x.mp3", "Dinner is ready.Come!", "", "red", "..."]) {
    assertEquals(entitiesIn(text), [], text);
  }
});

Deno.test("entitiesIn() finds every entity that is written into a text between other characters", () => {
  const around = fc.string().map((text) => text.replaceAll(/[A-Za-z0-9_.\u212a\u0130]/g, " "));
  fc.assert(fc.property(around, part, around, (before, id, after) => {
    assert(entitiesIn(`${before}light.${id}${after}`).includes(`light.${id}`));
  }));
});
