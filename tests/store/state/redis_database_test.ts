import { assertEquals, assertRejects } from "@std/assert";
import type { RedisClient, RedisConnection } from "../../../src/store/redis_connection.ts";
import { RedisScript } from "../../../src/store/redis_script.ts";
import { RedisDatabase } from "../../../src/store/state/redis_database.ts";
import { StateStoreError } from "../../../src/store/state/state_store.ts";

const SCRIPT = new RedisScript("return 1");

/** Makes a database on a simulated server, whose replies to commands are given, and the names of the commands it got. */
function makeDatabase(reply: (args: readonly string[]) => unknown) {
  const commands: string[] = [];
  const client: RedisClient = {
    isReady: true,
    eval: () => Promise.resolve(null),
    multi: () => null,
    del: () => Promise.resolve(0),
    get: () => Promise.resolve(null),
    set: () => Promise.resolve(null),
    subscribe: () => Promise.resolve(),
    info: () => Promise.resolve(""),
    sendCommand(args) {
      commands.push(String(args[0]));
      try {
        return Promise.resolve(reply(args.map(String)));
      } catch (error) {
        return Promise.reject(error);
      }
    },
  };
  const connect = (): RedisConnection => ({
    client,
    limits: client,
    onConnect(listener) {
      listener(client);
      return () => {};
    },
    close: () => Promise.resolve(),
  });
  const database = new RedisDatabase({ server: { connection: connect(), connect, prefix: "test:" } });
  return { database, commands };
}

Deno.test("runDurably() waits until the server's file is synced", async () => {
  const replies = [[0, 0], [0, 0], [1, 0]];
  const { database, commands } = makeDatabase(([name]) => name === "WAITAOF" ? replies.shift() ?? [1, 0] : 1);
  assertEquals(await database.runDurably(SCRIPT, { keys: [] }), 1);
  // The first one asks whether the server can be waited for.
  assertEquals(commands, ["WAITAOF", "EVALSHA", "WAITAOF", "WAITAOF"]);
  await database.runDurably(SCRIPT, { keys: [] });
  assertEquals(commands.slice(4), ["EVALSHA", "WAITAOF"]);
  await database.run(SCRIPT, { keys: [] });
  assertEquals(commands.slice(6), ["EVALSHA"]);
});

Deno.test("runDurably() fails when the server's file is not synced in time", async () => {
  const { database, commands } = makeDatabase(([name]) => name === "WAITAOF" ? [0, 0] : 1);
  await assertRejects(() => database.runDurably(SCRIPT, { keys: [] }), StateStoreError, "not synced within");
  assertEquals(commands.includes("EVALSHA"), true);
});

Deno.test("runDurably() runs nothing on a server without a file, and where its settings cannot be read", async () => {
  const errors = [
    ["ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.", "set appendonly to yes"],
    ["NOPERM this user has no permissions to run the 'waitaof' command", "NOPERM"],
    ["ERR unknown command 'WAITAOF'", "appendfsync to always"],
  ] as const;
  for (const [message, part] of errors) {
    const { database, commands } = makeDatabase(([name, , setting]) => {
      if (name === "WAITAOF") throw new Error(message);
      return name === "CONFIG" ? [setting, setting === "appendonly" ? "yes" : "everysec"] : 1;
    });
    await assertRejects(() => database.runDurably(SCRIPT, { keys: [] }), StateStoreError, part);
    assertEquals(commands.includes("EVALSHA"), false);
  }
});
