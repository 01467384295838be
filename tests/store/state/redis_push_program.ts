/**
 * Program that claims push messages on a server, one after the other: prints each before it counts as sent, then settles
 * it. It goes on until it is ended, also after it was stopped for a while.
 */
import { setTimeout as pause } from "node:timers/promises";
import { RedisUrl } from "../../../src/net/redis_url.ts";
import { openRedisState } from "../../support/redis_state.ts";

const [url = ""] = Deno.args;
const { state } = openRedisState(new RedisUrl(url));
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

print("ready");
for (;;) {
  try {
    const interrupted = await state.dropInterrupted();
    if (interrupted > 0) print(`interrupted ${interrupted}`);
    const { due } = await state.claimMessages(20_000, 1);
    for (const { id, text } of due) {
      print(`sent ${text}`);
      await pause(20);
      await state.settleMessage(id, { type: "sent", now: 20_000 });
    }
    if (due.length === 0) await pause(20);
  } catch {
    await pause(100);
  }
}
