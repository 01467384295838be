/** Program that claims push messages of a state file, settles some of them, and waits to be killed. */
import { openState } from "./open_state.ts";

const [path = "", settles = "0"] = Deno.args;
const state = openState(path, { waitMs: 20_000 });
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

print(`interrupted ${await state.dropInterrupted()}`);
let left = Number(settles);
for (;;) {
  const { due } = await state.claimMessages(20_000, 3);
  for (const { id, text } of due) {
    print(`claimed ${text}`);
    if (left > 0) await state.settleMessage(id, { type: "sent", now: 20_000 });
    left -= 1;
  }
  if (due.length === 0 || left < 0) break;
}
print("done");
await new Promise((resolve) => setTimeout(resolve, 60_000));
