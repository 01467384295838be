/** Parts of `keys` without files and console. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatDuration, parseDuration, parseEnd } from "../../src/keys/duration.ts";
import { describeState } from "../../src/keys/status.ts";
import { formatKeyTable } from "../../src/cli/keys/list.ts";
import { rateFromOptions } from "../../src/keys/key_options.ts";
import { drawPairingCode } from "../../src/cli/keys/qr_code.ts";
import { rightsFromOptions as rightsWith } from "../../src/services/rights_from_options.ts";
import { describeRights as describeWith, summarizeRights as summarizeWith } from "../../src/services/key_text.ts";
import { formatPairingUri } from "../../src/protocol/pairing.ts";
import type { Rights } from "../../src/keys/rights.ts";
import { MQTT_RIGHTS } from "../../src/services/mqtt/rights.ts";
import { SERVICES } from "../../src/services/registry.ts";
import type { OptionValues } from "../../src/services/rights_options.ts";
import { EVERYDAY_RIGHTS, type FlatRights, rightsOf } from "../support/rights.ts";

const rightsFromOptions = (values: OptionValues) => rightsWith(values, SERVICES);
const describeRights = (rights: Rights) => describeWith(rights, SERVICES);
const summarizeRights = (rights: Rights) => summarizeWith(rights, SERVICES);

const NOW = Date.UTC(2026, 0, 31, 12, 30);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

Deno.test("parseDuration() reads days, hours and minutes, and nothing else", () => {
  assertEquals(parseDuration("90d"), 90 * DAY);
  assertEquals(parseDuration("24h"), DAY);
  assertEquals(parseDuration("30m"), 30 * MINUTE);
  assertEquals(parseDuration("36525d"), 36_525 * DAY);
  for (const text of ["", "0", "0d", "d", "1", "1w", "1y", "1s", "-1d", "1.5h", "1 d", "1D", "36526d", "999999999d"]) {
    assertEquals(parseDuration(text), undefined, text);
  }
});

Deno.test("parseEnd() reads a span from now, or the end of a day to come", () => {
  assertEquals(parseEnd("24h", NOW), NOW + DAY);
  assertEquals(parseEnd("2027-01-31", NOW), Date.UTC(2027, 1, 1));
  assertEquals(parseEnd("2026-01-31", NOW), Date.UTC(2026, 1, 1));
  for (const text of ["2026-01-30", "2027-02-29", "2027-13-01", "2027-1-1", "27-01-01", "9999-01-01", "tomorrow", ""]) {
    assertEquals(parseEnd(text, NOW), undefined, text);
  }
});

Deno.test("formatDuration() rounds to the largest fitting unit, and never to nothing", () => {
  const spans = { 1: "1 min", [90 * MINUTE]: "90 min", [23.6 * HOUR]: "24 h", [2 * DAY]: "2 d", [89.99 * DAY]: "90 d" };
  for (const [ms, text] of Object.entries(spans)) assertEquals(formatDuration(Number(ms)), text);
});

Deno.test("describeState() puts disabled and expired before everything else", () => {
  const previous = { secret: new Uint8Array(32), until: NOW + 3 * HOUR };
  const soon = { disabled: false, minProtocol: 1 as const, expires: NOW + 12 * DAY };
  assertEquals(describeState({ disabled: false, minProtocol: 1 }, NOW), ["active"]);
  assertEquals(describeState(soon, NOW), ["expires in 12 d"]);
  assertEquals(describeState({ disabled: false, minProtocol: 1, previous }, NOW), ["rotated: old secret for 3 h"]);
  assertEquals(describeState({ ...soon, previous }, NOW), ["expires in 12 d", "rotated: old secret for 3 h"]);
  assertEquals(describeState({ disabled: false, minProtocol: 1, previous }, previous.until), ["active"]);
  assertEquals(describeState({ ...soon, previous, disabled: true }, NOW), ["disabled"]);
  assertEquals(describeState({ ...soon, previous }, soon.expires), ["expired"]);
  assertEquals(describeState({ disabled: false, minProtocol: 2 }, NOW), ["version 2 only"]);
});

Deno.test("rightsFromOptions() grants the everyday rights when none is named", () => {
  assertEquals(rightsFromOptions({}), { ...EVERYDAY_RIGHTS, mistakes: [] });
});

Deno.test("rightsFromOptions() grants what is named and nothing else", () => {
  const cases: readonly (readonly [OptionValues, FlatRights])[] = [
    [{ publish: ["home/#", "home/#"] }, { services: ["mqtt"], publish: ["home/#"] }],
    [{ subscribe: ["+/a"] }, { services: ["mqtt"], subscribe: ["+/a"] }],
    [{ method: ["cmd::*", "version"] }, { services: ["jeedom"], methods: ["cmd::*", "version"] }],
    [{ method: ["a"], endpoint: ["/a/b.php"] }, { services: ["jeedom"], methods: ["a"], endpoints: ["/a/b.php"] }],
    [{ service: ["mqtt"] }, { services: ["mqtt"], publish: ["#"], subscribe: ["#"] }],
    [{ service: ["mqtt"], publish: ["a"] }, { services: ["mqtt"], publish: ["a"] }],
    [{ service: ["jeedom"] }, { services: ["jeedom"], methods: ["*"] }],
    [{ service: ["jeedom"], method: ["version"] }, { services: ["jeedom"], methods: ["version"] }],
    [{ service: ["jeedom"], publish: ["a"] }, { services: ["jeedom", "mqtt"], methods: ["*"], publish: ["a"] }],
    [{ service: ["mqtt", "jeedom"], "own-apikey": true }, {
      services: ["jeedom", "mqtt"],
      publish: ["#"],
      subscribe: ["#"],
      methods: ["*"],
      ownApikey: true,
    }],
    [{ subscribe: ["#"], broker: ["*.lan:1883"] }, { services: ["mqtt"], subscribe: ["#"], brokers: ["*.lan:1883"] }],
    [{ method: ["*"], "refuse-method": ["cmd::*"] }, {
      services: ["jeedom"],
      methods: ["*"],
      refusedMethods: ["cmd::*"],
    }],
    [{ method: ["a"], "own-apikey": true }, { services: ["jeedom"], methods: ["a"], ownApikey: true }],
  ];
  for (const [values, rights] of cases) {
    assertEquals(
      rightsFromOptions(values),
      { rights: rightsOf(rights), mistakes: [] },
      JSON.stringify(values),
    );
  }
});

Deno.test("rightsFromOptions() reports all mistakes at once, each with its option", () => {
  const { mistakes } = rightsFromOptions({
    service: ["ssh"],
    publish: ["a#", "ok"],
    subscribe: ["$share/group"],
    method: ["a b"],
    "refuse-method": [""],
    endpoint: ["a/../b"],
    broker: ["a b"],
  });
  assertEquals(mistakes, [
    `--service "ssh" must be ${SERVICES.map(({ name }) => name).join(" or ")}`,
    '--method "a b" must be a pattern of methods such as cmd::* or version',
    '--refuse-method "" must be a pattern of methods such as cmd::* or version',
    '--endpoint "a/../b" must be * or a plain path such as /plugins/x/core/php/jeeX.php',
    '--publish "a#" may have "#" only as its whole last level',
    '--subscribe "$share/group" must be of the form $share/GROUP/FILTER or begin with a name such as $SYS',
    '--broker "a b" must be host, host:port, *.domain, a network such as 10.0.0.0/8, or *',
  ]);
});

Deno.test("rightsFromOptions() refuses options that grant nothing alone", () => {
  const alone: readonly OptionValues[] = [
    { broker: ["*"] },
    { "own-apikey": true },
    { "refuse-method": ["a"] },
    { endpoint: ["/a.php"] },
  ];
  for (const values of alone) {
    const { mistakes } = rightsFromOptions(values);
    assertEquals(mistakes.length, 1);
    assertMatch(mistakes[0] ?? "", /^--(broker|own-apikey|refuse-method|endpoint) grants nothing alone: add --/);
  }
});

Deno.test("rateFromOptions() requires both numbers, and a burst of at least the rate", () => {
  assertEquals(rateFromOptions({}), { rate: undefined, mistakes: [] });
  assertEquals(rateFromOptions({ rate: "5", burst: "20" }), { rate: { perSecond: 5, burst: 20 }, mistakes: [] });
  assertEquals(rateFromOptions({ rate: "5" }).mistakes, ["--burst N must be given together with --rate"]);
  assertEquals(rateFromOptions({ burst: "5" }).mistakes, ["--rate N must be given together with --burst"]);
  assertEquals(rateFromOptions({ rate: "5", burst: "4" }).mistakes, ['--burst "4" must be at least --rate']);
  for (const text of ["", "0", "-1", "1.5", "1e3", "x", "1000001", "99999999"]) {
    const { rate, mistakes } = rateFromOptions({ rate: text, burst: "1000000" });
    assertEquals([rate, mistakes], [undefined, [`--rate "${text}" must be a whole number from 1 to 1000000`]]);
  }
});

Deno.test("describeRights() describes the grants of * and the limits, and summarizeRights() shortens long lists", () => {
  assertEquals(describeRights(rightsOf({ services: ["jeedom"], methods: ["*", "user::*"] })), [
    ["Jeedom methods", "* (what reads and controls), user::*"],
    ["commands", "any"],
    ["scenarios", "any"],
    ["further endpoints", "none"],
    ["own API key", "refused"],
  ]);
  assertEquals(describeRights({ mqtt: { ...MQTT_RIGHTS.all, publish: [] } }), [
    ["MQTT publish", "none"],
    ["MQTT subscribe", "#"],
    ["other brokers", "*"],
  ]);
  assertEquals(summarizeRights(EVERYDAY_RIGHTS.rights), "Jeedom *, own API key; MQTT publish #, subscribe #");
  assertEquals(summarizeRights({}), "nothing");
  const guest: FlatRights = { services: ["jeedom"], methods: ["*"], commands: [12, 13] };
  assertEquals(summarizeRights(rightsOf(guest)), "Jeedom *, only commands 12 13");
  assertEquals(summarizeRights(rightsOf({ ...guest, commands: [] })), "Jeedom *, only commands none");
  assertEquals(
    summarizeRights(rightsOf({ services: ["mqtt"], subscribe: ["a", "b", "c", "d", "e"] })),
    "MQTT subscribe a b c and 2 more",
  );
});

Deno.test("formatKeyTable() sorts by name, aligns its columns and fits into 80 of them", () => {
  const kid = "0123456789abcdef";
  const row = { kid, created: "2026-01-31", state: ["active"], rights: summarizeRights(EVERYDAY_RIGHTS.rights) };
  const table = formatKeyTable([
    { ...row, name: "wall-tablet", state: ["expires in 12 d", "rotated: old secret for 23 h"] },
    { ...row, name: "default", created: "", rights: "every right" },
    { ...row, name: "x", label: 'Anna\'s "old" phone' },
  ]);
  assertEquals(table.split("\n"), [
    "NAME         KID               CREATED     STATE",
    "default      0123456789abcdef              active",
    "  every right",
    "wall-tablet  0123456789abcdef  2026-01-31  expires in 12 d",
    "                                           rotated: old secret for 23 h",
    "  Jeedom *, own API key; MQTT publish #, subscribe #",
    "x            0123456789abcdef  2026-01-31  active",
    '  label "Anna\'s \\"old\\" phone"',
    "  Jeedom *, own API key; MQTT publish #, subscribe #",
  ]);
  assert(table.split("\n").every((line) => line.length <= 80), table);
});

/** Reads the drawn blocks: true in the colour of letters. */
function modules(code: string): boolean[][] {
  return code.split("\n").flatMap((line) => [
    Array.from(line, (block) => block === "█" || block === "▀"),
    Array.from(line, (block) => block === "█" || block === "▄"),
  ]);
}

