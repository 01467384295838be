/** Program that claims push messages of a state file, prints the interrupted and the claimed ones, and waits to be killed. */
import { openState } from "./push_examples.ts";

const [path = "", settles = ""] = Deno.args;
const state = openState(path, { waitMs: 20_000 });
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

print("started");
print(`interrupted ${await state.dropInterrupted()}`);
for (;;) {
  const { due } = await state.claimMessages(20_000, 3);
  for (const { id, text } of due) {
    print(`claimed ${text}`);
    if (settles === "settle") await state.settleMessage(id, { type: "sent", now: 20_000 });
  }
  if (due.length === 0) break;
}
print("done");
await new Promise((resolve) => setTimeout(resolve, 60_000));
