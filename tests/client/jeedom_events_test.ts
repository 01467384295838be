/** Jeedom's events, from overlapping polls. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type GatewayClient, GatewayError, type JeedomEvent } from "../../src/client/gateway_client.ts";
import { until, within } from "../support/deadline.ts";
import { OverlappingPolls } from "../../src/client/jeedom_events.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  answer,
  type Answerer,
  clientOf,
  failure,
  mute,
  type Received,
  refuse,
  unreachable,
  VERSIONS,
} from "../support/fake_gateway.ts";

/** Returns an event with this time, in seconds. */
const event = (datetime: number, value = 0): JeedomEvent => ({
  datetime,
  name: "cmd::update",
  option: { cmd_id: 1, value },
});

const result = (value: unknown) => answer(200, { jsonrpc: "2.0", id: 99_999, result: value });
const changes = (datetime: unknown, ...events: readonly unknown[]) => result({ datetime, result: events });

/** Poll that lasts as long as requested. */
const slowly = (clock: FakeClock, answer: Answerer): Answerer => (request, signal) => {
  clock.skip(50_000);
  return answer(request, signal);
};

/** Reads a number of events. */
async function take(client: GatewayClient, count: number, options = {}): Promise<JeedomEvent[]> {
  const seen: JeedomEvent[] = [];
  const read = async () => {
    for await (const event of client.jeedomEvents(options)) if (seen.push(event) === count) return;
  };
  await within("the events", read());
  return seen;
}

const asked = (requests: readonly Received[]) =>
  requests.map(({ fields }) => Object(fields["params"])["datetime"] ?? fields["jsonrpc"]);

for (const protocol of VERSIONS) {
  Deno.test(`jeedomEvents() of version ${protocol} begins at Jeedom's time, and polls again from shortly before`, async () => {
    const clock = new FakeClock();
    const { client, requests } = clientOf(
      [result(100), changes(110, event(101), event(110)), changes(120.5, event(120.5)), changes(130, event(130))],
      clock,
      { protocol },
    );
    const options = { filter: "mobile", longPolling: 50, apikey: "k", endpoint: "/e" };
    assertEquals((await take(client, 4, options)).map(({ datetime }) => datetime), [101, 110, 120.5, 130]);
    assertEquals(asked(requests), ["datetime", 100, 108, 118.5]);
    assertEquals(requests[0]?.fields["apikey"], "k");
    assertEquals([requests[1]?.fields["jsonrpc"], requests[1]?.fields["params"], requests[1]?.fields["endpoint"]], [
      "event::changes",
      { datetime: 100, longPolling: 50, filter: "mobile" },
      "/e",
    ]);
    assertEquals(clock.waits, []);
    clock.assertIdle();
  });
}

Deno.test("jeedomEvents() begins after since, and polls for 50 s and no filter by default", async () => {
  const { client, requests } = clientOf([changes(101, event(101))], new FakeClock());
  await take(client, 1, { since: 77.5 });
  assertEquals(requests[0]?.fields["params"], { datetime: 77.5, longPolling: 50 });
});

Deno.test("jeedomEvents() yields each event once, also one that Jeedom wrote late", async () => {
  const clock = new FakeClock();
  const { client, requests } = clientOf([
    changes(110, event(109), event(110), event(110)),
    // Late: between the two earlier ones.
    changes(111, event(109), event(109.5), event(110), event(111)),
    // The same time and name, but another value.
    changes(111, event(109.5), event(110), event(111), event(111, 1)),
    changes(114, event(110), event(111), event(111, 1), event(114)),
  ], clock);
  const seen = await take(client, 6, { since: 100 });
  assertEquals(seen, [event(109), event(110), event(109.5), event(111), event(111, 1), event(114)]);
  assertEquals(asked(requests), [100, 108, 109, 109]);
});

Deno.test("jeedomEvents() yields nothing from before its beginning", async () => {
  const { client, requests } = clientOf([
    changes(100),
    // Jeedom sends the time of its last event, however long ago.
    changes(60, event(99), event(100)),
    changes(101, event(60), event(99), event(101)),
  ], new FakeClock());
  assertEquals(await take(client, 1, { since: 100 }), [event(101)]);
  assertEquals(asked(requests), [100, 100, 100]);
});

