/** Histories of Jeedom's commands, and calls of its API. */
import { assertEquals, assertThrows } from "@std/assert";
import { FailedError } from "../../../src/client/gateway_error.ts";
import { ServiceRefusal } from "../../../src/console/commands/service_refusal.ts";
import { demandOf, resultOf } from "../../../src/console/screens/jeedom/result.ts";
import { formatTime, parseTime, readHistory } from "../../../src/console/screens/jeedom/history.ts";
import { loadRooms } from "../../../src/console/screens/jeedom/load_rooms.ts";

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

Deno.test("resultOf() tells errors of Jeedom from answers that are none of its API", () => {
  assertEquals(resultOf({ status: 200, body: { result: 0 } }), 0);
  const error = assertThrows(
    () => resultOf({ status: 200, body: { error: { code: 6, message: "Confirm" } } }),
    ServiceRefusal,
    "Confirm",
  );
  assertEquals([demandOf(error), demandOf(new ServiceRefusal("", -32_005)), demandOf(new Error())], [
    "confirmation",
    "code",
    undefined,
  ]);
  for (const wrong of [{ status: 500, body: "" }, { status: 200, body: "<html>" }, { status: 403, body: {} }]) {
    assertThrows(() => resultOf(wrong), FailedError);
  }
});

Deno.test("loadRooms() asks a limited key's commands one by one, and leaves out those that Jeedom refuses", async () => {
  const asked: unknown[] = [];
  const rooms = await loadRooms({ may: (method) => method === "cmd::byId", commands: [7, 8, 9] }, (_, params = {}) => {
    asked.push(params["id"]);
    if (params["id"] === 8) return Promise.reject(new ServiceRefusal("Commande introuvable", 702));
    return Promise.resolve({ id: params["id"], name: `Command ${params["id"]}`, type: "info", subType: "numeric" });
  });
  assertEquals(asked, [7, 8, 9]);
  assertEquals(rooms?.flatMap(({ equipment }) => equipment.flatMap(({ infos }) => infos.map(({ id }) => id))), [7, 9]);
});

Deno.test("loadRooms() never runs a command to learn what it is", async () => {
  const call = () => Promise.reject(new Error("Nothing must be called"));
  const rooms = await loadRooms({ may: (method) => method === "cmd::execCmd", commands: [7] }, call);
  const [action] = rooms?.[0]?.equipment[0]?.actions ?? [];
  assertEquals([action?.id, action?.asksConfirmation], [7, true]);
  assertEquals(await loadRooms({ may: () => false, commands: undefined }, call), []);
});
