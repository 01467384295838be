import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseIsoTime } from "../../src/lib/iso_time.ts";

Deno.test("parseIsoTime() takes days, and times with their offset from UTC", () => {
  assertEquals(parseIsoTime("2027-01-31"), Date.UTC(2027, 0, 31));
  assertEquals(parseIsoTime("2028-02-29T12:00:00.5Z"), Date.UTC(2028, 1, 29, 12, 0, 0, 500));
  assertEquals(parseIsoTime("2027-01-31T13:00+01:00"), Date.UTC(2027, 0, 31, 12));
});

Deno.test("parseIsoTime() refuses days and times that do not exist, and other forms", () => {
  const wrong = ["2027-02-30", "2027-02-29T12:00:00Z", "2027-04-31T00:00:00+02:00", "2027-13-01", "2027-00-10"];
  for (const text of [...wrong, "2027-01-31T25:00:00Z", "2027-01-31T12:00:00", "31.1.2027", "2027-1-31", ""]) {
    assertEquals(parseIsoTime(text), undefined, text);
  }
});

Deno.test("property: parseIsoTime() returns the time of each date in ISO 8601", () => {
  const dates = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
  fc.assert(fc.property(dates, (date) => parseIsoTime(date.toISOString()) === date.getTime()));
});
