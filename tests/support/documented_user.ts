/** User of Redis that docs/security.md describes, for tests. */
import type { TestRedis } from "./redis_server.ts";

const PAGE = new URL("../../docs/security.md", import.meta.url);

/** Adds the user `gateway` with the documented rights and `password`. */
export async function addDocumentedUser(redis: TestRedis): Promise<void> {
  const [, rules = ""] = /ACL SETUSER gateway on (.*)/.exec(await Deno.readTextFile(PAGE)) ?? [];
  await redis.command("ACL", "SETUSER", "gateway", "on", ...rules.split(" "));
}
