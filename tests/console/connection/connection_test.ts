/** Streams of a connection: being too slow, and a filter that is refused. */
import { assertEquals } from "@std/assert";
import { RefusedError } from "@e2e-gateway/client";
import { isAnswer } from "../../../src/console/connection/failures.ts";
import { Connection } from "../../../src/console/connection/connection.ts";
import { importUnreadableKey } from "../../../src/console/connection/secret_key.ts";
import { LiveSession } from "../../../src/console/screens/live/live_session.ts";
import { until } from "../../support/deadline.ts";
import {
  answer,
  type Answerer,
  coded,
  connected,
  fetchOf,
  KEY,
  message,
  position,
  receive,
  secret,
  stream,
} from "../../support/fake_gateway.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** Connects to a gateway whose streams are decided one after the other. */
async function connect(...streams: Answerer[]) {
  const clock = new ManualClock();
  const asked: unknown[] = [];
  const { fetch } = fetchOf([]);
  const home = {
    base: "http://gateway",
    kid: secret.kid,
    name: "phone",
    key: await importUnreadableKey(KEY),
    pairedAt: 0,
  };
  const connection = new Connection({
    home,
    clock,
    async fetch(input, init) {
      const { body, signal } = init ?? {};
      if (typeof body !== "string" || !signal) return await fetch(input, init);
      const request = await receive(new URL(String(input)).pathname, body);
      if (request.route === "/gateway") {
        return await answer(200, { name: "phone", kid: secret.kid, rights: {} }, 0)(request, signal);
      }
      asked.push([request.fields["topics"], request.fields["since"]]);
      return await (streams.shift() ?? coded(429, "key_rate"))(request, signal);
    },
  });
  connection.setVisible(true);
  return { connection, clock, asked };
}

Deno.test("a connection tells that the device was too slow, counts it, and resumes where the gateway ended the stream", async () => {
  const { connection, clock, asked } = await connect(
    stream([connected(1), message(2), { type: "error", code: "too_slow", message: "Too slow", resume: position(5) }]),
    stream(
      [{ type: "connected", topic: "t", topics: ["t"] }, {
        type: "gap",
        message: "Messages may be missing",
        timestamp: 0,
      }, message(10)],
      "stays open",
    ),
  );
  const session = new LiveSession({ now: () => 0, requestFrame: () => {}, clockDifference: () => 0 });
  const stop = connection.subscribe("mqtt", { filters: ["t"], onEvent: (event) => session.hear("mqtt", event) });
  const kinds = () => session.incidents.value.map(({ kind }) => kind);
  await until("the stream to resume", () => {
    clock.pass(1000);
    return kinds().includes("gap");
  });
  assertEquals(kinds(), ["slow", "gap"]);
  assertEquals(connection.counts.value, { gaps: 1, resumes: 0, slow: 1 });
  assertEquals(asked, [[["t"], undefined], [["t"], position(5)]]);
  stop();
  connection.close();
});

Deno.test("a connection tells a refused filter to its own listener, and the others go on", async () => {
  const refusal = { type: "error", code: "scope", message: "This key may not subscribe to secret/#", timestamp: 0 };
  // Both halves are asked for at the same time.
  const half: Answerer = (request, signal) =>
    (String(request.fields["topics"]) === "t" ? stream([connected(1)], "stays open") : stream([refusal]))(
      request,
      signal,
    );
  const { connection, clock, asked } = await connect(
    stream([refusal]),
    half,
    half,
    stream([connected(1), message(2)], "stays open"),
  );
  const heard: string[] = [];
  const listen = (filter: string) =>
    connection.subscribe("mqtt", {
      filters: [filter],
      onEvent: (event) => void (event.type === "message" && heard.push(`${filter}: ${event.payload}`)),
      onRefused: (error) => void heard.push(`${filter}: ${error.message}`),
    });
  listen("secret/#");
  listen("t");
  await until("the message to come", () => {
    clock.pass(1000);
    return heard.length === 2;
  });
  assertEquals(heard, ["secret/#: This key may not subscribe to secret/#", "t: m2"]);
  assertEquals(asked.map((request) => JSON.stringify(request)).sort(), [
    '[["secret/#","t"],null]',
    '[["secret/#"],null]',
    '[["t"],null]',
    '[["t"],null]',
  ]);
  connection.close();
});

Deno.test("a plain refusal, as of a proxy in between, is no answer of the gateway, and ends no stream for good", async () => {
  const { connection, clock } = await connect(
    () => new Response("Not found", { status: 404 }),
    () => new Response("Forbidden", { status: 403 }),
    stream([connected(1), message(2)], "stays open"),
  );
  const payloads: unknown[] = [];
  let refusals = 0;
  const stop = connection.subscribe("mqtt", {
    filters: ["t"],
    onEvent: (event) => event.type === "message" && payloads.push(event.payload),
    onRefused: () => refusals += 1,
  });
  await until("the stream of the gateway", () => {
    clock.pass(1000);
    return payloads.length > 0;
  });
  assertEquals([payloads, refusals], [["m2"], 0]);
  assertEquals([false, true].map((isSealed) => isAnswer(new RefusedError("Not found", { isSealed }))), [false, true]);
  stop();
  connection.close();
});

Deno.test("a stream whose key was refused opens again once the gateway accepts the key", async () => {
  const { connection, clock } = await connect(
    () => new Response('{"error":"Decryption failed"}', { status: 401 }),
    stream([connected(1), message(2)], "stays open"),
  );
  const payloads: unknown[] = [];
  const stop = connection.subscribe("mqtt", {
    filters: ["t"],
    onEvent: (event) => event.type === "message" && payloads.push(event.payload),
  });
  await until("the stream of the gateway", () => {
    clock.pass(1000);
    return payloads.length > 0;
  });
  assertEquals([payloads, connection.status.value.kind], [["m2"], "live"]);
  stop();
  connection.close();
});
