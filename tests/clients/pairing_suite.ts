/** Tests of every client: pairing by a link. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { fromHex, randomBytes } from "../../src/protocol/bytes.ts";
import { sealAnswer, sealRequest } from "../../src/protocol/exchange.ts";
import { generateAgreementKey } from "../../src/protocol/p256.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";
import { CODE, type PairedBody, pairedBody, PAIRING_KEY, RIGHTS } from "../support/fake_pairing.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };
import { type ClientProgram, ClientTests, type Line } from "./client_program.ts";
import { closeConnection, refuse } from "./responses.ts";
import { EXPIRED, type Respond, UNOPENED, withFakeGateway } from "./tcp_gateway.ts";

const GATEWAY = { secret: PAIRING_KEY };
const EXPIRES = "2030-01-01T00:00:00Z";

/** Pairs; `change` changes the body of the answer. */
const pairs = (change: (body: PairedBody) => unknown = (body) => body): Respond => async (request) =>
  await request.reply(change((await pairedBody(request)).body), { source: "gateway" });

/** No part of the code may be in a line, the key only in that of a success. */
function assertSilent(line: Line | undefined): void {
  const text = JSON.stringify(line);
  for (let at = 0; at + 8 <= CODE.length; at++) assert(!text.includes(CODE.slice(at, at + 8)), text);
}

