/** Program that claims uses and pairing codes on a server, prints each outcome, and ends. */
import { RedisUrl } from "../../../src/net/redis_url.ts";
import { openRedisState } from "../../support/redis_state.ts";

const [url = "", counter = "", limit = "0", claims = "0", ...kids] = Deno.args;
const { state, close } = openRedisState(new RedisUrl(url));
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

for (let index = 0; index < Number(claims); index += 1) print(String(await state.claimUse(counter, Number(limit))));
for (const kid of kids) if (await state.claimPairing(kid, { now: 0, keepUntil: 1000 })) print(kid);
await close();