Deno.test("jeedomEvents() keeps only the events within the overlap", async () => {
  const polls = [changes(100, event(100)), changes(200, event(200)), changes(201, event(100), event(200), event(201))];
  const { client } = clientOf(polls, new FakeClock());
  assertEquals((await take(client, 4, { since: 90 })).map(({ datetime }) => datetime), [100, 200, 100, 201]);
});

Deno.test("jeedomEvents() waits a second after a quick poll without new events", async () => {
  const clock = new FakeClock();
  const { client } = clientOf([
    changes(100, event(100)),
    changes(100, event(100)),
    slowly(clock, changes(100, event(100))),
    slowly(clock, changes(100)),
    changes(100),
    changes(101, event(101)),
  ], clock);
  await take(client, 2, { since: 90 });
  assertEquals(clock.waits, [1000, 1000]);
  clock.assertIdle();
});

Deno.test("jeedomEvents() retries after temporary failures, with longer waits, and resumes at the same time", async () => {
  const clock = new FakeClock();
  const passing = [
    unreachable,
    refuse(503),
    refuse(429, { "Retry-After": "7" }),
    failure(429, "Too many", { retry_after: 9 }),
    failure(502, "Jeedom cannot be reached, or broke off its answer"),
    failure(504, "Jeedom did not answer within 80 s"),
    answer(503, "<html>"),
  ];
  const { client, requests } = clientOf(
    [
      ...passing.slice(0, 2),
      result(100),
      changes(110, event(110)),
      ...passing,
      changes(120, event(120)),
      unreachable,
      changes(
        130,
        event(130),
      ),
    ],
    clock,
  );
  assertEquals((await take(client, 3)).map(({ datetime }) => datetime), [110, 120, 130]);
  assertEquals(clock.waits, [250, 500, 250, 500, 7000, 9000, 4000, 8000, 15_000, 250]);
  assertEquals(asked(requests), [
    ...Array(3).fill("datetime"),
    100,
    ...Array(8).fill(108),
    ...Array(2).fill(118),
  ]);
  clock.assertIdle();
});

Deno.test("jeedomEvents() ends with a permanent failure", async () => {
  const rpcError = answer(200, { jsonrpc: "2.0", id: 1, error: { code: 2, message: "Vous n'êtes pas autorisé" } });
  const ends: [Answerer, string, string][] = [
    [rpcError, "jeedom", "Jeedom refuses event::changes: Vous n'êtes pas autorisé (2)"],
    [answer(404, "<html>"), "jeedom", "HTTP status 404"],
    [result("ok"), "jeedom", "has no events"],
    [result({ datetime: 1 }), "jeedom", "has no events"],
    [changes(null), "jeedom", "has no time"],
    [changes("now"), "jeedom", "has no time"],
    [failure(403, "This key may not call event::changes"), "scope", "This key may not"],
    [failure(403, "Missing required field: apikey"), "refused", "Missing"],
    [refuse(401), "wrong_key", "Refused with 401"],
    [() => new Response("<html>"), "tampered", "not sealed"],
  ];
  for (const [end, code, message] of ends) {
    const clock = new FakeClock();
    const { client } = clientOf([changes(100, event(99)), end], clock);
    const seen: JeedomEvent[] = [];
    const error = await assertRejects(
      async () => {
        for await (const event of client.jeedomEvents({ since: 90 })) seen.push(event);
      },
      GatewayError,
      message,
    );
    assertEquals([error.code, seen], [code, [event(99)]]);
    clock.assertIdle();
  }
  for (
    const [answer, message] of [[rpcError, "Jeedom refuses datetime"], [result([1]), "has no time"]] as const
  ) {
    const { client } = clientOf([answer], new FakeClock());
    await assertRejects(() => client.jeedomEvents().next(), GatewayError, message);
  }
});

Deno.test("jeedomEvents() survives a database that restarts, a page instead of an answer, and half an answer", async () => {
  const rpcError = (code: unknown) => answer(200, { jsonrpc: "2.0", id: 1, error: { code, message: "Unavailable" } });
  const passing = [
    rpcError(-32_000),
    ...["<html>", "", '{"jsonrpc":"2.0","resu', null, [], {}, 7].map((body) => answer(200, body)),
    answer(500, ""),
    answer(502, "<html>"),
    answer(504, { jsonrpc: "2.0" }),
    failure(502, "Jeedom's answer is empty"),
  ];
  for (const fault of passing) {
    const clock = new FakeClock();
    const { client, requests } = clientOf([fault, result(100), fault, fault, changes(110, event(110))], clock);
    assertEquals((await take(client, 1)).map(({ datetime }) => datetime), [110]);
    assertEquals(asked(requests), ["datetime", "datetime", 100, 100, 100]);
    assertEquals(clock.waits, [250, 250, 500]);
    clock.assertIdle();
  }
});

