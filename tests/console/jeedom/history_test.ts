/** Histories of Jeedom's commands. */
import { assertEquals } from "@std/assert";
import { formatTime, parseTime, readHistory } from "../../../src/console/screens/jeedom/history.ts";

Deno.test("readHistory() sorts the points, and leaves out what is no number or no time", () => {
  const rows = [
    { datetime: "2026-01-31 18:00:01", value: "2" },
    { datetime: "2026-01-31 18:00:00", value: 1 },
    { datetime: "2026-01-31 18:00:02", value: "closed" },
    { datetime: "yesterday", value: "1" },
    null,
  ];
  const begin = Date.UTC(2026, 0, 31, 18);
  assertEquals(readHistory(rows), { times: [begin, begin + 1000], values: [1, 2] });
  assertEquals(readHistory("ok"), { times: [], values: [] });
  assertEquals(readHistory({}), undefined);
});

Deno.test("times keep what Jeedom's clock shows", () => {
  assertEquals(parseTime("2026-02-30 99:00:00"), undefined);
  assertEquals(parseTime("2026-01-31 18:00:00"), Date.UTC(2026, 0, 31, 18));
  assertEquals(formatTime(Date.UTC(2026, 0, 31, 18), -60), "2026-01-31 19:00:00");
});
