/** Program that claims uses of a state file, prints each outcome, and waits to be killed. */
import { SqliteState } from "../../../src/store/state/sqlite_state.ts";

const [path = "", counter = "", limit = "0", claims = "0"] = Deno.args;
const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const state = new SqliteState({ path, files: Deno, mode: "strict", log });
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

for (let index = 0; index < Number(claims); index += 1) print(String(await state.claimUse(counter, Number(limit))));
print("done");
await new Promise((resolve) => setTimeout(resolve, 60_000));
