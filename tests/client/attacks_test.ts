/** Attacks on answers and streams of version 2. */
import { assertEquals, assertRejects } from "@std/assert";
import { GatewayError } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { RequestBinding } from "../../src/protocol/v2/envelope.ts";
import { type Exchange, sealAnswer } from "../../src/protocol/exchange.ts";
import { until } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { final, shorten } from "./follow.ts";
import {
  type Answerer,
  blocks,
  bodyOf,
  clientOf,
  connected,
  message,
  type Received,
  secret,
} from "../support/fake_gateway.ts";

const GOOD = JSON.stringify({ status: 200, body: "done", timestamp: 1_700_000_000 });

const seal = (exchange: Exchange, text = GOOD) => sealAnswer(exchange, text, randomBytes);

/** Returns the request with some parts replaced. */
function changed({ exchange }: Received, parts: Partial<RequestBinding>): Exchange {
  if (exchange.version === 1) throw new Error("Version 1 binds nothing");
  return { ...exchange, ...parts };
}

const answerAttacks: Readonly<Record<string, (request: Received) => Promise<string>>> = {
  "an answer to another request": (request) => seal(changed(request, { salt: randomBytes(16) })),
  "an answer of another route": (request) => seal(changed(request, { route: "/gateway" })),
  "an answer of version 1": () => seal({ version: 1, key: secret }),
  "the request, reflected": ({ body }) => Promise.resolve(body),
  "the request without its key id": ({ body }) => Promise.resolve(`2.${body.split(".")[2]}`),
  "an event of a stream": async ({ exchange }) => (await blocks([connected(1)], exchange)).join(""),
  "an answer that is cut": async ({ exchange }) => (await seal(exchange)).slice(0, -4),
  "an answer with a bit turned": async ({ exchange }) => {
    const text = await seal(exchange);
    return text.slice(0, 60) + (text[60] === "A" ? "B" : "A") + text.slice(61);
  },
  "white space": async ({ exchange }) => `${await seal(exchange)}\n`,
  "nothing": () => Promise.resolve(""),
};

for (const [what, attack] of Object.entries(answerAttacks)) {
  Deno.test(`publish() of version 2 rejects ${what}`, async () => {
    const clock = new FakeClock();
    const { client, requests } = clientOf([async (request) => new Response(await attack(request))], clock);
    const error = await assertRejects(() => client.publish("t", "m"), GatewayError, "Answer is not sealed");
    assertEquals([error.name, error.code, error.retryAfterMs], ["TamperedError", "tampered", undefined]);
    assertEquals(requests.length, 1);
    clock.assertIdle();
  });
}

Deno.test("callJeedom() of version 2 rejects two answers that are swapped", async () => {
  const held: { readonly request: Received; readonly send: (response: Response) => void }[] = [];
  const hold: Answerer = (request) => new Promise((send) => held.push({ request, send }));
  const { client } = clientOf([hold, hold], new FakeClock());
  const calls = [client.callJeedom("cmd::execCmd", { id: 1 }), client.callJeedom("cmd::execCmd", { id: 2 })];
  const outcomes = Promise.allSettled(calls);
  await until("both requests", () => held.length === 2);
  const [one, other] = held;
  if (one === undefined || other === undefined) throw new Error("Requests are missing");
  one.send(new Response(await seal(other.request.exchange)));
  other.send(new Response(await seal(one.request.exchange)));
  const codes = (await outcomes).map((outcome) =>
    outcome.status === "rejected" && outcome.reason instanceof GatewayError ? outcome.reason.code : outcome.status
  );
  assertEquals(codes, ["tampered", "tampered"]);
});

Deno.test("callJeedom() of version 1 rejects its own request, and an answer of version 2", async () => {
  for (
    const attack of [
      ({ body }: Received) => Promise.resolve(body),
      () => seal({ version: 2, key: secret, route: "/gateway", salt: randomBytes(16) }),
    ]
  ) {
    const { client } = clientOf([async (request) => new Response(await attack(request))], new FakeClock(), {
      protocol: 1,
    });
    assertEquals((await assertRejects(() => client.callJeedom("ping"), GatewayError)).code, "tampered");
  }
});

/** Blocks of a valid stream: connected, four messages, the end. */
const events = [connected(0), message(1), message(2), message(3), message(4), final("end", "bye")];

/** Change of the blocks by the attacker; then the events that the client yields, and the code of its error. */
type StreamAttack = readonly [
  attack: (sent: readonly string[], request: Received) => Promise<string> | string,
  seen: readonly string[],
  code: string,
];

const [opened, one] = [["connected"], ["connected", "m1"]];

const openingOf = (block = "") => block.slice(0, block.indexOf("\n\n") + 2);
const firstOf = (block = "") => block.slice(block.indexOf("\n\n") + 2);

/** Returns the blocks in another order. */
const order = (...indexes: readonly number[]) => (sent: readonly string[]) =>
  indexes.map((index) => sent[index] ?? "").join("");

