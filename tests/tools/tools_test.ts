/** Command lines of the tools: `--help` and invalid arguments, with permissions that start nothing. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { ALL_FAULTS } from "../../tools/chaos/all_faults.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Files of the tools by the name of their task. */
const TOOLS: ReadonlyMap<string, string> = new Map(
  Object.entries(project.tasks).flatMap(([name, { command }]) => {
    const file = /^deno run .*?((?:tools(?:\/\w+)+|npm)\/\w+\.ts)$/.exec(command)?.[1];
    return file === undefined ? [] : [[name, file] as const];
  }),
);

/** Environment without the requirements of tests in CI. */
const OUTSIDE = Object.fromEntries(
  Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("REQUIRE_")),
);

/** Runs a tool that may read, but not listen, connect, write or start a program. */
async function runTool(name: string, args: readonly string[], flags: readonly string[] = []) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      "--allow-read",
      "--allow-env",
      "--allow-sys",
      ...flags,
      TOOLS.get(name) ?? "",
      ...args,
    ],
    cwd: ROOT,
    clearEnv: true,
    env: { ...OUTSIDE, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("every tool is tested here", () => {
  assertEquals([...TOOLS.keys()].toSorted(), [
    "bench",
    "bench:cold-start",
    "bench:compare",
    "bench:console",
    "bench:fanout",
    "bench:flood",
    "bench:growth",
    "bench:load",
    "bench:replicas",
    "bench:sustained",
    "build:npm",
    "chaos",
    "console:build",
    "doc-lint",
    "docs",
    "fuzz",
    "memory",
    "soak",
  ]);
});

for (const name of TOOLS.keys()) {
  Deno.test(`${name} --help prints its usage and exits 0 before anything starts`, async () => {
    const { code, stdout, stderr } = await runTool(name, ["--help"]);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assert(stdout.startsWith(`Usage: deno task ${name} `), stdout);
    assertMatch(stdout, /^ {2}--help +\S/m);
  });

  Deno.test(`${name} exits 2 with an error and its usage for an unknown option`, async () => {
    const { code, stdout, stderr } = await runTool(name, ["--nonsense"]);
    assertEquals({ code, stdout }, { code: 2, stdout: "" });
    assertEquals(stderr.split("\n").slice(0, 1), ["Unknown option '--nonsense'"]);
    assertStringIncludes(stderr, `\nUsage: deno task ${name} `);
    assertEquals(stderr.split("\n").length, 3, stderr);
  });
}

Deno.test("chaos --help lists every fault", async () => {
  const { stdout } = await runTool("chaos", ["--help"]);
  for (const { name, title } of ALL_FAULTS) assertMatch(stdout, new RegExp(`^ {2}${name} +${escape(title)}`, "m"));
});

for (const name of ["bench:load", "bench:sustained"]) {
  Deno.test(`${name} reports a missing Mosquitto and exits 77`, async () => {
    const paths = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"];
    const { code, stdout, stderr } = await runTool(name, [], [`--deny-read=${paths.join(",")}`]);
    assertEquals({ code, stdout }, { code: 77, stdout: "" });
    assertMatch(stderr, /^Mosquitto is not installed.*\n$/);
  });
}

/** Invalid arguments with their errors. */
const INVALID: readonly (readonly [tool: string, args: readonly string[], message: string])[] = [
  ["bench", ["nosuch"], 'Unknown part "nosuch"'],
  ["bench:flood", ["abc"], 'SECONDS must be a number of at least 1, not "abc"'],
  ["bench:load", ["-1"], "Unknown option '-1'"],
  ["bench:load", ["31"], 'SECONDS must be a number from 1 to 30, not "31"'],
  ["bench:load", ["5", "1.5"], 'ROUNDS must be a whole number of at least 1, not "1.5"'],
  ["bench:sustained", ["0"], 'MINUTES must be a number from 0.01 to 1440, not "0"'],
  ["bench:sustained", ["1", "2"], 'Unexpected argument "2"'],
  ["bench:fanout", ["1", "1", "50,"], 'COUNTS must be whole numbers separated by commas, such as 1,50, not "50,"'],
  ["bench:compare", [], "BASE is missing"],
  ["bench:compare", ["main", "2"], 'Unexpected argument "2"'],
  ["bench:compare", ["main", "--rows", "jeedom:2"], 'No row "jeedom:2": take jeedom:1, jeedom:16'],
  ["bench:growth", ["nosuch"], 'Unknown case "nosuch"'],
  ["bench:cold-start", ["0"], 'RUNS must be a whole number of at least 1, not "0"'],
  ["bench:replicas", ["31"], 'SECONDS must be a number from 1 to 30, not "31"'],
  ["bench:console", ["1"], 'SECONDS must be a whole number of at least 4, not "1"'],
  ["soak", ["abc"], 'MINUTES must be a number of at least 1, not "abc"'],
  ["soak", [""], 'MINUTES must be a number of at least 1, not ""'],
  ["soak", ["1", "2"], 'Unexpected argument "2"'],
  ["chaos", ["nosuchfault"], 'Unknown fault "nosuchfault". Faults: broker-killed'],
  ["chaos", ["replicas", "--faults", "broker frozen,nosuch"], 'Unknown fault "nosuch". Faults: writer killed'],
  ["chaos", ["replicas", "--phones", "1"], '--phones must be a whole number from 10 to 2000, not "1"'],
  ["memory", ["nosuchattack"], 'No attack has "nosuchattack" in its name'],
  ["memory", ["--seconds", "0"], '--seconds must be a number of at least 1, not "0"'],
  ["fuzz", ["99"], 'REQUESTS must be a whole number of at least 100, not "99"'],
  ["fuzz", ["1000", "--seed", "x"], '--seed must be a whole number of at least 0, not "x"'],
  ["docs", ["a"], 'Unexpected argument "a"'],
  ["build:npm", ["a", "b"], 'Unexpected argument "b"'],
];

for (const [name, args, message] of INVALID) {
  Deno.test(`${name} exits 2 with an error and its usage for "${args.join(" ")}"`, async () => {
    const { code, stdout, stderr } = await runTool(name, args);
    assertEquals({ code, stdout }, { code: 2, stdout: "" });
    assert(stderr.startsWith(message), stderr);
    assertEquals(stderr.trimEnd().split("\n").slice(1).map((line) => line.slice(0, 6)), ["Usage:"], stderr);
  });
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
