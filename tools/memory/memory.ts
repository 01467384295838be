/**
 * Runs a gateway with the memory limit of systemd and Docker, attacks its memory in each known way, and prints the
 * results.
 */
import { Progress } from "../support/progress.ts";
import { inScope, runTool } from "../support/run_tool.ts";
import { readNumber, readToolArgs } from "../support/tool_args.ts";
import { type CommandLine, UsageError } from "../../src/cli/args.ts";
import { ATTACKS } from "./attacks.ts";
import { makeControlGroup } from "./control_group.ts";
import { type AttackResult, runAttack } from "./run_attack.ts";

/** `MemoryMax` in systemd/e2e-gateway.service and `mem_limit` in docker-compose.yml. */
const MEMORY_BYTES = 512 * 2 ** 20;

// deno-lint-ignore no-console
const print = (text: string) => console.log(text);

const LINE = {
  synopsis: "deno task memory [PART OF A NAME…]",
  summary: "Attack the memory of a gateway in a control group of 512 MB",
  options: {
    seconds: { type: "string", value: "NUMBER", default: "12", description: "Duration of each attack" },
  },
  notes:
    `Without a part of a name, all attacks run one after the other. Arguments after -- are passed to the deno run of the
gateway. Exit code 1 if the gateway was killed, 77 if no control group can be created.

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

const row = ({ name, peakBytes, survived, served, requests, slowestMs }: AttackResult) =>
  `| ${name} | ${Math.round(peakBytes / 2 ** 20)} | ${
    survived ? "yes" : "**no**"
  } | ${served} of ${requests}, slowest ${(slowestMs / 1000).toFixed(1)} s |`;

let isKilled = false;
const progress = new Progress(attacks.length);
print("| Attack | Peak MB | Survived | Other client |\n| --- | --- | --- | --- |");
await runTool(async (started) => {
  for (const attack of attacks) {
    progress.step(attack.name);
    await inScope(started, async (scope) => {
      const group = await makeControlGroup(MEMORY_BYTES);
      if (group === undefined) {
        print("Cannot create a control group with a memory limit: run it as root, on Linux, outside of a container");
        Deno.exit(77);
      }
      scope.defer(() => group.remove());
      const result = await runAttack(attack, { ms: seconds * 1000, group, flags, scope });
      print(row(result));
      isKilled ||= !result.survived;
    });
  }
});
Deno.exit(isKilled ? 1 : 0);