Deno.test("drawPairingCode() draws a square with its three corners, light around it, and its opposite", () => {
  const uri = formatPairingUri({ url: "https://yourdevice.tail497f.ts.net", name: "phone", key: "ab".repeat(32) });
  const dark = modules(drawPairingCode(uri, { invert: false })).map((row) => row.map((lit) => !lit));
  const size = dark[0]?.length ?? 0;
  // A version n has 17 + 4n modules a side; two lines of light are on each side.
  assertEquals([(size - 4 - 17) % 4, dark.length], [0, size + 1]);
  assert(dark.every((row) => row.length === size));
  assert(size <= 80 && dark.length <= 60, `${size} columns`);
  const finder = Array.from({ length: 7 }, (_, y) =>
    Array.from({ length: 7 }, (_, x) => {
      const ring = Math.max(Math.abs(x - 3), Math.abs(y - 3));
      return ring === 3 || ring <= 1;
    }));
  const part = (top: number, left: number) => dark.slice(top, top + 7).map((row) => row.slice(left, left + 7));
  for (const [top, left] of [[2, 2], [2, size - 9], [size - 9, 2]] as const) assertEquals(part(top, left), finder);
  const around = [...dark.slice(0, 2).flat(), ...dark.slice(0, size).flatMap((row) => [row[0], row[size - 1]])];
  assert(!around.includes(true), "The border is not light");

  const inverted = modules(drawPairingCode(uri, { invert: true }));
  assertEquals(inverted.slice(0, size), dark.slice(0, size));
});
