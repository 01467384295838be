/** Source and code of an answer: errors of the gateway itself, and answers of Jeedom. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ExpiredError, FailedError, GatewayError, TamperedError } from "../../src/client/gateway_client.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { final } from "./follow.ts";
import { answer, clientOf, coded, failure, made, plain, stream, VERSIONS } from "../support/fake_gateway.ts";

/** Texts that Jeedom may answer, and that an older gateway has for its own errors. */
const OLD_ERRORS = ["Request expired", "This key may not call it", "Broker not allowed", "Whatever"].map((error) =>
  JSON.stringify({ error, code: "expired" })
);

for (const protocol of VERSIONS) {
  Deno.test(`calls of version ${protocol} classify an error by the code of the gateway, whatever its text`, async () => {
    for (
      const [code, status, expected] of [
        ["expired", 403, ["ExpiredError", undefined]],
        ["scope", 403, ["ScopeError", undefined]],
        ["broker_not_allowed", 403, ["ScopeError", undefined]],
        ["key_revoked", 403, ["WrongKeyError", undefined]],
        ["key_rate", 429, ["RateLimitError", 7000]],
        ["busy", 503, ["RateLimitError", 7000]],
        ["restart", 503, ["UnavailableError", 7000]],
        ["broker", 500, ["FailedError", undefined]],
        ["service_unreachable", 502, ["FailedError", undefined]],
        ["service_timeout", 504, ["FailedError", undefined]],
        ["service_answer", 502, ["FailedError", undefined]],
        ["internal", 500, ["FailedError", undefined]],
        ["payload", 403, ["RefusedError", undefined]],
        ["field", 400, ["RefusedError", undefined]],
        ["unknown_service", 403, ["RefusedError", undefined]],
        ["replay", 403, ["RefusedError", undefined]],
        ["salt_reused", 403, ["RefusedError", undefined]],
        ["already_executed", 409, ["RefusedError", undefined]],
        ["already_paired", 409, ["AlreadyPairedError", undefined]],
        ["pairing_conflict", 409, ["RefusedError", undefined]],
        // A code of a newer gateway, and no code.
        ["out_of_milk", 403, ["RefusedError", undefined]],
        ["out_of_milk", 429, ["RateLimitError", 7000]],
        ["out_of_milk", 502, ["FailedError", undefined]],
        [undefined, 403, ["RefusedError", undefined]],
        [7, 500, ["FailedError", undefined]],
      ] as const
    ) {
      for (const call of ["publish", "callJeedom"] as const) {
        const { client } = clientOf([coded(status, code, { retry_after: 7 })], new FakeClock(), { protocol });
        const error = await assertRejects(
          () => call === "publish" ? client.publish("t", "m") : client.callJeedom("ping"),
          GatewayError,
          code === "expired" ? "Request expired" : "Some text",
        );
        assertEquals([error.name, error.retryAfterMs], expected, code);
        assertEquals([error.status, error.gatewayCode], [status, typeof code === "string" ? code : undefined]);
      }
    }
  });

  Deno.test(`calls of version ${protocol} throw for an error of the gateway in any form`, async () => {
    for (const body of [null, "", "so", { error: "x" }, '{"error":5}']) {
      const { client } = clientOf([made({ source: "gateway" }, 500, body)], new FakeClock(), { protocol });
      await assertRejects(() => client.callJeedom("ping"), FailedError, "Refused with status 500");
    }
  });

  Deno.test(`callJeedom() of version ${protocol} returns an answer of Jeedom with the text of a gateway`, async () => {
    for (const body of OLD_ERRORS) {
      for (const status of [403, 429, 500]) {
        // The gateway names the service, also in its very first answer.
        const named = clientOf([made({ service: "jeedom" }, status, body)], new FakeClock(), { protocol });
        assertEquals(await named.client.callJeedom("ping"), { status, body, timestamp: 1_700_000_000, members: {} });
        // The gateway has named itself as a source before, and does not here.
        for (const before of [made({ source: "gateway" }, 200, "{}"), coded(403, "scope")]) {
          const known = clientOf([before, answer(status, body)], new FakeClock(), { protocol });
          await known.client.publish("t", "m").catch(() => {});
          assertEquals(await known.client.callJeedom("ping"), { status, body, timestamp: 1_700_000_000, members: {} });
        }
      }
    }
  });

  Deno.test(`callJeedom() of version ${protocol} uses the texts of an older gateway, and ignores codes of Jeedom`, async () => {
    const texts = OLD_ERRORS.map((body) => answer(403, body));
    const { client } = clientOf(texts, new FakeClock(), { protocol });
    const names = [];
    for (const _ of texts) names.push((await assertRejects(() => client.callJeedom("ping"), GatewayError)).name);
    assertEquals(names, ["ExpiredError", "ScopeError", "ScopeError", "RefusedError"]);
  });

  Deno.test(`publish() of version ${protocol} never returns a failure as an answer, not of an older gateway either`, async () => {
    const { client } = clientOf(
      [made({ source: "gateway" }, 200, "{}"), failure(500, "MQTT error: Broker is unavailable")],
      new FakeClock(),
      { protocol },
    );
    await client.publish("t", "m");
    await assertRejects(() => client.publish("t", "m"), FailedError, "MQTT error: Broker is unavailable");
  });

  Deno.test(`subscribe() of version ${protocol} classifies an error event by its code, whatever its text`, async () => {
    for (
      const [code, name] of [
        ["expired", "ExpiredError"],
        ["scope", "ScopeError"],
        ["broker_not_allowed", "ScopeError"],
        ["key_revoked", "WrongKeyError"],
        ["busy", "RateLimitError"],
        ["broker", "FailedError"],
        ["internal", "FailedError"],
        ["field", "RefusedError"],
        ["replay", "RefusedError"],
        ["out_of_milk", "RefusedError"],
      ] as const
    ) {
      const event = { ...final("error", "This key may not do so"), source: "gateway", code };
      const answers = Array.from({ length: 2 }, () => stream([event]));
      const { client } = clientOf(answers, new FakeClock(), { protocol });
      const error = await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), GatewayError);
      assertEquals([error.name, error.gatewayCode], [name, code]);
    }
  });
}

