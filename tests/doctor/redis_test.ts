import { assertEquals, assertStringIncludes } from "@std/assert";
import { REDIS } from "../../src/doctor/checks/redis.ts";
import { within } from "../support/deadline.ts";
import { withTcpServer } from "../support/loopback.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";
import { needing } from "../support/needs.ts";
import { makeContext, PATIENT } from "../support/doctor_context.ts";

const PASSWORD = "sesame-of-redis";

const look = (url: string, signal = PATIENT) =>
  within("the check", REDIS.run(makeContext({ env: { REPLAY_REDIS_URL: url } }), signal));

Deno.test(
  needing("redis tells whether it answers, and lets the gateway in", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis({ args: ["--requirepass", PASSWORD] }, async ({ url }) => {
      assertEquals((await look(url("", PASSWORD).href)).status, "ok");
      for (const [wrong, reason] of [[url("", `${PASSWORD}!`), "WRONGPASS"], [url(), "NOAUTH"]] as const) {
        const found = await look(wrong.href);
        assertEquals(found.status, "failed");
        assertStringIncludes(found.message, reason);
        assertStringIncludes(found.remedy ?? "", "user and password in REPLAY_REDIS_URL");
        assertEquals(JSON.stringify(found).includes(PASSWORD), false);
      }
    }),
);

Deno.test("redis tells a server that is silent at its deadline, and none that is not used", async () => {
  await withTcpServer(() => {}, async (port) => {
    const stop = new AbortController();
    const looking = look(`redis://127.0.0.1:${port}`, stop.signal);
    setTimeout(() => stop.abort(), 50);
    assertStringIncludes((await looking).message, "No answer within 5 s");
  });
  assertEquals((await REDIS.run(makeContext(), PATIENT)).status, "skipped");
});

Deno.test("redis shows no control character of what is there", async () => {
  const refusal = "-ERR \u001b[2J\u202e no\r\n";
  /** Refuses each command, which is an array in RESP. */
  const refuse = async (connection: Deno.TcpConn) => {
    for await (const bytes of connection.readable) {
      const commands = new TextDecoder().decode(bytes).match(/^\*\d+\r$/gm) ?? [];
      await connection.write(new TextEncoder().encode(refusal.repeat(commands.length)));
    }
  };
  await withTcpServer((connection) => refuse(connection).catch(() => {}), async (port) => {
    const { status, message } = await look(`redis://127.0.0.1:${port}`);
    assertEquals(status, "failed");
    assertStringIncludes(message, " no");
    assertEquals(/[\p{Cc}\p{Bidi_Control}]/u.test(message), false, JSON.stringify(message));
  });
});
