/** Resumption of a subscription after the end of its streams. */
import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../support/fake_clock.ts";
import { BROKEN, final, follow } from "./follow.ts";
import {
  type Answerer,
  clientOf,
  connected,
  message,
  position,
  refuse,
  stream,
  unreachable,
  VERSIONS,
} from "../support/fake_gateway.ts";

for (const [end, protocol] of [["ends", 1], ["breaks", 1], ["ends", 2], ["breaks", 2]] as const) {
  Deno.test(`subscribe() resumes after the last event when a stream of version ${protocol} ${end}, with a new request`, async () => {
    const clock = new FakeClock();
    const answers = [
      stream([connected(3), message(5), message(9)], end),
      stream([connected(9), message(12)], "stays open"),
    ];
    const { client, requests } = clientOf(answers, clock, { protocol });
    const seen = await follow(client.subscribe(["t", "u"], { qos: 1, keep: true, brokerHost: "b" }), 12);
    assertEquals(seen, ["connected", "m5", "m9", BROKEN, "connected", "m12"]);

    const [first, second] = requests;
    const batch = protocol === 2 ? { batch: true } : {};
    const same = { topics: ["t", "u"], qos: 1, keep: true, "broker_host": "b", ...batch };
    assertEquals(first?.fields, { ...same, timestamp: 1_700_000_000 });
    assertEquals(second?.fields, { ...same, since: position(9), timestamp: 1_700_000_000.25 });
    assert(first?.nonce !== second?.nonce, "Nonce was used before");
    clock.assertIdle();
  });
}

Deno.test("subscribe() resumes from connected when no message came, and from since when it was given", async () => {
  const { client, requests } = clientOf([
    stream([connected(3)]),
    stream([{ ...connected(4), epoch: "e2" }, { type: "gap", message: "Some may be missing", timestamp: 5 }]),
    stream([connected(9), message(10)]),
  ], new FakeClock());
  const seen = await follow(client.subscribe(["t"], { since: position(1) }), 10);
  assertEquals(seen, ["connected", BROKEN, "connected", "gap: Some may be missing", BROKEN, "connected", "m10"]);
  assertEquals(requests.map(({ fields }) => fields["since"]), [position(1), position(3), {
    epoch: "e2",
    offset: 4,
  }]);
});

Deno.test("subscribe() starts over with a gateway that sends no position", async () => {
  const old = { type: "connected", topic: "t", topics: ["t"] };
  const { client, requests } = clientOf([stream([old]), stream([old, message(1)])], new FakeClock());
  assertEquals(await follow(client.subscribe(["t"]), 1), ["connected", BROKEN, "connected", "m1"]);
  assertEquals(requests.map(({ fields }) => "since" in fields), [false, false]);
});

Deno.test("subscribe() resumes after the position in an error", async () => {
  const slow = { ...final("error", "Too slow: 1 s"), resume: position(8) };
  const answers = [stream([connected(3), message(5), slow]), stream([connected(8), message(9)])];
  const { client, requests } = clientOf(answers, new FakeClock());
  assertEquals(await follow(client.subscribe(["t"]), 9), [
    "connected",
    "m5",
    "error: Too slow: 1 s",
    "connected",
    "m9",
  ]);
  assertEquals(requests[1]?.fields["since"], position(8));
});

Deno.test("subscribe() yields the end of a gateway that stops, and resumes", async () => {
  const end = { type: "end", reason: "restart", message: "Gateway is shutting down", timestamp: 5 };
  const { client } = clientOf(
    [stream([connected(3), end]), stream([end]), stream([connected(3), message(4)])],
    new FakeClock(),
  );
  assertEquals(await follow(client.subscribe(["t"]), 4), [
    "connected",
    "end: Gateway is shutting down",
    "connected",
    "m4",
  ]);
});

Deno.test("subscribe() yields disconnected and notices, and resumes", async () => {
  const answers = [
    stream([
      connected(3),
      { type: "offline", message: "Broker is unavailable", timestamp: 5 },
      final("disconnected", "stops"),
    ]),
    stream([connected(3), { type: "online", message: "back", timestamp: 6 }, message(4)]),
  ];
  const { client } = clientOf(answers, new FakeClock());
  assertEquals(await follow(client.subscribe(["t"]), 4), [
    "connected",
    "offline: Broker is unavailable",
    "disconnected: stops",
    "connected",
    "online: back",
    "m4",
  ]);
});

for (const protocol of VERSIONS) {
  Deno.test(`subscribe() retries temporary failures without notice, in version ${protocol}`, async () => {
    const passing: Answerer[] = [
      unreachable,
      ...[408, 429, 500, 502, 503, 504].map((status) => refuse(status)),
      stream([final("error", "MQTT error: Broker b:1883 refused the connection")]),
      stream([final("error", "Too many open streams: close one first")]),
      stream([final("error", "Too slow: too many messages wait for all listeners together")]),
      // In version 2 it corrects its clock, and tries a second time at once.
      stream([final("error", "Request expired")]),
      ...protocol === 2 ? [stream([final("error", "Request expired")])] : [],
      stream([final("disconnected", "Gateway is shutting down")]),
      stream([]),
      () => new Response("<html>Welcome to the hotel</html>"),
    ];
    const { client, requests } = clientOf(
      [stream([connected(3)]), ...passing, stream([connected(3), message(4)])],
      new FakeClock(),
      { protocol },
    );
    assertEquals(await follow(client.subscribe(["t"]), 4), ["connected", BROKEN, "connected", "m4"]);
    assertEquals(requests.length, passing.length + 2);
    assertEquals(new Set(requests.map(({ nonce }) => nonce)).size, requests.length);
  });
}
