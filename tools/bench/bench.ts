/** Runs the micro-benchmarks with `deno bench`, one file after the other. */
import { type CommandLine, UsageError } from "../../src/cli/args.ts";
import { Progress } from "../support/progress.ts";
import { readToolArgs } from "../support/tool_args.ts";

const SUFFIX = "_bench.ts";

const parts = Array.from(Deno.readDirSync(import.meta.dirname ?? "."), ({ name }) => name)
  .filter((name) => name.endsWith(SUFFIX))
  .map((name) => name.slice(0, -SUFFIX.length))
  .toSorted();

const LINE = {
  synopsis: "deno task bench [PART…]",
  summary: "Measure sealing, opening, admission, observation, matching and fan-out",
  options: {
    filter: { type: "string", value: "TEXT", description: "Only benchmarks with this in their name, or /a pattern/" },
  },
  notes: `Parts (default: all of them):
${parts.map((part) => `  ${part}`).join("\n")}
Arguments after -- are passed to deno bench, such as -- --json`,
} as const satisfies CommandLine;

const { chosen, flags } = readToolArgs(LINE, ({ values: { filter }, positionals }) => {
  const names = positionals.filter((word) => !word.startsWith("-"));
  const unknown = names.find((name) => !parts.includes(name));
  if (unknown !== undefined) throw new UsageError(`Unknown part "${unknown}". Parts: ${parts.join(", ")}`);
  const flags = positionals.filter((word) => word.startsWith("-"));
  return {
    chosen: names.length === 0 ? parts : names,
    flags: filter === undefined ? flags : [`--filter=${filter}`, ...flags],
  };
});

const progress = new Progress(chosen.length);
for (const part of chosen) {
  progress.step(part);
  const file = new URL(`${part}${SUFFIX}`, import.meta.url).pathname;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["bench", "-A", "--quiet", ...flags, file] }).spawn()
    .status;
  if (code !== 0) Deno.exit(code);
}
