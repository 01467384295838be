/** What every client must notice when somebody on the line changes what comes back. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../src/protocol/secret_key.ts";
import { type ClientProgram, ClientTests, type Code, QUICK } from "./client_program.ts";
import { breakOff } from "./responses.ts";
import { type Fate, withFakeGateway } from "./fake_gateway.ts";
import { heard } from "./subscribing.ts";
import { message, type Visit } from "./visit.ts";

/** Changes the first four characters of what is sealed. */
const flip = (text: string) => text.replace(/(data: |2\.).{4}/, "$1AAAA");

/** Goes on after `connected` with events that somebody made something of, and stays. */
const after = (change: (events: readonly [string, string, string]) => string): Fate => async (visit) => {
  await visit.connect();
  const [first, second, third] = [
    await visit.event(message(1)),
    await visit.event(message(2)),
    await visit.event(message(3)),
  ];
  await visit.piece(change([first, second, third]));
  await visit.left();
};

/** The number of a record, replaced. */
const renumber = (record: string, n: number) => record.replace(/^id: .*/, `id: ${n}`);

/** Registers the tests of one client. */
export function testAttacks(program: ClientProgram): void {
  const tests = new ClientTests(program);

  tests.test("takes no answer but the one to its very request", () => {
    let earlier = "";
    const first: Fate = async (visit) => {
      earlier = await visit.sealed({ status: 200, body: "first", timestamp: 1 });
      await visit.answer(200, earlier);
    };
    const keyOf = async (place: { readonly key: string }) => await importKey(parseKey(place.key) ?? randomBytes(32));
    let versionOne = "";
    const attacks: readonly Fate[] = [
      (visit) => visit.answer(200, earlier),
      async (visit) => visit.answer(200, flip(await visit.sealed({ status: 200, body: "changed", timestamp: 1 }))),
      async (visit) => visit.answer(200, (await visit.sealed({ status: 200, body: "cut", timestamp: 1 })).slice(0, -2)),
      async (visit) => visit.answer(200, `${await visit.sealed({ status: 200, body: "longer", timestamp: 1 })}\n`),
      (visit) => visit.answer(200, visit.envelope),
      (visit) => visit.answer(200, `2.${visit.envelope.split(".")[2]}`),
      (visit) => visit.answer(200, versionOne),
      (visit) => visit.answer(200, "<html>Welcome to the hotel</html>"),
      (visit) => visit.answer(200, ""),
    ];
    return withFakeGateway([first, ...attacks], async (gateway) => {
      const plaintext = JSON.stringify({ status: 200, body: "old", timestamp: 1 });
      versionOne = await sealEnvelope(await keyOf(gateway), plaintext, randomBytes);
      const words = ["call", ...Array(1 + attacks.length).fill(["datetime", "{}"]).flat()];
      const [answered, ...failures] = await tests.all(gateway, words);
      assertEquals(answered?.["body"], "first");
      assertEquals(failures.length, attacks.length);
      for (const failure of failures) tests.assertFailure(failure, "tampered", { retryAfter: null });
      assertEquals(gateway.visits.map(({ version }) => version), Array(1 + attacks.length).fill(2));
    });
  });

  tests.test("of version 1 takes no answer that its key does not open", () => {
    const attacks: readonly Fate[] = [
      async (visit) => visit.answer(200, `AAAA${(await visit.sealed({ status: 200 })).slice(4)}`),
      (visit) => visit.answer(200, "<html>Welcome to the hotel</html>"),
      (visit) => visit.answer(200, "AAAA"),
    ];
    return withFakeGateway(attacks, async (gateway) => {
      const words = ["call", ...attacks.flatMap(() => ["datetime", "{}"])];
      const failures = await tests.all(gateway, words, { CLIENT_PROTOCOL: "1" });
      for (const failure of failures) tests.assertFailure(failure, "tampered");
      assertEquals(failures.length, attacks.length);
    });
  });

  tests.test("ends a subscription whose events were changed, left out, swapped, repeated or put in", () => {
    let another: Visit | undefined;
    let anothersEvent = "";
    const attacks: readonly (readonly [Fate, readonly string[]])[] = [
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
      [async (visit) => {
        another = visit;
        await visit.connect();
        anothersEvent = await visit.event(message(1));
        await visit.piece(anothersEvent + flip(await visit.event(message(2))));
        await visit.left();
      }, ["1"]],
      [async (visit) => {
        // The same place in the stream of another request.
        await visit.connect();
        await visit.piece(anothersEvent);
        await visit.left();
      }, []],
      [async (visit) => {
        await visit.connect();
        await visit.piece(`id: 1\ndata: ${(await visit.sealed(message(1))).slice(2)}\n\n`);
        await visit.left();
      }, []],
    ];
    return withFakeGateway(attacks.map(([fate]) => fate), async (gateway) => {
      const words = ["subscribe", "0", JSON.stringify({ times: attacks.length }), "#"];
      const lines = await tests.all(gateway, words);
      const expected = attacks.flatMap(([, payloads]) => ["connected", ...payloads, "tampered"]);
      assertEquals(lines.map((line) => line["payload"] ?? line["type"] ?? line["code"] ?? "end"), expected);
      for (const line of lines.filter(({ code }) => code !== undefined)) {
        tests.assertFailure(line, "tampered", { retryAfter: null });
      }
      assertEquals([gateway.visits.length, another?.version], [attacks.length, 2]);
    });
  });

  tests.test("takes no stream that does not begin as it must", () => {
    const attacks: readonly Fate[] = [
      async (visit) => {
        await visit.beginRaw();
        await visit.piece(`id: 0\ndata: ${(await visit.sealed({ type: "connected" })).slice(2)}\n\n`);
        await visit.left();
      },
      async (visit) => {
        await visit.begin("opened");
        await visit.send({ type: "connected" });
        await visit.left();
      },
      async (visit) => {
        await visit.begin();
        await visit.piece(`event: open\ndata: 2.${"A".repeat(22)}\n\n`);
        await visit.left();
      },
      async (visit) => {
        await visit.beginRaw();
        await visit.piece(`event: open\ndata: 2.${"A".repeat(20)}\n\n`);
        await visit.left();
      },
      async (visit) => {
        await visit.beginRaw();
        await visit.piece(`event: open\ndata: 1.${"A".repeat(22)}\n\n`);
        await visit.left();
      },
    ];
    return withFakeGateway(attacks, async (gateway) => {
      const words = ["subscribe", "0", JSON.stringify({ times: attacks.length }), "#"];
      const failures = await tests.all(gateway, words);
      assertEquals(failures.length, attacks.length, JSON.stringify(failures));
      for (const failure of failures) tests.assertFailure(failure, "tampered");
    });
  });

  tests.test("of version 1 ends a subscription with an event that its key does not open", () =>
    withFakeGateway([async (visit) => {
      await visit.connect();
      await visit.piece(flip(await visit.event(message(1))));
      await visit.left();
    }], async (gateway) => {
      const lines = await tests.all(gateway, ["subscribe", "0", "{}", "#"], { CLIENT_PROTOCOL: "1" });
      assertEquals(lines[0]?.["type"], "connected");
      tests.assertFailure(lines[1], "tampered");
      assertEquals(lines.length, 2);
    }));

  for (const version of ["2", "1"]) {
    tests.test(`of version ${version} reports streams that end without saying why, wherever they were cut`, () => {
      const cuts: readonly Fate[] = [
        // As HTTP ends, and as a line breaks off.
        async (visit) => {
          await visit.connect();
          await visit.end();
        },
        breakOff,
        async (visit) => {
          await visit.connect();
          await visit.piece((await visit.event(message(1))).slice(0, 20));
          await visit.end();
        },
        async (visit) => {
          await visit.connect();
          // All of an event, but for the empty line that ends it.
          await visit.piece((await visit.event(message(1))).slice(0, -1));
          await visit.end();
        },
      ];
      return withFakeGateway(cuts, async (gateway) => {
        const words = ["subscribe", "0", JSON.stringify({ times: cuts.length, resume: false }), "#"];
        const lines = await tests.all(gateway, words, { CLIENT_PROTOCOL: version });
        assertEquals(
          lines.map(({ type, code }) => type ?? code),
          cuts.flatMap(() => ["connected", "truncated" satisfies Code]),
        );
        for (const line of lines.filter(({ code }) => code !== undefined)) tests.assertFailure(line, "truncated");
        assertEquals(gateway.visits.length, cuts.length);
      });
    });
  }

  tests.test("is kept by signs of life that are sealed, and not by others", () => {
    const SILENCE_MS = 5000;
    let lastSign = 0;
    let left = 0;
    const keepAlive: Fate = async (visit) => {
      await visit.connect();
      // Whoever counts from an earlier sign leaves too soon after the last one.
      for (let sent = 0; sent < 2; sent += 1) {
        await new Promise((resolve) => setTimeout(resolve, SILENCE_MS / 5));
        lastSign = performance.now();
        await visit.send({ type: "ping", timestamp: 1 });
      }
      await visit.untilLeft(() => visit.piece(": keepalive\n\n"), SILENCE_MS / 10);
      left = performance.now();
    };
    return withFakeGateway([keepAlive, (visit) => visit.serve(1)], async (gateway) => {
      const words = ["subscribe", "1", JSON.stringify({ silence: SILENCE_MS / 1000 }), "#"];
      const lines = await tests.all(gateway, words, QUICK);
      assertEquals(heard(lines), ["connected", "disconnected", "connected", "1"]);
      assertGreaterOrEqual(left - lastSign, SILENCE_MS - 50);
      assertEquals(gateway.visits.length, 2);
    });
  });
}
