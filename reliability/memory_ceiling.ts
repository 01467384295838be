/**
 * Runs a gateway with the memory that systemd and Docker give it, attacks it in each way that might take more, and
 * prints what came of it. Arguments: `--seconds NUMBER` for each attack, and parts of names of attacks; all without any.
 * Exit code 1 if the gateway was killed, 77 where no control group can be made.
 */
import { ATTACKS } from "./memory/attacks.ts";
import { makeControlGroup } from "./memory/control_group.ts";
import { type AttackResult, runAttack } from "./memory/run_attack.ts";

/** `MemoryMax` in systemd/e2e-gateway.service, and `mem_limit` in docker-compose.yml. */
const MEMORY_BYTES = 512 * 2 ** 20;

// deno-lint-ignore no-console
const tell = (text: string) => console.log(text);

const args = [...Deno.args];
const secondsAt = args.indexOf("--seconds");
const seconds = secondsAt < 0 ? 12 : Number(args.splice(secondsAt, 2)[1]);
const flags = args.filter((arg) => arg.startsWith("--"));
const names = args.filter((arg) => !arg.startsWith("--"));
const attacks = ATTACKS.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));

const row = ({ name, peakBytes, survived, served, asked, slowestMs }: AttackResult) =>
  `| ${name} | ${Math.round(peakBytes / 2 ** 20)} | ${survived ? "yes" : "**no**"} | ${served} of ${asked}, slowest ${
    (slowestMs / 1000).toFixed(1)
  } s |`;

tell("| Attack | Peak MB | Survived | Phone meanwhile |\n| --- | --- | --- | --- |");
let isKilled = false;
for (const attack of attacks) {
  const group = await makeControlGroup(MEMORY_BYTES);
  if (group === undefined) {
    tell("No control group with a bound for memory can be made here: run it as root, on Linux, outside of a container");
    Deno.exit(77);
  }
  try {
    const result = await runAttack(attack, { ms: seconds * 1000, group, flags });
    tell(row(result));
    isKilled ||= !result.survived;
  } finally {
    await group.remove();
  }
}
Deno.exit(isKilled ? 1 : 0);
