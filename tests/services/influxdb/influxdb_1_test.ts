/** The service with a real InfluxDB 1. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ServiceError } from "../../../src/services/service.ts";
import { createInfluxCheck } from "../../../src/services/influxdb/health.ts";
import { INFLUXDB_SECTION } from "../../../src/services/influxdb/section.ts";
import { INFLUXD, type TestInfluxdb, withInfluxdb } from "../../support/influxdb_server.ts";
import { makeInfluxService, NOW } from "../../support/influxdb_service.ts";
import { needing } from "../../support/needs.ts";

const MINUTE = 60_000;

const named = (name: string) => needing(name, { influxd: INFLUXD });

/** Section with queries of the server. */
function sectionOf({ url, database }: TestInfluxdb, entries: Readonly<Record<string, object>>) {
  return Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [name, { url, version: 1, database, ...entry }]),
  );
}

const TEMPERATURES = {
  query:
    "SELECT mean(value) FROM temp WHERE room = $room AND time > $from AND time <= $to GROUP BY time(10m) fill(none)",
  params: { room: { type: "text" }, from: { type: "time", maxAge: "31d" }, to: { type: "time", default: "now" } },
};

Deno.test(named("a query of InfluxDB 1 has its parameters, and times as milliseconds"), async () => {
  await withInfluxdb(async (influxdb) => {
    await influxdb.write(
      `temp,room=kitchen value=20 ${NOW - 25 * MINUTE}`,
      `temp,room=kitchen value=22 ${NOW - 24 * MINUTE}`,
      `temp,room=attic value=5 ${NOW - 24 * MINUTE}`,
      `temp,room=kitchen value=99 ${NOW - 3 * 1440 * MINUTE}`,
    );
    await using service = makeInfluxService({ section: sectionOf(influxdb, { temperatures: TEMPERATURES }) });
    const ask = (params: object) => service.ask({ query: "temperatures", params });
    const kitchen = { columns: ["time", "mean"], rows: [[NOW - 30 * MINUTE, 21]] };
    assertEquals(await ask({ room: "kitchen", from: "-1h" }), kitchen);
    assertEquals(await ask({ room: "kitchen", from: (NOW - 60 * MINUTE) / 1000 }), kitchen);
    assertEquals(await ask({ room: "kitchen", from: new Date(NOW - 60 * MINUTE).toISOString(), to: NOW }), kitchen);
    assertEquals(await ask({ room: "kitchen", from: "-7d", to: "-1d" }), {
      columns: ["time", "mean"],
      rows: [[NOW - 3 * 1440 * MINUTE, 99]],
    });
    assertEquals(await ask({ room: "cellar", from: "-1h" }), { columns: [], rows: [] });
  });
});

Deno.test(named("a text with quotes and statements is a value for InfluxDB 1, and nothing else"), async () => {
  await withInfluxdb(async (influxdb) => {
    await influxdb.write(`temp,room=kitchen value=20 ${NOW - 25 * MINUTE}`);
    await using service = makeInfluxService({ section: sectionOf(influxdb, { temperatures: TEMPERATURES }) });
    for (
      const room of ["' OR '1'='1", "\\' OR time > 0 --", "kitchen'; DROP DATABASE home", '"', "$from", "/.*/", "\\"]
    ) {
      assertEquals(await service.ask({ query: "temperatures", params: { room, from: "-1h" } }), {
        columns: [],
        rows: [],
      });
    }
    assertMatch(JSON.stringify(await influxdb.run("SHOW DATABASES")), /"home"/);
  });
});

Deno.test(named("series of InfluxDB 1 become one table, with their tags and measurements as columns"), async () => {
  await withInfluxdb(async (influxdb) => {
    await influxdb.write(
      `temp,room=kitchen value=20 ${NOW - 2 * MINUTE}`,
      `temp,room=attic value=5,battery=90i ${NOW - MINUTE}`,
      `power,room=attic value=1500 ${NOW}`,
    );
    await using service = makeInfluxService({
      section: sectionOf(influxdb, {
        byRoom: {
          query: "SELECT last($field) FROM $measurement GROUP BY room",
          params: {
            field: { type: "identifier", values: ["value", "battery"] },
            measurement: { type: "identifier", pattern: "t*" },
          },
        },
        both: { query: "SELECT value FROM temp, power GROUP BY room" },
        rooms: { query: "SHOW TAG VALUES FROM temp WITH KEY = room" },
        few: { query: "SELECT value FROM temp LIMIT $n", params: { n: { type: "number", integer: true, min: 1 } } },
        every: {
          query: "SELECT count(value) FROM temp WHERE time > now() - 1h GROUP BY time($every) fill(none)",
          params: { every: { type: "duration", min: "1m", max: "1d" } },
        },
        capped: { query: "SELECT value FROM temp", maxRows: 1 },
      }),
    });
    assertEquals(await service.ask({ query: "byRoom", params: { field: "value", measurement: "temp" } }), {
      columns: ["time", "last", "room"],
      rows: [[NOW - MINUTE, 5, "attic"], [NOW - 2 * MINUTE, 20, "kitchen"]],
    });
    assertEquals(await service.ask({ query: "both" }), {
      columns: ["time", "value", "room", "measurement"],
      rows: [
        [NOW, 1500, "attic", "power"],
        [NOW - MINUTE, 5, "attic", "temp"],
        [NOW - 2 * MINUTE, 20, "kitchen", "temp"],
      ],
    });
    assertEquals(await service.ask({ query: "rooms" }), {
      columns: ["key", "value"],
      rows: [["room", "attic"], ["room", "kitchen"]],
    });
    assertEquals(await service.ask({ query: "few", params: { n: 1 } }), {
      columns: ["time", "value"],
      rows: [[NOW - 2 * MINUTE, 20]],
    });
    assertEquals(await service.ask({ query: "every", params: { every: "10m" } }), { columns: [], rows: [] });
    assertEquals(await service.ask({ query: "capped" }), {
      columns: ["time", "value"],
      rows: [[NOW - 2 * MINUTE, 20]],
      truncated: true,
    });
  });
});

