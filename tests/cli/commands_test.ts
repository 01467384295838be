/** Command line of each command: its help, its arguments, and the error for an unknown name. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CommandLine } from "../../src/cli/args.ts";
import { COMMANDS, runCommandLine } from "../../src/cli/commands.ts";
import type { Platform } from "../../src/platform.ts";
import { VERSION } from "../../src/version.ts";
import { fakePlatform } from "../support/platform.ts";

/** Machine on which a command can only print. */
function silentMachine() {
  const printed: string[] = [];
  const faults: string[] = [];
  const fail = (): never => {
    throw new Error("The command touches the machine");
  };
  const platform: Platform = fakePlatform({
    fetch: fail,
    serve: fail,
    createHttpClient: fail,
    listenDatagram: fail,
    listen: fail,
    env: fail,
    process: fail,
    onReload: fail,
    askSecret: fail,
    untilStopped: fail,
    files: { ...Deno, readTextFile: fail, open: fail, writeTextFile: fail, mkdir: fail, stat: fail, realPath: fail },
    print: (line) => void printed.push(line),
    printError: (line) => void faults.push(line),
  });
  return {
    async run(...args: string[]) {
      printed.length = 0;
      faults.length = 0;
      const code = await runCommandLine(args, platform);
      return { code, out: printed.join("\n"), err: faults.join("\n") };
    },
  };
}

/** Every command line, by its command. */
const LINES: (readonly [args: readonly string[], line: CommandLine])[] = [];
for (const [name, load] of Object.entries(COMMANDS)) {
  const { line, subcommands = {} } = await load();
  LINES.push([[name], line]);
  for (const [subcommand, line] of Object.entries(subcommands)) LINES.push([[name, subcommand], line]);
}

for (const [args, { synopsis, summary, options }] of LINES) {
  const name = args.join(" ");

  Deno.test(`${name} --help names every option, exits with 0, and touches nothing`, async () => {
    const { run } = silentMachine();
    const { code, out, err } = await run(...args, "--help");
    assertEquals([code, err], [0, ""]);
    assert(out.startsWith(`Usage: ${synopsis} [options]\n`), out);
    for (const option of [...Object.keys(options), "help"]) {
      assert(new RegExp(`^  --${option}( |$)`, "m").test(out), `--${option} is not in\n${out}`);
    }
    for (const line of out.replace(summary, "").split("\n")) assert(line.length <= 80, `Too wide: ${line}`);
    for (const more of [["-h"], ["word", "--help"], ["--nonsense", "--help"]]) {
      assertEquals(await run(...args, ...more), { code: 0, out, err: "" });
    }
  });

  if (Object.keys(options).length === 0 && args.length === 1 && !["keys", "actions"].includes(name)) {
    Deno.test(`${name} refuses unknown arguments with exit code 2, and touches nothing`, async () => {
      const { run } = silentMachine();
      for (const word of ["--nonsense", "-x", "word", "--help=yes"]) {
        const { code, out, err } = await run(...args, word);
        assertEquals([code, out], [2, ""]);
        assertStringIncludes(err, word.replace(/=.*/, ""));
        assertStringIncludes(err, `\nUsage: ${synopsis} `);
      }
      const { code, err } = await run(...args, "--", "--help");
      assertEquals(code, 2);
      assertStringIncludes(err, "Unexpected argument '--help'");
    });
  }
}

Deno.test("--help lists every command with its summary, and --version prints the version", async () => {
  const { run } = silentMachine();
  const { code, out, err } = await run("--help");
  assertEquals([code, err], [0, ""]);
  for (const [[name, ...subcommand], { summary }] of LINES) {
    if (subcommand.length === 0) assert(new RegExp(`^  ${name} +${summary}$`, "m").test(out), out);
  }
  for (const word of ["-h", "help"]) assertEquals(await run(word), { code, out, err });
  assertEquals(await run("--version"), { code: 0, out: `e2e-gateway ${VERSION}`, err: "" });
});

for (
  const [args, message] of [
    [["cal"], 'Unknown command "cal": did you mean "call"?'],
    [["Publish"], 'Unknown command "Publish": did you mean "publish"?'],
    [["checkconfig"], 'Unknown command "checkconfig": did you mean "check-config"?'],
    [["subscribe-to"], 'Unknown command "subscribe-to": did you mean "subscribe"?'],
    [["frobnicate"], 'Unknown command "frobnicate"\n'],
    [["constructor"], 'Unknown command "constructor"\n'],
    [["__proto__"], 'Unknown command "__proto__"\n'],
    [["--nonsense"], 'Unknown command "--nonsense"\n'],
    [[""], 'Unknown command ""\n'],
    [["keys", "lst"], 'Unknown subcommand "lst": did you mean "list"?'],
    [["keys", "constructor"], 'Unknown subcommand "constructor"\n'],
    [["keys"], "A subcommand is missing\n"],
    [["actions", "rm"], 'Unknown subcommand "rm"'],
    [["actions"], "A subcommand is missing\n"],
  ] as const
) {
  Deno.test(`"${args.join(" ")}" fails with exit code 2 and the valid names`, async () => {
    const { run } = silentMachine();
    const { code, out, err } = await run(...args);
    assertEquals([code, out], [2, ""]);
    assert(err.startsWith(message), err);
    const group = args[0] === "keys" || args[0] === "actions" ? [args[0]] : [];
    const shown = (await run(...group, "--help")).out;
    assert(err.endsWith(`\n${shown}`), err);
  });
}
