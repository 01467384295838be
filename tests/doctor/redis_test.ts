import { assertEquals, assertStringIncludes } from "@std/assert";
import { REDIS } from "../../src/doctor/checks/redis.ts";
import { within } from "../support/deadline.ts";
import { withTcpServer } from "../support/loopback.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";
import { needing } from "../support/needs.ts";
import { makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";

const PASSWORD = "sesame-of-redis";

const runCheck = (url: string, signal = NEVER_ABORTED) =>
  within("the check", REDIS.run(makeContext({ env: { REDIS_URL: url } }), signal));

Deno.test(
  needing("redis reports whether the server answers and accepts the gateway", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis({ appendonly: true, args: ["--requirepass", PASSWORD] }, async ({ url }) => {
      assertEquals((await runCheck(url("", PASSWORD).href)).status, "ok");
      for (const [wrong, reason] of [[url("", `${PASSWORD}!`), "WRONGPASS"], [url(), "NOAUTH"]] as const) {
        const found = await runCheck(wrong.href);
        assertEquals(found.status, "failed");
        assertStringIncludes(found.message, reason);
        assertStringIncludes(found.remedy ?? "", "user and password in REDIS_URL");
        assertEquals(JSON.stringify(found).includes(PASSWORD), false);
      }
    }),
);

Deno.test("redis reports a server that does not answer in time, and is skipped without a URL", async () => {
  await withTcpServer(() => {}, async (port) => {
    const stop = new AbortController();
    const running = runCheck(`redis://127.0.0.1:${port}`, stop.signal);
    setTimeout(() => stop.abort(), 50);
    assertStringIncludes((await running).message, "No answer within 5 s");
  });
  assertEquals((await REDIS.run(makeContext(), NEVER_ABORTED)).status, "skipped");
});

Deno.test("redis shows no control characters of the server", async () => {
  const refusal = "-ERR \u001b[2J\u202e no\r\n";
  /** Refuses each command, which is an array in RESP. */
  const refuse = async (connection: Deno.TcpConn) => {
    for await (const bytes of connection.readable) {
      const commands = new TextDecoder().decode(bytes).match(/^\*\d+\r$/gm) ?? [];
      await connection.write(new TextEncoder().encode(refusal.repeat(commands.length)));
    }
  };
  await withTcpServer((connection) => refuse(connection).catch(() => {}), async (port) => {
    const { status, message } = await runCheck(`redis://127.0.0.1:${port}`);
    assertEquals(status, "failed");
    assertStringIncludes(message, " no");
    assertEquals(/[\p{Cc}\p{Bidi_Control}]/u.test(message), false, JSON.stringify(message));
  });
});