Deno.test(
  named("errors of InfluxDB 1 within an answer of status 200 and outside of it are failures without the query"),
  async () => {
    await withInfluxdb(async (influxdb) => {
      await using service = makeInfluxService({
        section: {
          ...sectionOf(influxdb, {
            wrong: { query: "SELECT secret FRO temp" },
            group: { query: "SELECT mean(v) FROM t GROUP BY time($n)", params: { n: { type: "number" } } },
          }),
          elsewhere: { url: influxdb.url, version: 1, database: "other", query: "SELECT value FROM temp" },
        },
      });
      for (const [query, params] of [["wrong", {}], ["group", { n: 1 }], ["elsewhere", {}]] as const) {
        const error = await assertRejects(() => service.ask({ query, params }), ServiceError);
        assertEquals([error.status, error.code], [502, "service_answer"]);
        assertMatch(error.message, new RegExp(`^InfluxDB refused the query ${query}`));
        assertEquals(/secret|FRO|database not found/.test(error.message), false);
        assert(error.cause instanceof Error && error.cause.message.length > 10);
      }
    });
  },
);

Deno.test(named("a login is sent to InfluxDB 1, and a wrong one is named as such"), async () => {
  const login = { username: "gateway", password: "it's a secret" };
  await withInfluxdb(async (influxdb) => {
    await influxdb.write(`temp value=20 ${NOW}`);
    const entry = { query: "SELECT value FROM temp" };
    await using service = makeInfluxService({
      section: sectionOf(influxdb, {
        right: { ...entry, ...login },
        wrong: { ...entry, ...login, password: "guess" },
        none: entry,
      }),
    });
    assertEquals(await service.ask({ query: "right" }), { columns: ["time", "value"], rows: [[NOW, 20]] });
    for (const query of ["wrong", "none"]) {
      await assertRejects(
        () => service.ask({ query }),
        ServiceError,
        "InfluxDB refuses the gateway's login for the query",
      );
    }
  }, { login });
});

Deno.test(named("all texts that a write accepts are read back from InfluxDB 1 as they were"), async () => {
  await withInfluxdb(async (influxdb) => {
    await using service = makeInfluxService({
      section: sectionOf(influxdb, {
        meter: {
          write: {
            measurements: {
              "my temp": {
                tags: { "room name": { type: "text" } },
                fields: {
                  note: { type: "text", maxLength: 1000 },
                  value: { type: "number" },
                  count: { type: "integer" },
                  on: { type: "boolean" },
                },
              },
            },
          },
        },
        notes: {
          query: 'SELECT * FROM "my temp" WHERE "room name" = $room ORDER BY time DESC LIMIT 1',
          params: { room: { type: "text", maxLength: 1000 } },
        },
      }),
    });
    const texts = fc.string({ unit: fc.constantFrom(..."ab ,=\"'\\#/é😀$\u00a0".match(/./gu) ?? []), maxLength: 12 });
    let time = NOW;
    await fc.assert(
      fc.asyncProperty(
        texts,
        texts,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.maxSafeInteger(),
        async (tag, note, value, count) => {
          const room = `r${tag}`.replace(/\\+$/, "");
          time += 1000;
          const fields = { note, value, count, on: true };
          const sent = { write: "meter", measurement: "my temp", tags: { "room name": room }, fields, time };
          assertEquals(await service.ask(sent), { success: true });
          const answer = await service.ask({ query: "notes", params: { room } });
          const expected = {
            columns: ["time", "count", "note", "on", "room name", "value"],
            rows: [[time, count, note, true, room, value + 0]],
          };
          assertEquals(answer, JSON.parse(JSON.stringify(expected)));
        },
      ),
      { numRuns: 150 },
    );
  });
});

Deno.test(named("a point that InfluxDB 1 refuses is a failure, and is sent once"), async () => {
  await withInfluxdb(async (influxdb) => {
    await influxdb.write(`temp value="text" ${NOW}`);
    const write = { measurements: { temp: { fields: { value: { type: "number" } } } } };
    await using service = makeInfluxService({ section: sectionOf(influxdb, { meter: { write } }) });
    const error = await assertRejects(
      () => service.ask({ write: "meter", measurement: "temp", fields: { value: 1 } }),
      ServiceError,
      "InfluxDB refused the write meter with status 400",
    );
    assertEquals(error.code, "service_answer");
  });
});

Deno.test(named("the check succeeds while InfluxDB 1 answers"), async () => {
  await withInfluxdb(async (influxdb) => {
    const content = (section: unknown) => INFLUXDB_SECTION.safeParse(section).data ?? INFLUXDB_SECTION.empty;
    const entries = content(sectionOf(influxdb, { one: { query: "SELECT value FROM temp" } }));
    const check = createInfluxCheck({
      content: () => entries,
      fetchOf: () => Promise.resolve(fetch),
      timeoutMs: 20_000,
    });
    await check();
  });
});