Deno.test("a client with protocol auto detects from the probe that its gateway names the source of an answer", async () => {
  const [body = ""] = OLD_ERRORS;
  const { client } = clientOf([coded(403, "expired"), answer(403, body)], new FakeClock(), { protocol: "auto" });
  assertEquals((await client.callJeedom("ping")).status, 403);
});

Deno.test("a client corrects its clock by the code, and never by an answer of Jeedom", async () => {
  const late = (maker: Record<string, unknown>, body: unknown) =>
    plain(JSON.stringify({ status: 403, body, timestamp: 1_700_007_200, ...maker }));
  const own = late({ source: "gateway" }, '{"error":"Too old","code":"expired"}');
  const corrected = clientOf([own, made({ source: "gateway" }, 200, "{}")], new FakeClock());
  await corrected.client.publish("t", "m");
  assertEquals(corrected.requests.map(({ fields }) => fields["timestamp"]), [1_700_000_000, 1_700_007_200]);
  const fooled = clientOf([late({ service: "jeedom" }, '{"error":"Request expired"}')], new FakeClock());
  assertEquals((await fooled.client.callJeedom("ping")).status, 403);
  assertEquals(fooled.requests.length, 1);
});

Deno.test("subscribe() retries after temporary codes, once it was connected", async () => {
  const end = (code: string) => stream([{ ...final("error", "Words"), source: "gateway", code }]);
  const connected = stream([{ type: "connected", topic: "t", topics: ["t"] }], "ends");
  const passing = ["too_slow", "replay", "key_revoked", "expired", "broker", "busy"].map(end);
  // An expired one is sent once more at once, in version 2.
  const { client, requests } = clientOf([connected, ...passing, end("expired"), end("scope")], new FakeClock());
  const error = await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), GatewayError);
  assertEquals([error.code, requests.length], ["scope", 9]);
});

