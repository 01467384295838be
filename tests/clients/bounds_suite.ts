/** Tests of every client: attackers without the key who send without end. */
import { assert, assertEquals } from "@std/assert";
import { type ClientProgram, ClientTests } from "./client_program.ts";
import { refuse } from "./responses.ts";
import { type Respond, withFakeGateway } from "./tcp_gateway.ts";

const MIB = 2 ** 20;

/** More bytes than a client may buffer, but few enough to send quickly. */
const SENT_MIB = 72;

/** Begins an answer or a stream, and sends a text of a MiB repeatedly; a client that reads all of it waits forever. */
const flood = (begin: string, text: string): Respond => async (request) => {
  await request.beginRaw();
  try {
    await request.chunk(begin);
    for (let sent = 0; sent < SENT_MIB; sent += 1) await request.chunk(text);
  } catch {
    // The client has closed the connection.
  }
  await request.closed();
};

const ofLines = (line: string) => line.repeat(MIB / line.length);

/** Registers the tests of one client. */
export function testBounds(program: ClientProgram): void {
  const tests = new ClientTests(program);

  for (const version of ["2", "1"]) {
    const env = { CLIENT_PROTOCOL: version };

    tests.test(`of version ${version} aborts an answer without end`, () =>
      withFakeGateway([flood("2.", "A".repeat(MIB))], async (gateway) => {
        tests.assertFailure(await tests.run(gateway, ["call", "datetime", "{}"], env), "tampered", {
          retryAfter: null,
        });
      }));

    tests.test(`of version ${version} aborts an event without end, of one line or of many`, () => {
      const floods: readonly Respond[] = [
        flood("data: ", "A".repeat(MIB)),
        flood(": hello\n", ofLines(`data: ${"A".repeat(249)}\n`)),
        flood("data: A\n", ofLines(`: ${"A".repeat(4093)}\n`)),
      ];
      return withFakeGateway(floods, async (gateway) => {
        const args = ["subscribe", "0", JSON.stringify({ times: floods.length }), "#"];
        const failures = await tests.all(gateway, args, env);
        assertEquals(
          [failures.length, gateway.requests.length],
          [floods.length, floods.length],
          JSON.stringify(failures),
        );
        for (const failure of failures) tests.assertFailure(failure, "tampered", { retryAfter: null });
      });
    });
  }

  tests.test("does not count events before the last empty line", () =>
    withFakeGateway([async (request) => {
      await request.begin();
      const comments = `${ofLines(`: ${"A".repeat(4093)}\n`)}\n`;
      for (let sent = 0; sent < SENT_MIB; sent += 1) await request.chunk(comments);
      await request.send({ type: "connected", topics: ["#"] }, { type: "disconnected", message: "Bye", timestamp: 1 });
      await request.end();
    }], async (gateway) => {
      const lines = await tests.all(gateway, ["subscribe", "0", '{"resume": false}', "#"]);
      assertEquals(lines.map(({ type, end }) => type ?? end), ["connected", "disconnected", true]);
    }));

  tests.test("limits the size of a plain refusal", () => {
    const responses: readonly Respond[] = [
      async (request) => {
        // The client may disconnect before it has read all.
        await request.answer(503, JSON.stringify({ error: "A".repeat(MIB) })).catch(() => {});
      },
      refuse(503, `{"error":${"[".repeat(8000)}`),
    ];
    return withFakeGateway(responses, async (gateway) => {
      const failures = await tests.all(gateway, ["call", ...responses.flatMap(() => ["datetime", "{}"])]);
      assertEquals(failures.length, responses.length, JSON.stringify(failures));
      for (const failure of failures) {
        tests.assertFailure(failure, "unavailable", { status: 503 });
        assert(String(failure["message"]).length < 1000);
      }
    });
  });
}
