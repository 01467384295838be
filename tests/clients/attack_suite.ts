/** Tests of every client: attackers who change answers and events. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../src/protocol/secret_key.ts";
import { type ClientProgram, ClientTests, type Code, QUICK } from "./client_program.ts";
import { breakOff } from "./responses.ts";
import { type Respond, withFakeGateway } from "./tcp_gateway.ts";
import { received } from "./subscribing.ts";
import { type ClientRequest, message } from "./client_request.ts";

/** Changes the first four characters of an envelope. */
const flip = (text: string) => text.replace(/(data: |2\.).{4}/, "$1AAAA");

/** Sends changed events after `connected`, and keeps the stream open. */
const after = (change: (events: readonly [string, string, string]) => string): Respond => async (request) => {
  await request.connect();
  const [first, second, third] = [
    await request.event(message(1)),
    await request.event(message(2)),
    await request.event(message(3)),
  ];
  await request.chunk(change([first, second, third]));
  await request.closed();
};

/** The number of a record, replaced. */
const renumber = (record: string, n: number) => record.replace(/^id: .*/, `id: ${n}`);

/** Registers the tests of one client. */
export function testAttacks(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("accepts only the answer to its very request", () => {
    let earlier = "";
    const first: Respond = async (request) => {
      earlier = await request.sealed({ status: 200, body: "first", timestamp: 1 });
      await request.answer(200, earlier);
    };
    const keyOf = async (target: { readonly key: string }) => await importKey(parseKey(target.key) ?? randomBytes(32));
    let versionOne = "";
    const attacks: readonly Respond[] = [
      (request) => request.answer(200, earlier),
      async (request) =>
        request.answer(200, flip(await request.sealed({ status: 200, body: "changed", timestamp: 1 }))),
      async (request) =>
        request.answer(200, (await request.sealed({ status: 200, body: "cut", timestamp: 1 })).slice(0, -2)),
      async (request) =>
        request.answer(200, `${await request.sealed({ status: 200, body: "longer", timestamp: 1 })}\n`),
      (request) => request.answer(200, request.envelope),
      (request) => request.answer(200, `2.${request.envelope.split(".")[2]}`),
      (request) => request.answer(200, versionOne),
      (request) => request.answer(200, "<html>Welcome to the hotel</html>"),
      (request) => request.answer(200, ""),
    ];
    return withFakeGateway([first, ...attacks], async (gateway) => {
      const plaintext = JSON.stringify({ status: 200, body: "old", timestamp: 1 });
      versionOne = await sealEnvelope(await keyOf(gateway), plaintext, randomBytes);
      const args = ["call", ...Array(1 + attacks.length).fill(["datetime", "{}"]).flat()];
      const [answered, ...failures] = await tests.all(gateway, args);
      assertEquals(answered?.["body"], "first");
      assertEquals(failures.length, attacks.length);
      for (const failure of failures) tests.assertFailure(failure, "tampered", { retryAfter: null });
      assertEquals(gateway.requests.map(({ version }) => version), Array(1 + attacks.length).fill(2));
    });
  });

  tests.test("of version 1 rejects an answer that its key does not open", () => {
    const attacks: readonly Respond[] = [
      async (request) => request.answer(200, `AAAA${(await request.sealed({ status: 200 })).slice(4)}`),
      (request) => request.answer(200, "<html>Welcome to the hotel</html>"),
      (request) => request.answer(200, "AAAA"),
    ];
    return withFakeGateway(attacks, async (gateway) => {
      const args = ["call", ...attacks.flatMap(() => ["datetime", "{}"])];
      const failures = await tests.all(gateway, args, { CLIENT_PROTOCOL: "1" });
      for (const failure of failures) tests.assertFailure(failure, "tampered");
      assertEquals(failures.length, attacks.length);
    });
  });

  tests.test("ends a subscription whose events were changed, dropped, swapped, repeated or inserted", () => {
    let another: ClientRequest | undefined;
    let anothersEvent = "";
    const attacks: readonly (readonly [Respond, readonly string[]])[] = [
      [after(([first, second]) => first + flip(second)), ["1"]],
      [after(([first, , third]) => first + third), ["1"]],
      [after(([first, , third]) => first + renumber(third, 2)), ["1"]],
      [after(([first, second]) => second + first), []],
      [after(([first, second]) => renumber(second, 1) + renumber(first, 2)), []],
      [after(([first]) => first + first), ["1"]],
      [after(([first]) => first + renumber(first, 2)), ["1"]],
      [after(([first]) => first + first.replace(/^id: .*\n/, "")), ["1"]],
      [after(([first]) => first.replace(/^id: .*\n/, "")), []],
      [after(([first]) => first.replace(/^id: 1/, "id: 01")), []],
      [after(([first]) => first.replace(/\n\n$/, "=\n\n")), []],
      [async (request) => {
        another = request;
        await request.connect();
        anothersEvent = await request.event(message(1));
        await request.chunk(anothersEvent + flip(await request.event(message(2))));
        await request.closed();
      }, ["1"]],
      [async (request) => {
        // The same position in the stream of another request.
        await request.connect();
        await request.chunk(anothersEvent);
        await request.closed();
      }, []],
      [async (request) => {
        await request.connect();
        await request.chunk(`id: 1\ndata: ${(await request.sealed(message(1))).slice(2)}\n\n`);
        await request.closed();
      }, []],
    ];
    return withFakeGateway(attacks.map(([respond]) => respond), async (gateway) => {
      const args = ["subscribe", "0", JSON.stringify({ times: attacks.length }), "#"];
      const lines = await tests.all(gateway, args);
      const expected = attacks.flatMap(([, payloads]) => ["connected", ...payloads, "tampered"]);
      assertEquals(lines.map((line) => line["payload"] ?? line["type"] ?? line["code"] ?? "end"), expected);
      for (const line of lines.filter(({ code }) => code !== undefined)) {
        tests.assertFailure(line, "tampered", { retryAfter: null });
      }
      assertEquals([gateway.requests.length, another?.version], [attacks.length, 2]);
    });
  });

  tests.test("rejects a stream with a wrong beginning", () => {
    const attacks: readonly Respond[] = [
      async (request) => {
        await request.beginRaw();
        await request.chunk(`id: 0\ndata: ${(await request.sealed({ type: "connected" })).slice(2)}\n\n`);
        await request.closed();
      },
      async (request) => {
        await request.begin("opened");
        await request.send({ type: "connected" });
        await request.closed();
      },
      async (request) => {
        await request.begin();
        await request.chunk(`event: open\ndata: 2.${"A".repeat(22)}\n\n`);
        await request.closed();
      },
      async (request) => {
        await request.beginRaw();
        await request.chunk(`event: open\ndata: 2.${"A".repeat(20)}\n\n`);
        await request.closed();
      },
      async (request) => {
        await request.beginRaw();
        await request.chunk(`event: open\ndata: 1.${"A".repeat(22)}\n\n`);
        await request.closed();
      },
    ];
    return withFakeGateway(attacks, async (gateway) => {
      const args = ["subscribe", "0", JSON.stringify({ times: attacks.length }), "#"];
      const failures = await tests.all(gateway, args);
      assertEquals(failures.length, attacks.length, JSON.stringify(failures));
      for (const failure of failures) tests.assertFailure(failure, "tampered");
    });
  });

  tests.test("of version 1 ends a subscription with an event that its key does not open", () =>
    withFakeGateway([async (request) => {
      await request.connect();
      await request.chunk(flip(await request.event(message(1))));
      await request.closed();
    }], async (gateway) => {
      const lines = await tests.all(gateway, ["subscribe", "0", "{}", "#"], { CLIENT_PROTOCOL: "1" });
      assertEquals(lines[0]?.["type"], "connected");
      tests.assertFailure(lines[1], "tampered");
      assertEquals(lines.length, 2);
    }));

  for (const version of ["2", "1"]) {
    tests.test(`of version ${version} reports streams that end without a last event, wherever they were cut`, () => {
      const cuts: readonly Respond[] = [
        // The regular end of HTTP, and a broken connection.
        async (request) => {
          await request.connect();
          await request.end();
        },
        breakOff,
        async (request) => {
          await request.connect();
          await request.chunk((await request.event(message(1))).slice(0, 20));
          await request.end();
        },
        async (request) => {
          await request.connect();
          // All of an event, but for the empty line that ends it.
          await request.chunk((await request.event(message(1))).slice(0, -1));
          await request.end();
        },
      ];
      return withFakeGateway(cuts, async (gateway) => {
        const args = ["subscribe", "0", JSON.stringify({ times: cuts.length, resume: false }), "#"];
        const lines = await tests.all(gateway, args, { CLIENT_PROTOCOL: version });
        assertEquals(
          lines.map(({ type, code }) => type ?? code),
          cuts.flatMap(() => ["connected", "truncated" satisfies Code]),
        );
        for (const line of lines.filter(({ code }) => code !== undefined)) tests.assertFailure(line, "truncated");
        assertEquals(gateway.requests.length, cuts.length);
      });
    });
  }

  tests.test("accepts sealed heartbeats, and no others", () => {
    const SILENCE_MS = 5000;
    let lastSign = 0;
    let left = 0;
    const keepAlive: Respond = async (request) => {
      await request.connect();
      // A client that measures from an earlier heartbeat disconnects too soon after the last one.
      for (let sent = 0; sent < 2; sent += 1) {
        await new Promise((resolve) => setTimeout(resolve, SILENCE_MS / 5));
        lastSign = performance.now();
        await request.send({ type: "ping", timestamp: 1 });
      }
      await request.untilClosed(() => request.chunk(": keepalive\n\n"), SILENCE_MS / 10);
      left = performance.now();
    };
    return withFakeGateway([keepAlive, (request) => request.serve(1)], async (gateway) => {
      const args = ["subscribe", "1", JSON.stringify({ silence: SILENCE_MS / 1000 }), "#"];
      const lines = await tests.all(gateway, args, QUICK);
      assertEquals(received(lines), ["connected", "disconnected", "connected", "1"]);
      assertGreaterOrEqual(left - lastSign, SILENCE_MS - 50);
      assertEquals(gateway.requests.length, 2);
    });
  });
}
