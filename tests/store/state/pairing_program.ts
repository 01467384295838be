/** Program that claims pairing codes of a state file, and prints those that it got. */
import { SqliteState } from "../../../src/store/state/sqlite_state.ts";

const [path = "", ...kids] = Deno.args;
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const state = new SqliteState({ path, files: Deno, mode: "strict", log });
const won = [];
for (const kid of kids) if (await state.claimPairing(kid, { now: 0, keepUntil: 1000 })) won.push(kid);
Deno.stdout.writeSync(new TextEncoder().encode(won.join(" ")));
await state.close();
