/**
 * Runs a gateway with the memory that systemd and Docker give it, attacks it in each way that might take more, and
 * prints what came of it.
 */
import { Progress } from "../support/progress.ts";
import { inScope, runTool } from "../support/run_tool.ts";
import { readNumber, readToolArgs } from "../support/tool_args.ts";
import { type CommandLine, UsageError } from "../../src/cli/args.ts";
import { ATTACKS } from "./attacks.ts";
import { makeControlGroup } from "./control_group.ts";
import { type AttackResult, runAttack } from "./run_attack.ts";

/** `MemoryMax` in systemd/e2e-gateway.service, and `mem_limit` in docker-compose.yml. */
const MEMORY_BYTES = 512 * 2 ** 20;

// deno-lint-ignore no-console
const tell = (text: string) => console.log(text);

const LINE = {
  synopsis: "deno task memory [PART OF A NAME…]",
  summary: "Attack a gateway in a control group of 512 MB in each way that might take more",
  options: {
    seconds: { type: "string", value: "NUMBER", default: "12", description: "How long each attack lasts" },
  },
  notes:
    `Without a part of a name, all attacks happen one after the other. What follows -- goes to the deno run of the gateway.
Exit code 1 if the gateway was killed, 77 where no control group can be made.

Attacks:
${ATTACKS.map(({ name }) => `  ${name}`).join("\n")}`,
} as const satisfies CommandLine;

const { seconds, attacks, flags } = readToolArgs(LINE, ({ values, positionals }) => {
  const names = positionals.filter((word) => !word.startsWith("-"));
  const attacks = ATTACKS.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));
  if (attacks.length === 0) throw new UsageError(`No attack has "${names.join('" or "')}" in its name`);
  return {
    seconds: readNumber(values.seconds, { name: "--seconds", standard: 12, min: 1 }),
    attacks,
    flags: positionals.filter((word) => word.startsWith("-")),
  };
});

const row = ({ name, peakBytes, survived, served, asked, slowestMs }: AttackResult) =>
  `| ${name} | ${Math.round(peakBytes / 2 ** 20)} | ${survived ? "yes" : "**no**"} | ${served} of ${asked}, slowest ${
    (slowestMs / 1000).toFixed(1)
  } s |`;

let isKilled = false;
const progress = new Progress(attacks.length);
tell("| Attack | Peak MB | Survived | Phone meanwhile |\n| --- | --- | --- | --- |");
await runTool(async (started) => {
  for (const attack of attacks) {
    progress.step(attack.name);
    await inScope(started, async (opened) => {
      const group = await makeControlGroup(MEMORY_BYTES);
      if (group === undefined) {
        tell(
          "No control group with a bound for memory can be made here: run it as root, on Linux, outside of a container",
        );
        Deno.exit(77);
      }
      opened.defer(() => group.remove());
      const result = await runAttack(attack, { ms: seconds * 1000, group, flags, opened });
      tell(row(result));
      isKilled ||= !result.survived;
    });
  }
});
Deno.exit(isKilled ? 1 : 0);
