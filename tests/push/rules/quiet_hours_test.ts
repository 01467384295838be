import { assert, assertEquals } from "@std/assert";
import { isQuiet, isTimeZone, parseTimeOfDay } from "../../../src/push/rules/quiet_hours.ts";

const at = (text: string) => Date.parse(text);

Deno.test("parseTimeOfDay() reads hours and minutes", () => {
  assertEquals(["00:00", "07:05", "23:59"].map(parseTimeOfDay), [0, 425, 1439]);
  for (const wrong of ["24:00", "7:05", "07:60", "07:05:00", "", "noon"]) {
    assertEquals(parseTimeOfDay(wrong), undefined);
  }
});

Deno.test("isTimeZone() accepts names of places and UTC", () => {
  for (const name of ["Europe/Paris", "America/Argentina/Buenos_Aires", "UTC"]) assert(isTimeZone(name), name);
  for (const name of ["", "Mars/Base", "+01:00", "2027-01-01[UTC]", "a".repeat(65)]) assert(!isTimeZone(name), name);
});

Deno.test("isQuiet() spans midnight in the time zone, from the first minute to before the last", () => {
  const hours = { from: 22 * 60, to: 7 * 60, timeZone: "Europe/Paris" };
  const cases: readonly (readonly [time: string, isQuiet: boolean])[] = [
    ["2027-01-31T20:59:59Z", false],
    ["2027-01-31T21:00:00Z", true],
    ["2027-02-01T05:59:59Z", true],
    ["2027-02-01T06:00:00Z", false],
    // In summer, the hours begin an hour earlier.
    ["2027-07-31T20:00:00Z", true],
    ["2027-07-31T19:59:59Z", false],
    ["2027-08-01T05:00:00Z", false],
  ];
  for (const [time, expected] of cases) assertEquals(isQuiet(hours, at(time)), expected, time);
});

Deno.test("isQuiet() is true once in a day whose hour is repeated or left out", () => {
  const hours = { from: 2 * 60 + 30, to: 3 * 60, timeZone: "Europe/Paris" };
  // On March 28th, 2027, 02:00 is followed by 03:00; on October 31st, 03:00 by 02:00.
  assertEquals(isQuiet(hours, at("2027-03-28T00:59:00Z")), false);
  assertEquals(isQuiet(hours, at("2027-03-28T01:00:00Z")), false);
  assertEquals([at("2027-10-31T00:45:00Z"), at("2027-10-31T01:45:00Z")].map((time) => isQuiet(hours, time)), [
    true,
    true,
  ]);
  const noon = { from: 12 * 60, to: 13 * 60, timeZone: "UTC" };
  assertEquals([at("2027-01-01T12:30:00Z"), at("2027-01-01T13:00:00Z")].map((time) => isQuiet(noon, time)), [
    true,
    false,
  ]);
});