const streamAttacks: Readonly<Record<string, StreamAttack>> = {
  "an event dropped": [order(0, 1, 3, 4, 5), one, "tampered"],
  "the first event dropped": [(sent) => openingOf(sent[0]) + order(1, 2, 3, 4, 5)(sent), [], "tampered"],
  "two events swapped": [order(0, 1, 3, 2, 4, 5), one, "tampered"],
  "an event repeated": [order(0, 1, 1, 2, 3, 4, 5), one, "tampered"],
  "an event repeated under the next number": [
    (sent) => order(0, 1)(sent) + sent[1]?.replace("id: 1", "id: 2") + order(3, 4, 5)(sent),
    one,
    "tampered",
  ],
  "an event dropped and the numbers adjusted": [
    (sent) => order(0, 1)(sent) + sent[3]?.replace("id: 3", "id: 2") + order(4, 5)(sent),
    one,
    "tampered",
  ],
  "a number removed": [
    (sent) => order(0, 1)(sent) + sent[2]?.replace("id: 2\n", "") + order(3, 4, 5)(sent),
    one,
    "tampered",
  ],
  "a number spelled otherwise": [
    (sent) => order(0, 1)(sent) + sent[2]?.replace("id: 2", "id: 02") + order(3, 4, 5)(sent),
    one,
    "tampered",
  ],
  "an event of version 1 injected": [
    async (sent) => {
      const sealed = await seal({ version: 1, key: secret }, JSON.stringify(message(9)));
      return `${order(0, 1)(sent)}id: 2\ndata: ${sealed}\n\n`;
    },
    one,
    "tampered",
  ],
  "an event of another stream injected": [
    async (sent, request) => {
      const other = await blocks([connected(0), message(8), message(9)], request.exchange);
      return order(0, 1)(sent) + other[2];
    },
    one,
    "tampered",
  ],
  "another opening in the middle": [
    async (sent, request) => order(0, 1)(sent) + (await blocks(events, request.exchange)).join(""),
    one,
    "tampered",
  ],
  "no opening": [(sent) => firstOf(sent[0]) + order(1, 2, 3, 4, 5)(sent), [], "tampered"],
  "an opening of another kind": [
    (sent) => openingOf(sent[0]).replace("event: open", "event: message") + firstOf(sent[0]),
    [],
    "tampered",
  ],
  "the opening of another stream": [
    async (sent, request) => openingOf((await blocks(events, request.exchange))[0]) + firstOf(sent[0]),
    [],
    "tampered",
  ],
  "an opening that is none": [(sent) => `event: open\ndata: 2.AAAA\n\n${firstOf(sent[0])}`, [], "tampered"],
  "the stream of another request": [
    async (_sent, request) => (await blocks(events, changed(request, { salt: randomBytes(16) }))).join(""),
    [],
    "tampered",
  ],
  "a stream of version 1": [
    async () => (await blocks(events, { version: 1, key: secret })).join(""),
    [],
    "tampered",
  ],
  "an answer instead of a stream": [
    async (_sent, { exchange }) => `event: open\ndata: ${await seal(exchange)}\n\n`,
    [],
    "tampered",
  ],
  "an event in plain text": [(sent) => `${order(0, 1)(sent)}id: 2\ndata: {"type":"end"}\n\n`, one, "tampered"],
  "an event that is cut": [
    (sent) => `${order(0)(sent)}${sent[1]?.slice(0, -6)}\n\n${order(2, 3, 4, 5)(sent)}`,
    opened,
    "tampered",
  ],
  "the end cut off": [order(0, 1), one, "truncated"],
  "the end cut off within an event": [(sent) => order(0, 1)(sent) + sent[2]?.slice(0, -1), one, "truncated"],
  "everything cut off": [() => "", [], "truncated"],
};

for (const [what, [attack, handedOver, code]] of Object.entries(streamAttacks)) {
  for (const resume of code === "tampered" ? [true, false] : [false]) {
    Deno.test(`subscribe({ resume: ${resume} }) of version 2 ends with "${code}" when it gets ${what}`, async () => {
      const clock = new FakeClock();
      const { client, requests } = clientOf([async (request, signal) => {
        const text = await attack(await blocks(events, request.exchange), request);
        return bodyOf([new TextEncoder().encode(text)], "ends", signal);
      }], clock);
      const seen: string[] = [];
      const error = await assertRejects(async () => {
        for await (const event of client.subscribe(["t"], { resume })) seen.push(shorten(event));
      }, GatewayError);
      assertEquals([seen, error.code, requests.length], [[...handedOver], code, 1]);
      clock.assertIdle();
    });
  }
}

Deno.test("subscribe() of version 2 reads nothing after the last event", async () => {
  const { client } = clientOf([async ({ exchange }, signal) => {
    const sent = await blocks([connected(0), final("end", "bye"), message(9)], exchange);
    return bodyOf([new TextEncoder().encode(sent.join(""))], "ends", signal);
  }], new FakeClock());
  const seen = await Array.fromAsync(client.subscribe(["t"], { resume: false }));
  assertEquals(seen.map(shorten), ["connected", "end: bye"]);
});
