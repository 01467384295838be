import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { REDIS } from "../../src/doctor/checks/redis.ts";
import { within } from "../support/deadline.ts";
import { withTcpServer } from "../support/loopback.ts";
import { DURABLE } from "../support/redis_state.ts";
import { startSentinels } from "../support/redis_sentinel.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";
import { needing } from "../support/needs.ts";
import { makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";

const PASSWORD = "sesame-of-redis";

const runCheck = (url: string, signal = NEVER_ABORTED) =>
  within("the check", REDIS.run(makeContext({ env: { REDIS_URL: url } }), signal));

Deno.test(
  needing("redis reports whether the server answers and accepts the gateway", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis({ ...DURABLE, args: [...DURABLE.args, "--requirepass", PASSWORD] }, async ({ url }) => {
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

Deno.test(
  needing("redis reports what a restart of the server would lose", { "redis-server": REDIS_SERVER }),
  async () => {
    const messages: Record<string, string> = {};
    for (const policy of ["always", "everysec", "no"]) {
      await withRedis({ appendonly: true, args: ["--appendfsync", policy] }, async ({ url }) => {
        const { status, message } = await runCheck(url().href);
        messages[policy] = `${status}: ${message.split("\n")[1]}`;
      });
    }
    assertStringIncludes(messages["always"] ?? "", "ok: Its append-only file is written before each answer");
    // Before 7.2, a server cannot tell when it has written it.
    assertMatch(
      messages["everysec"] ?? "",
      /^(ok: Its append-only file is written every|warning: Its version cannot tell)/,
    );
    assertStringIncludes(messages["no"] ?? "", "warning: Its append-only file is written when the system does so");
    await withRedis({}, async ({ url }) => {
      const found = await runCheck(url().href);
      assertEquals(found.status, "warning");
      assertStringIncludes(found.message, "no action runs whose uses are counted");
      assertMatch(found.remedy ?? "", /^Set appendonly yes and appendfsync (everysec|always) in its configuration$/);
    });
  },
);

Deno.test(
  needing("redis fails for a server that evicts keys, as the gateway refuses it", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis(
      { ...DURABLE, args: [...DURABLE.args, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"] },
      async ({ url }) => {
        const { status, message, remedy = "" } = await runCheck(url().href);
        assertEquals(status, "failed");
        assertStringIncludes(message, 'It evicts keys: its maxmemory-policy is "allkeys-lru"');
        assertStringIncludes(remedy, "Set maxmemory-policy noeviction there. Without it no request is accepted");
      },
    ),
);

Deno.test(
  needing("redis checks the primary that sentinels name, and its replica", { "redis-server": REDIS_SERVER }),
  async () => {
    await using scope = new AsyncDisposableStack();
    const sentinels = await startSentinels(scope, DURABLE);
    const { href } = sentinels.url();
    const { status, message } = await runCheck(href);
    assertEquals(status, "ok", message);
    assertStringIncludes(message, `127.0.0.1:${sentinels.servers[0].port} answers`);
    assertStringIncludes(message, "1 replica of Redis connected");
    assertEquals(
      (await runCheck(`${href}x`)).remedy?.split(".")[0],
      "Fix the name of the primary at the end of REDIS_URL",
    );
    const named = await runCheck(href.replaceAll("127.0.0.1", "localhost"));
    assertStringIncludes(named.remedy ?? "", "Add it, or its network, to REDIS_NODES");
  },
);

Deno.test("redis reports a certificate that cannot be read", async () => {
  const env = { REDIS_URL: "rediss://127.0.0.1", REDIS_CA_FILE: "absent.pem" };
  const { status, message } = await REDIS.run(makeContext({ env }), NEVER_ABORTED);
  assertEquals(status, "failed");
  assertStringIncludes(message, 'REDIS_CA_FILE "absent.pem" cannot be read');
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