Deno.test("jeedomEvents() ends with each refusal of Jeedom, of the first and of a later poll", async () => {
  for (const code of [1, 2, 5, 500, 701, -32_001, "-32000", undefined]) {
    const refusal = answer(200, { jsonrpc: "2.0", id: 1, error: { code, message: "No" } });
    for (const before of [[], [result(100)], [result(100), changes(110)]]) {
      const { client, requests } = clientOf([...before, refusal], new FakeClock());
      const error = await assertRejects(() => take(client, 1), GatewayError, "Jeedom refuses");
      assertEquals([error.code, requests.length], ["jeedom", before.length + 1]);
    }
  }
});

Deno.test("jeedomEvents() fails after five minutes of nothing but failures, and restarts that time after a success", async () => {
  const clock = new FakeClock();
  const fail: Answerer = (request, signal) => {
    clock.skip(10_000);
    return answer(200, "<html>")(request, signal);
  };
  // Each takes 10 s and a wait of 250 ms, 500 ms … 15 s: five minutes are over with the sixteenth at the latest.
  const failures = Array<Answerer>(30).fill(fail);
  const { client, requests } = clientOf([...failures.slice(0, 10), changes(110, event(110)), ...failures], clock);
  const events = client.jeedomEvents({ since: 100 });
  assertEquals((await events.next()).value, event(110));
  const began = clock.monotonic();
  const error = await assertRejects(() => events.next(), GatewayError, "does not answer event::changes in JSON-RPC");
  assertEquals(error.code, "failed");
  const seconds = (clock.monotonic() - began) / 1000;
  assert(seconds >= 300 && seconds < 340, `${seconds} s`);
  assert(requests.length > 20 && requests.length < 30, `${requests.length} requests`);
  clock.assertIdle();
});

Deno.test("advance() identifies an event that cannot be written as JSON by its time and its name", () => {
  const overlap = new OverlappingPolls(100);
  // As JSON.stringify of some platforms does with deep nesting.
  const option = {
    toJSON() {
      throw new RangeError("Maximum call stack size exceeded");
    },
  };
  const [deep, other] = [{ datetime: 101, name: "x", option }, { datetime: 102, name: "x", option }];
  assertEquals(overlap.advance({ datetime: 101, events: [deep] }), [deep]);
  assertEquals(overlap.advance({ datetime: 102, events: [deep, other] }), [other]);
});

Deno.test("jeedomEvents() skips malformed events, and keeps the others", async () => {
  const strange = [null, 1, {}, { name: "x" }, { datetime: "soon", name: "x" }, { datetime: 101, name: 1 }];
  const { client } = clientOf([changes("103", ...strange, { ...event(0), datetime: "102" })], new FakeClock());
  assertEquals(await take(client, 1, { since: 100 }), [event(102)]);
});

Deno.test("jeedomEvents() ends at once when it is aborted, in a poll or in a wait", async () => {
  for (const answers of [[mute], [unreachable], [changes(100)]]) {
    const clock = new FakeClock({ holds: true });
    const { client, requests } = clientOf(answers, clock);
    const stopped = new AbortController();
    const next = client.jeedomEvents({ since: 100, signal: stopped.signal }).next();
    await until("it waits", () => requests.length === 1 && (answers[0] === mute || clock.waits.length === 1));
    stopped.abort(new Error("Enough"));
    await assertRejects(() => within("the end", next), Error, "Enough");
    clock.assertIdle();
  }
});

Deno.test("jeedomEvents() ends a poll 40 s after its own wait, and then polls again", async () => {
  const clock = new FakeClock();
  const { client, requests } = clientOf([mute, changes(101, event(101))], clock);
  const next = client.jeedomEvents({ since: 100 }).next();
  await until("it waits", () => requests.length === 1);
  clock.advance(89_999);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([requests.length, clock.waits], [1, []]);
  clock.advance(1);
  assert(!(await within("the event", next)).done);
  assertEquals(clock.waits, [250]);
});
