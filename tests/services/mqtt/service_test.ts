import { assertEquals, assertRejects } from "@std/assert";
import { type BrokerAddress, BrokerError, type Publication } from "../../../src/mqtt/broker.ts";
import type { OpenedText } from "../../../src/protocol/aead.ts";
import { FieldError, keepDigits, parsePayload, type Payload } from "../../../src/protocol/payload.ts";
import { allRights, Scope } from "../../../src/keys/rights.ts";
import { SERVICES } from "../../../src/services/registry.ts";
import { createBrokerDirectory } from "../../../src/services/mqtt/broker_directory.ts";
import { createMqttService } from "../../../src/services/mqtt/service.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { EventEncoder } from "../../../src/streams/event_encoder.ts";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { Deadlines } from "../../../src/lib/deadlines.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";

const scope = new Scope(allRights(SERVICES));

const HOME: BrokerAddress = { host: "broker", port: 8883, username: "home", password: "secret", tls: { ca: "CA" } };

function makeService(failure?: Error) {
  const published: { address: BrokerAddress; publication: Publication }[] = [];
  const directory = createBrokerDirectory({
    configured: HOME,
    allowed: [{ host: "other", port: undefined }],
    defaultPort: 1883,
  });
  const service = createMqttService({
    directory,
    brokers: {
      publish(address, publication) {
        published.push({ address, publication });
        return failure === undefined ? Promise.resolve() : Promise.reject(failure);
      },
      listen: () => () => {},
    },
    events: {
      encoder: new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK }),
      maxEventBytes: 1000,
      telemetry: { dropped: () => {} },
      now: () => 0,
    },
    deadlines: new Deadlines(SYSTEM_CLOCK, 10),
  });
  const handle = (payload: Payload) =>
    service.handle(payload, {
      key: "phone",
      kid: "",
      keyCreated: 0,
      scope,
      clientSignal: new AbortController().signal,
      holdMemory: (release) => release(),
    });
  return { handle, published };
}

Deno.test("handle() publishes and answers as the original gateway did", async () => {
  const { handle, published } = makeService();
  const reply = await handle({ topic: "home/temperature", message: "22.5", qos: 1, retain: true });
  assertEquals(reply.status, 200);
  assertEquals(
    JSON.parse(reply.bodyJson),
    '{"success":true,"topic":"home/temperature","message":"Published successfully"}',
  );
  assertEquals(published[0]?.publication, { topic: "home/temperature", payload: "22.5", qos: 1, retain: true });
});

Deno.test("handle() publishes a request with a topic, whatever its field retained", async () => {
  const { handle, published } = makeService();
  await handle({ topic: "t", message: "x", retained: true });
  await handle({ topic: "t", message: "x", retained: "other" });
  assertEquals(published.map(({ publication }) => publication.topic), ["t", "t"]);
});

Deno.test("handle() sends null as an empty payload, text unchanged, and any other JSON as its text", async () => {
  const { handle, published } = makeService();
  for (const message of [null, "", "x", 22.5, true, { a: [1] }, [1, "b"]]) await handle({ topic: "t", message });
  assertEquals(published.map(({ publication }) => publication.payload), [
    "",
    "",
    "x",
    "22.5",
    "true",
    '{"a":[1]}',
    '[1,"b"]',
  ]);
  assertEquals([published[0]?.publication.qos, published[0]?.publication.retain], [0, false]);
});

Deno.test("handle() sends numbers with all their digits", async () => {
  const { handle, published } = makeService();
  for (const message of ["6066005651767221768", "1.0", "-0", '{"a":[1e400,0.10]}']) {
    const text = `{"topic":"t","message":${message},"qos":1.0,"timestamp":1700000000.0}` as OpenedText;
    await handle(keepDigits(parsePayload(text), text));
    assertEquals(published.at(-1)?.publication, { topic: "t", payload: message, qos: 1, retain: false });
  }
});

Deno.test("handle() refuses invalid topics", async () => {
  const { handle, published } = makeService();
  for (const topic of ["a/+", "#", "$SYS/x", "a\0b", "x".repeat(65_536)]) {
    await assertRejects(() => handle({ topic, message: "m" }), FieldError, "Invalid field: topic: must not");
  }
  assertEquals(published.length, 0);
});

Deno.test("handle() reports a broker's failure as the original gateway did", async () => {
  const { handle } = makeService(new BrokerError("Broker broker:8883 not found"));
  const error = await assertRejects(() => handle({ topic: "t", message: "m" }), ServiceError);
  assertEquals([error.status, error.message], [500, "MQTT error: Broker broker:8883 not found"]);
});

Deno.test("handle() gives the configured login to the configured broker, and to no other", async () => {
  const { handle, published } = makeService();
  const request = { topic: "t", message: "m" };
  await handle(request);
  await handle({ ...request, broker_host: "Broker", broker_port: 8883 });
  await handle({ ...request, broker_host: "broker" });
  for (const { address } of published) assertEquals(address, HOME);

  published.length = 0;
  await handle({ ...request, broker_host: "other" });
  await handle({ ...request, broker_host: "other", broker_port: 8883, username: "u", password: "p" });
  await handle({ ...request, username: "u" });
  assertEquals(published.map(({ address }) => address), [
    { host: "other", port: 1883, username: undefined, password: undefined },
    { host: "other", port: 8883, username: "u", password: "p" },
    { ...HOME, username: "u", password: undefined },
  ]);
});

Deno.test("handle() refuses a broker that is not allowed, also the right host at another port", async () => {
  const { handle, published } = makeService();
  for (const target of [{ broker_host: "evil" }, { broker_port: 22 }, { broker_host: "broker", broker_port: 1883 }]) {
    const error = await assertRejects(() => handle({ topic: "t", message: "m", ...target }), ServiceError);
    assertEquals(error.status, 403);
  }
  assertEquals(published.length, 0);
});

Deno.test("handle() publishes exactly the bytes of payload_b64, and accepts either these or a message", async () => {
  const { handle, published } = makeService();
  const bytes = Uint8Array.from([0, 255, 128, 10, 13]);
  assertEquals((await handle({ topic: "t", payload_b64: bytes.toBase64() })).status, 200);
  await handle({ topic: "t", payload_b64: "" });
  await handle({ topic: "t", payload_b64: null, message: "m" });
  assertEquals(published.map(({ publication }) => publication.payload), [bytes, new Uint8Array(), "m"]);
  for (
    const [request, message] of [
      [{}, "Missing required field: message"],
      [{ payload_b64: null }, "Missing required field: message"],
      [{ payload_b64: "AA==", message: "m" }, "Invalid field: payload_b64: must not come together with message"],
      [{ payload_b64: "AA==", message: null }, "Invalid field: payload_b64: must not come together with message"],
      ...["A", "AA", "A_==", "A-==", "AB==", "AA==AA", "é"].map((text) =>
        [{ payload_b64: text }, "Invalid field: payload_b64: must be standard base64"] as const
      ),
      [{ payload_b64: 5 }, "Invalid field: payload_b64: must be standard base64"],
    ] as const
  ) {
    const error = await assertRejects(() => handle({ topic: "t", ...request }), FieldError);
    assertEquals(error.message.startsWith(message), true, error.message);
  }
  assertEquals(published.length, 3);
});