/** Registers the tests of one client. */
export function testPairing(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("pairs by a link of either form, and makes a new key each time", () =>
    withFakeGateway([pairs((body) => ({ ...body, expires: EXPIRES })), pairs()], async (gateway) => {
      const links = [
        `${gateway.url}/#pair=${CODE}`,
        `e2eg://pair?url=${encodeURIComponent(gateway.url)}#code=${CODE}`,
      ];
      const [one, other] = await tests.all(gateway, ["pair", "Anna's phone ☀", ...links]);
      for (const line of [one, other]) {
        assertEquals([line?.["url"], line?.["name"], line?.["rights"]], [gateway.url, "phone", RIGHTS]);
        assertEquals(await deriveKeyId(fromHex(String(line?.["key"]))), line?.["kid"]);
        assertSilent(line);
      }
      assertEquals([one?.["expires"], other?.["expires"] ?? null], [EXPIRES, null]);
      assertNotEquals(one?.["key"], other?.["key"]);
      assertEquals(gateway.requests.map(({ route, version, fields }) => [route, version, fields["label"]]), [
        ["/pair", 2, "Anna's phone ☀"],
        ["/pair", 2, "Anna's phone ☀"],
      ]);
      assertEquals(new Set(gateway.requests.map(({ fields }) => fields["public"])).size, 2);
      assertEquals(gateway.probes.length, 0);
    }, GATEWAY));

  tests.test("reports a code that is not accepted, one that was used, other refusals, and no answer", () =>
    withFakeGateway([
      refuse(401, UNOPENED, { "E2E-Protocol": "2" }),
      (request) => request.reply('{"error":"Used","code":"already_paired"}', { status: 409, source: "gateway" }),
      (request) => request.reply('{"error":"label","code":"field"}', { status: 400, source: "gateway" }),
      ...Array<Respond>(3).fill(closeConnection),
    ], async (gateway) => {
      const link = `${gateway.url}/#pair=${CODE}`;
      const lines = await tests.all(gateway, ["pair", "", link, link, link, link]);
      const [unknown, used, wrong, lost] = lines;
      tests.assertFailure(unknown, "pairing_code", { status: 401, retryAfter: null });
      tests.assertFailure(used, "already_paired", { status: 409, retryAfter: null, gatewayCode: "already_paired" });
      tests.assertFailure(wrong, "refused", { status: 400, gatewayCode: "field" });
      tests.assertFailure(lost, "unreachable", { status: 0 });
      lines.forEach(assertSilent);
      assertEquals(gateway.requests.map(({ fields }) => "label" in fields), Array(6).fill(false));
      assertEquals(new Set(gateway.requests.map(({ envelope }) => envelope)).size, 4);
    }, GATEWAY));

  tests.test("gets an answer that was lost by sending the same bytes again", () => {
    let answer = "";
    const lose: Respond = async (request) => {
      const { body } = await pairedBody(request);
      answer = await request.sealed({ status: 200, timestamp: 1, source: "gateway", body });
    };
    return withFakeGateway([lose, (request) => request.answer(200, answer)], async (gateway) => {
      const line = await tests.run(gateway, ["pair", "", `${gateway.url}/#pair=${CODE}`]);
      assertEquals(await deriveKeyId(fromHex(String(line["key"]))), line["kid"]);
      const [first, second] = gateway.requests;
      assertEquals([gateway.requests.length, second?.envelope], [2, first?.envelope]);
    }, GATEWAY);
  });

  for (const offset of [-7200, 7200]) {
    tests.test(`whose clock is off by ${offset} s pairs with the gateway's time, with one more request`, () =>
      withFakeGateway(
        [(request) => request.reply(EXPIRED, { status: 403 }), pairs()],
        async (gateway) => {
          const line = await tests.run(gateway, ["pair", "", `${gateway.url}/#pair=${CODE}`], {
            CLIENT_CLOCK_OFFSET: String(offset),
          });
          assertEquals(line["name"], "phone", JSON.stringify(line));
          const [first = 0, second = 0] = gateway.requests.map(({ fields }) => Number(fields["timestamp"]));
          assert(Math.abs(second - first + offset) < 60);
          assertEquals(new Set(gateway.requests.map(({ unique }) => unique)).size, 2);
          assertEquals(new Set(gateway.requests.map(({ fields }) => fields["public"])).size, 1);
        },
        GATEWAY,
      ));
  }

  tests.test("reports an answer of another exchange, with another's public point, or without a valid one as tampered", async () => {
    const { publicPoint } = await generateAgreementKey();
    const points = [publicPoint, ...vectors.v2.refused.points.map((vector) => vector.public)];
    let recorded = "";
    const record: Respond = async (request) => {
      const { body } = await pairedBody(request);
      recorded = await request.sealed({ status: 200, timestamp: 1, source: "gateway", body });
      await request.answer(200, recorded);
    };
    const forgeries: readonly Respond[] = [
      pairs((body) => ({ ...body, kid: vectors.kid })),
      pairs(() => "paired"),
      pairs((body) => ({ ...body, name: "x".repeat(65) })),
      pairs((body) => ({ ...body, name: "a\nb" })),
      pairs((body) => ({ ...body, rights: { mqtt: true } })),
      // The device's own point, and its own request.
      async (request) => await pairs((body) => ({ ...body, public: String(request.fields["public"]) }))(request),
      (request) => request.answer(200, request.envelope),
      // Sealed with the code, but as a request, or as the answer on another route.
      async (request) => {
        const text = JSON.stringify({ status: 200, timestamp: 1, body: (await pairedBody(request)).body });
        const { key } = request.exchange;
        const sealed = await sealRequest(key, text, { version: 2, route: "/pair", random: randomBytes });
        await request.answer(200, sealed.text);
      },
      async (request) => {
        const text = JSON.stringify({ status: 200, timestamp: 1, body: (await pairedBody(request)).body });
        const elsewhere = { ...request.exchange, route: "/gateway" } as const;
        await request.answer(200, await sealAnswer(elsewhere, text, randomBytes));
      },
    ];
    await withFakeGateway(
      [
        record,
        (request) => request.answer(200, recorded),
        ...points.map((point) => pairs((body) => ({ ...body, public: point }))),
        ...forgeries,
      ],
      async (gateway) => {
        const links = gateway.url + `/#pair=${CODE}`;
        const [paired, ...lines] = await tests.all(gateway, [
          "pair",
          "",
          ...Array(points.length + forgeries.length + 2).fill(links),
        ]);
        assertEquals(paired?.["name"], "phone");
        assertEquals(lines.length, points.length + forgeries.length + 1);
        for (const line of lines) {
          tests.assertFailure(line, "tampered");
          assertSilent(line);
        }
      },
      GATEWAY,
    );
  });

  tests.test("refuses a wrong link without quoting it, and sends nothing", () =>
    withFakeGateway([], async (gateway) => {
      const links = vectors.v2.refused.links.map(({ link }) => link);
      const lines = await tests.all(gateway, ["pair", "", ...links]);
      assertEquals(lines.map((line) => line["failure"]), links.map(() => program.badArgument));
      lines.forEach(assertSilent);
      assertEquals(gateway.requests.length, 0);
    }, GATEWAY));
}
