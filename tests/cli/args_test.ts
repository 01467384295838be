import { assert, assertEquals, assertThrows } from "@std/assert";
import { closestName, type CommandLine, formatHelp, readArgs, UsageError, wantsHelp } from "../../src/cli/args.ts";

const LINE = {
  synopsis: "deno task publish TOPIC MESSAGE",
  summary: "Publishes a message.",
  options: {
    qos: { type: "string", value: "0|1|2", default: "0", description: "Quality of service" },
    retain: { type: "boolean", description: "Let the broker keep it" },
    file: { type: "string", value: "PATH", description: "Read the message from a file,\nwhatever its bytes are" },
  },
  notes: "A word that begins with two dashes comes after --.",
} as const satisfies CommandLine;

Deno.test("formatHelp() lists every option with its value, its default and its description", () => {
  assertEquals(
    formatHelp(LINE),
    `Usage: deno task publish TOPIC MESSAGE [options]

Publishes a message.

  --qos 0|1|2  Quality of service (default: 0)
  --retain     Let the broker keep it
  --file PATH  Read the message from a file,
               whatever its bytes are
  --help       Show this help

A word that begins with two dashes comes after --.`,
  );
});

Deno.test("wantsHelp() finds --help before -- only, and -h as the first word only", () => {
  assert(wantsHelp(["--help"]));
  assert(wantsHelp(["home/test", "--qos", "1", "--help"]));
  assert(wantsHelp(["-h"]));
  assert(!wantsHelp(["home/test", "-h"]));
  assert(!wantsHelp(["home/test", "--", "--help"]));
  assert(!wantsHelp([]));
});

Deno.test("readArgs() returns typed values, defaults and positionals", () => {
  const { values, positionals } = readArgs(["home/test", "--retain", "22.5"], LINE);
  const qos: string = values.qos;
  const retain: boolean | undefined = values.retain;
  assertEquals([qos, retain, values.file, positionals], ["0", true, undefined, ["home/test", "22.5"]]);
});

for (
  const [args, message] of [
    [["--quos", "1"], "Unknown option '--quos'"],
    [["--qos"], "Option '--qos <value>' argument missing"],
    [["--retain=yes"], "Option '--retain' does not take an argument"],
  ] as const
) {
  Deno.test(`readArgs() explains the error in ${args.join(" ")}, and how to list the options`, () => {
    const error = assertThrows(() => readArgs(args, LINE), UsageError);
    assertEquals(
      error.message,
      `${message}\nUsage: deno task publish TOPIC MESSAGE [options]; --help lists the options`,
    );
  });
}

const NAMES = ["call", "check-config", "publish", "subscribe"];

Deno.test("closestName() returns the name that a misspelt word most resembles", () => {
  for (
    const [word, name] of [["cal", "call"], ["CALL", "call"], ["pubilsh", "publish"], ["check_config", "check-config"]]
  ) assertEquals(closestName(word ?? "", NAMES), name);
});

Deno.test("closestName() returns nothing when no name is close", () => {
  for (const word of ["", "x", "frobnicate", "configuration", "c".repeat(1000)]) {
    assertEquals(closestName(word, NAMES), undefined, word);
  }
  assertEquals(closestName("call", []), undefined);
});
