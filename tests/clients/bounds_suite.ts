/** What every client must do when somebody on the line, who has no key, sends without end. */
import { assert, assertEquals } from "@std/assert";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { refuse } from "./responses.ts";
import { type Fate, withFakeGateway } from "./fake_gateway.ts";

const MIB = 2 ** 20;

/** More than a client may hold, and still little enough to be sent in a moment. */
const SENT_MIB = 72;

/** Begins an answer or a stream, and sends a text of a MiB again and again; a client that takes all of it is left waiting. */
const flood = (begin: string, text: string): Fate => async (visit) => {
  await visit.beginRaw();
  try {
    await visit.piece(begin);
    for (let sent = 0; sent < SENT_MIB; sent += 1) await visit.piece(text);
  } catch {
    // The client has closed the connection.
  }
  await visit.left();
};

const ofLines = (line: string) => line.repeat(MIB / line.length);

/** Registers the tests of one client. */
export function testBounds(program: ClientProgram): void {
  const tests = new ClientTests(program);

  for (const version of ["2", "1"]) {
    const env = { CLIENT_PROTOCOL: version };

    tests.test(`of version ${version} gives up an answer without end`, () =>
      withFakeGateway([flood("2.", "A".repeat(MIB))], async (gateway) => {
        tests.assertFailure(await tests.run(gateway, ["call", "datetime", "{}"], env), "tampered", {
          retryAfter: null,
        });
      }));

    tests.test(`of version ${version} gives up an event without end, be it of one line or of many`, () => {
      const floods: readonly Fate[] = [
        flood("data: ", "A".repeat(MIB)),
        flood(": hello\n", ofLines(`data: ${"A".repeat(249)}\n`)),
        flood("data: A\n", ofLines(`: ${"A".repeat(4093)}\n`)),
      ];
      return withFakeGateway(floods, async (gateway) => {
        const words = ["subscribe", "0", JSON.stringify({ times: floods.length }), "#"];
        const failures = await tests.all(gateway, words, env);
        assertEquals(
          [failures.length, gateway.visits.length],
          [floods.length, floods.length],
          JSON.stringify(failures),
        );
        for (const failure of failures) tests.assertFailure(failure, "tampered", { retryAfter: null });
      });
    });
  }

  tests.test("does not count what came before the last empty line", () =>
    withFakeGateway([async (visit) => {
      await visit.begin();
      const comments = `${ofLines(`: ${"A".repeat(4093)}\n`)}\n`;
      for (let sent = 0; sent < SENT_MIB; sent += 1) await visit.piece(comments);
      await visit.send({ type: "connected", topics: ["#"] }, { type: "disconnected", message: "Bye", timestamp: 1 });
      await visit.end();
    }], async (gateway) => {
      const lines = await tests.all(gateway, ["subscribe", "0", '{"resume": false}', "#"]);
      assertEquals(lines.map(({ type, end }) => type ?? end), ["connected", "disconnected", true]);
    }));

  tests.test("reads no more of a refusal than a gateway has to say", () => {
    const fates: readonly Fate[] = [
      async (visit) => {
        // The client may go before it has read all.
        await visit.answer(503, JSON.stringify({ error: "A".repeat(MIB) })).catch(() => {});
      },
      refuse(503, `{"error":${"[".repeat(8000)}`),
    ];
    return withFakeGateway(fates, async (gateway) => {
      const failures = await tests.all(gateway, ["call", ...fates.flatMap(() => ["datetime", "{}"])]);
      assertEquals(failures.length, fates.length, JSON.stringify(failures));
      for (const failure of failures) {
        tests.assertFailure(failure, "unavailable", { status: 503 });
        assert(String(failure["message"]).length < 1000);
      }
    });
  });
}