Deno.test("Retry-After counts as a number of seconds up to an hour, sealed or not", async () => {
  for (
    const [seconds, ms] of [
      [0, 0],
      [2.5, 2500],
      [3600, 3_600_000],
      [1e300, 3_600_000],
      [-1, 0],
      ["9", 0],
      [true, 0],
      [[9], 0],
      [null, 0],
    ] as const
  ) {
    const { client } = clientOf([coded(429, "busy", { retry_after: seconds })], new FakeClock());
    const { retryAfterMs } = await assertRejects(() => client.publish("t", "m"), GatewayError);
    assertEquals(retryAfterMs, ms, JSON.stringify(seconds));
  }
  for (
    const [header, ms] of [["0", 0], ["2.5", 2500], ["9".repeat(400), 3_600_000], ["-1", 0], ["1e3", 0], [
      "soon",
      0,
    ]] as const
  ) {
    const refuse = () => Response.json({ error: "No" }, { status: 503, headers: { "Retry-After": header } });
    const { client } = clientOf([refuse], new FakeClock());
    const { retryAfterMs } = await assertRejects(() => client.publish("t", "m"), GatewayError);
    assertEquals(retryAfterMs, ms, header);
  }
});

Deno.test("publish() sends bytes unchanged, in base64, instead of a message", async () => {
  const { client, requests } = clientOf([answer(200, "{}"), answer(200, "{}")], new FakeClock());
  await client.publish("t", Uint8Array.of(0, 255, 128, 62).subarray(1));
  await client.publish("t", new Uint8Array());
  assertEquals(requests.map(({ fields }) => [fields["payload_b64"], "message" in fields]), [["/4A+", false], [
    "",
    false,
  ]]);
});

async function gzip(text: string): Promise<string> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return toBase64(new Uint8Array(await new Response(packed).arrayBuffer()));
}

Deno.test("callJeedom() asks for a compressed answer with the option, and decompresses it", async () => {
  const body = { result: "é".repeat(5000) };
  const packed = plain(JSON.stringify({ status: 200, body_gzip: await gzip(JSON.stringify(body)), timestamp: 5 }));
  const { client, requests } = clientOf([packed, answer(200, "as it is")], new FakeClock());
  assertEquals(await client.callJeedom("jeeObject::full", {}, { compress: "gzip" }), {
    status: 200,
    body,
    timestamp: 5,
    members: {},
  });
  assertEquals((await client.callJeedom("ping")).body, "as it is");
  assertEquals(requests.map(({ fields }) => fields["compress"]), ["gzip", undefined]);
});

Deno.test("callJeedom() rejects a malformed compressed answer, and limits the decompressed one", async () => {
  // White space and a number: JSON, if all of it is decompressed.
  const bomb = await gzip(`${" ".repeat(65 * 2 ** 20)}7`);
  assert(bomb.length < 2 ** 20, "No bomb");
  for (
    const packed of [
      "",
      "no base64!",
      toBase64(Uint8Array.of(1, 2, 3)),
      await gzip("no JSON"),
      (await gzip("{}")).slice(0, 12),
      bomb,
    ]
  ) {
    const wrong = plain(JSON.stringify({ status: 200, body_gzip: packed, timestamp: 5 }));
    const { client } = clientOf([wrong], new FakeClock());
    await assertRejects(() => client.callJeedom("ping", {}, { compress: "gzip" }), TamperedError);
  }
});

Deno.test("callJeedom() returns JSON of any depth", async () => {
  const depth = 200_000;
  const { client } = clientOf(
    [plain(`{"status":200,"timestamp":1,"body":${"[".repeat(depth)}${"]".repeat(depth)}}`)],
    new FakeClock(),
  );
  assert(Array.isArray((await client.callJeedom("ping")).body));
});

Deno.test("an expired request at an older gateway has the code of its text", async () => {
  const { client } = clientOf([failure(403, "Request expired")], new FakeClock());
  const error = await assertRejects(() => client.callJeedom("ping"), ExpiredError);
  assertEquals(error.gatewayCode, "expired");
});
