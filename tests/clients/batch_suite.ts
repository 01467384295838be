/** Tests of every client: batches, several messages in one event of version 2. */
import { assertEquals, assertLess } from "@std/assert";
import { connectAsync } from "mqtt";
import { withEmbeddedBroker } from "../support/environment.ts";
import { message, positionOf } from "./client_request.ts";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { startCountingRelay } from "./counting_relay.ts";
import { breakOff, end, error, stay } from "./responses.ts";
import { received, subscribing } from "./subscribing.ts";
import type { Respond } from "./tcp_gateway.ts";

/** Returns a batch of messages. */
function batchOf(...numbers: readonly number[]) {
  const messages = numbers.map((number) => {
    const { type: _type, ...fields } = message(number);
    return fields;
  });
  return { type: "messages", messages };
}

/** Connects, sends events, and breaks off. */
const send = (...events: readonly unknown[]): Respond => async (request) => {
  await request.connect();
  await request.send(...events);
};

/** Connects, sends events, and leaves the stream open. */
const sendAndStay = (...events: readonly unknown[]): Respond => async (request) => {
  await send(...events)(request);
  await request.closed();
};

/** Number of messages that are published at once. */
const BURST = 500;

/** Registers the tests of one client. */
export function testBatches(program: ClientProgram): void {
  const tests = new ClientTests(program);
  const subscribe = subscribing(tests);

  tests.test("gets the messages of batches one by one, between the events around them, and resumes after them", () => {
    const gap = { type: "gap", message: "Why", timestamp: 1 };
    const unlike = { ...message(6), payload: null, "payload_b64": "/w==", "retain": true };
    const answers = [
      send(message(1), batchOf(2, 3), gap, batchOf(4), batchOf(5), end),
      send({ type: "messages", messages: [unlike, message(7)] }),
      send(error("Too slow: 1 s", { resume: positionOf(8) })),
      breakOff,
      sendAndStay(batchOf(9, 10)),
    ];
    return subscribe(answers, { count: 9 }, (lines, requests) => {
      const [first, second] = [["connected", "1", "2", "3", "gap", "4", "5", "end"], ["connected", "message", "7"]];
      const rest = ["disconnected", "connected", "error", "connected", "disconnected", "connected", "9", "10"];
      assertEquals(received(lines), [...first, ...second, ...rest]);
      assertEquals(lines.find((line) => line["payload"] === "3"), message(3));
      assertEquals(lines.find((line) => line["payload"] === null), unlike);
      const positions = [undefined, ...[5, 7, 8, 8].map(positionOf)];
      assertEquals(requests.map(({ since }) => since), positions);
      assertEquals(requests.map(({ fields }) => fields["batch"]), Array(answers.length).fill(true));
    });
  });

  tests.test("can stop within a batch, and resume after the last message that it got", async () => {
    const numbers = [1, 2, 3, 4, 5];
    let since = positionOf(0);
    for (const number of numbers) {
      // The whole rest each time, as a gateway sends it.
      const rest = batchOf(...numbers.filter((other) => positionOf(other).offset > since.offset));
      await subscribe([sendAndStay(rest)], { count: 1, choices: { since } }, (lines) => {
        assertEquals(received(lines), ["connected", String(number)]);
        const { epoch, offset } = lines.find(({ type }) => type === "message") ?? {};
        since = { epoch: String(epoch), offset: Number(offset) };
      });
    }
    assertEquals(since, positionOf(5));
  });

  tests.test("treats a malformed batch as tampering, and passes on nothing of it", async () => {
    const good = message(1);
    for (const messages of [undefined, {}, "1", [], [good, null], [good, "2"], [good, []]]) {
      await subscribe([sendAndStay({ type: "messages", messages })], {}, (lines) => {
        assertEquals(received(lines), ["connected"]);
        tests.assertFailure(lines.at(-1), "tampered");
      });
    }
  });

  tests.test("stops within a burst of a real gateway, and gets the rest once and in order, in few events", () =>
    withEmbeddedBroker(async ({ gateway, brokerPort }) => {
      await using relay = startCountingRelay(gateway.url);
      const target = { url: relay.url, key: gateway.key };
      const numbers = Array.from({ length: BURST }, (_, index) => String(index));
      const first = await tests.withClient(target, ["subscribe", "1", "{}", "home/n"], async (client) => {
        await client.line("type", "connected");
        const broker = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { reconnectPeriod: 0 });
        await Promise.all(numbers.map((number) => broker.publishAsync("home/n", number, { qos: 1 })));
        await broker.endAsync();
        await client.line("end");
      });
      const { epoch, offset } = first.find(({ type }) => type === "message") ?? {};
      const before = relay.records;
      const choices = JSON.stringify({ since: { epoch, offset } });
      const rest = await tests.all(target, ["subscribe", String(BURST - 1), choices, "home/n"]);
      const [start = "", ...others] = numbers;
      assertEquals([received(first), received(rest)], [["connected", start], ["connected", ...others]]);
      assertLess(relay.records - before, BURST / 2);
    }));

  tests.test("of version 1 asks for no batches", () =>
    subscribe([breakOff, stay(1)], { count: 1, version: "1" }, (_lines, requests) => {
      assertEquals(requests.map(({ fields }) => "batch" in fields), [false, false]);
    }));
}
