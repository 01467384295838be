/** Origin of answers: `source`, `code` and `service`. */
import { assertEquals } from "@std/assert";
import { BrokerError, BrokerForbiddenError } from "../../src/mqtt/broker.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Version } from "../../src/protocol/exchange.ts";
import { openAnswer, sealRequest } from "../../src/protocol/exchange.ts";
import { NO_RATE_LIMITS } from "../../src/limits/rate_limits.ts";
import { ScopeError } from "../../src/keys/rights.ts";
import { gatewayReply, ServiceError } from "../../src/services/service.ts";
import { makeBroker } from "../support/fake_broker.ts";
import { makeGateway, NOW, services } from "../support/gateway.ts";
import { subscribe } from "../support/listener.ts";

const VERSIONS: readonly Version[] = [1, 2];

/** Returns the members of an answer. */
async function answerOf(
  phone: Awaited<ReturnType<typeof makeGateway>>,
  payload: Record<string, unknown>,
  route: "/gateway" | "/mqtt/publish" = "/gateway",
): Promise<Record<string, unknown>> {
  const { response, exchange } = await phone.exchange(route, payload);
  return JSON.parse(await openAnswer(exchange, await response.text()));
}

const failing = (error: Error) => services(() => Promise.reject(error));

Deno.test("each error of the gateway itself has source and its code, beside the text", async () => {
  const codes = ["service_unreachable", "service_timeout", "service_answer", "broker", "broker_not_allowed"] as const;
  const cases: readonly [Error, number, string, string][] = [
    [new ScopeError("do this"), 403, "scope", "This key may not do this"],
    [new TypeError("secret"), 500, "internal", "Internal error"],
    ...codes.flatMap((code) =>
      [403, 500, 502].map((status): [Error, number, string, string] => [
        new ServiceError(status, `So it is: ${code}`, { code }),
        status,
        code,
        `So it is: ${code}`,
      ])
    ),
  ];
  for (const [error, status, code, text] of cases) {
    const gateway = await makeGateway({ services: failing(error) });
    assertEquals(await answerOf(gateway, {}), {
      status,
      body: JSON.stringify({ error: text, code }),
      timestamp: NOW,
      source: "gateway",
    });
  }
});

Deno.test("an answer of Jeedom never has source, and names the service unless its status is 200", async () => {
  const strange = JSON.stringify(JSON.stringify({ error: "Request expired", code: "expired", source: "gateway" }));
  for (const bodyJson of [strange, '{"error":"Request expired","source":"gateway"}', '""', "null"]) {
    for (const status of [200, 403, 429, 500]) {
      const gateway = await makeGateway({ services: services(() => Promise.resolve({ status, bodyJson })) });
      const answer = await answerOf(gateway, {});
      const named = status === 200 ? {} : { service: "jeedom" };
      assertEquals(answer, { status, body: JSON.parse(bodyJson), timestamp: NOW, ...named });
    }
  }
});

Deno.test("a successful publish has source, and its text is unchanged", async () => {
  const body = { success: true, topic: "t", message: "Published successfully" };
  const gateway = await makeGateway({ services: (mqtt) => [mqtt], publish: () => Promise.resolve() });
  assertEquals(await answerOf(gateway, { topic: "t", message: "m" }, "/mqtt/publish"), {
    status: 200,
    body: JSON.stringify(body),
    timestamp: NOW,
    source: "gateway",
  });
});

Deno.test("a refusal before any service has source and its code", async () => {
  const gateway = await makeGateway({
    rates: { ...NO_RATE_LIMITS, takeKey: () => Promise.resolve(7) },
  });
  const limited = await answerOf(gateway, {});
  assertEquals([limited["source"], limited["body"]], [
    "gateway",
    '{"error":"Too many requests with this key","code":"key_rate","retry_after":7}',
  ]);
  const free = await makeGateway();
  for (
    const [payload, code] of [
      [{ timestamp: 0 }, "expired"],
      [{ type: "message" }, "payload"],
      [{ service: "ssh" }, "unknown_service"],
    ] as const
  ) {
    const { source, body } = await answerOf(free, payload);
    assertEquals([source, JSON.parse(String(body)).code], ["gateway", code]);
  }
});

Deno.test("a reused nonce or salt, and a repeat without its answer, have their own codes", async () => {
  for (const version of VERSIONS) {
    const gateway = await makeGateway({
      services: services(() => Promise.resolve(gatewayReply(200, { x: "y".repeat(200_000) }))),
    });
    const phone = await gateway.phone(gateway.secret, { version });
    const once = randomBytes(16);
    const seal = (n: number) =>
      sealRequest(phone.key, JSON.stringify({ timestamp: NOW, n }), {
        version,
        route: "/gateway",
        random: (length) => once.slice(0, length),
      });
    const first = await seal(1);
    await (await phone.post("/gateway", first.text)).body?.cancel();
    const codes = [];
    for (const { text, exchange } of [await seal(2), first]) {
      const { source, body } = JSON.parse(
        await openAnswer(exchange, await (await phone.post("/gateway", text)).text()),
      );
      codes.push([source, JSON.parse(body).code]);
    }
    assertEquals(codes, [["gateway", "salt_reused"], ["gateway", "already_executed"]]);
  }
});

Deno.test("a request whose key is revoked while it waits gets the code key_revoked", async () => {
  const [asked, waiting] = [Promise.withResolvers<void>(), Promise.withResolvers<number>()];
  const gateway = await makeGateway({
    rates: {
      ...NO_RATE_LIMITS,
      takeKey() {
        asked.resolve();
        return waiting.promise;
      },
    },
  });
  const answer = answerOf(gateway, {});
  await asked.promise;
  await gateway.keyring.replace({ single: randomBytes(32), records: [] });
  waiting.resolve(0);
  const { status, source, body } = await answer;
  assertEquals([status, source, JSON.parse(String(body)).code], [403, "gateway", "key_revoked"]);
});

Deno.test("the last event of a stream has source and its code in both versions, and no other event does", async () => {
  for (const version of VERSIONS) {
    const { connect, state } = makeBroker();
    await using gateway = await makeGateway({ connect, streams: { maxPerKey: 1 } });
    const phone = await gateway.phone(gateway.secret, { version });
    const stream = await subscribe(phone, { topic: "a" });
    const { source, code, type } = await stream.next() ?? {};
    assertEquals([type, source, code], ["connected", undefined, undefined]);
    const second = await (await subscribe(phone, { topic: "a" })).next();
    assertEquals([second?.["source"], second?.["code"]], ["gateway", "busy"]);
    state.lose("Broker disconnected");
    const lost = await stream.next();
    assertEquals([lost?.["type"], lost?.["source"], lost?.["code"]], ["disconnected", "gateway", "broker"]);
    await stream.next();
    const last = await subscribe(phone, { topic: "a" });
    await last.next();
    await gateway.streams.drain({ withinMs: 0, random: () => 0 });
    const end = await last.next();
    assertEquals([end?.["type"], end?.["source"], end?.["code"]], [
      version === 2 ? "end" : "disconnected",
      "gateway",
      "restart",
    ]);
    await last.next();
  }
});

Deno.test("a stream that cannot begin has a code for a broker that failed or is not allowed", async () => {
  for (
    const [error, code] of [
      [new BrokerError("Broker is unavailable"), "broker"],
      [new BrokerForbiddenError("Broker not allowed: b:1 is link-local"), "broker_not_allowed"],
    ] as const
  ) {
    await using gateway = await makeGateway({ connect: () => Promise.reject(error) });
    const event = await (await subscribe(gateway, { topic: "a" })).next();
    assertEquals([event?.["type"], event?.["source"], event?.["code"]], ["error", "gateway", code]);
  }
});

Deno.test("plaintext errors have neither source nor code", async () => {
  const gateway = await makeGateway();
  const unopened = await gateway.post("/gateway", "nothing");
  assertEquals([unopened.status, await unopened.text()], [401, '{"error":"Decryption failed"}']);
  const unknown = await gateway.post("/nowhere", "nothing");
  assertEquals([unknown.status, await unknown.text()], [404, '{"error":"Not found"}']);
});
