import { assertEquals, assertStringIncludes } from "@std/assert";
import { conformance } from "../../src/cli/conformance.ts";
import { fakePlatform } from "../support/platform.ts";

const KEY = "ab".repeat(32);
const noFiles = { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) };

const run = async (
  args: readonly string[],
  fetch: typeof globalThis.fetch = () => Promise.reject(new Error("asked")),
  env: Record<string, string> = {},
) => {
  const errors: string[] = [];
  const platform = fakePlatform({
    args,
    files: noFiles,
    fetch,
    env: (name) => env[name],
    printError: (line) => void errors.push(line),
  });
  const code = await conformance(platform);
  const isWarning = (line: string) => line.startsWith("Others on this machine can see a key that is given with --key:");
  const warnings = errors.filter(isWarning);
  const text = [...platform.lines, ...errors.filter((line) => !isWarning(line))].join("\n");
  return { code, text, warnings };
};

Deno.test("conformance refuses a wrong command line with exit code 2, before any request", async () => {
  for (
    const [args, message] of [
      [["--protocol", "3", "--key", KEY], 'Protocol must be 1 or 2, not "3"'],
      [["--topic", "a/#", "--key", KEY], 'Topic "a/#" must not contain the wildcards'],
      [["--url", "http://user:secret@gateway", "--key", KEY], "URL must be http:// or https://"],
      [["--url", "gateway", "--key", KEY], "URL must be http:// or https://"],
      [["--key", "secret"], "Key must be 64 hexadecimal characters"],
      [["--key", KEY, "--key-file", "f"], "Give --key or --key-file, not both"],
      [["--url", "http://gateway"], "No key"],
      [["--wrong"], "--wrong"],
      [[KEY], "options only"],
    ] as const
  ) {
    const { code, text } = await run(args);
    assertEquals(code, 2, text);
    assertStringIncludes(text, message);
    assertEquals(/secret@|abab|\bsecret\b(?!_key)/.test(text), false, text);
  }
});

Deno.test("conformance reports in one line that the gateway is unreachable", async () => {
  const { code, text } = await run(
    ["--url", "http://gateway", "--key", KEY],
    () => Promise.reject(new TypeError("Connection refused")),
  );
  assertEquals([code, text], [1, "Connection refused"]);
});

Deno.test("conformance warns that others can see a key of its command line, and of no other key", async () => {
  const refuse = () => Promise.reject(new TypeError("Connection refused"));
  const at = ["--url", "http://gateway"];
  const { code, warnings } = await run([...at, "--key", KEY], refuse);
  assertEquals([code, warnings.length], [1, 1]);
  assertEquals(warnings.join().includes(KEY), false);
  assertEquals((await run(at, refuse, { GATEWAY_KEY: KEY })).warnings, []);
});

Deno.test("conformance exits with 1 when GATEWAY_KEY is not a key", async () => {
  const { code, text } = await run(["--url", "http://gateway"], undefined, { GATEWAY_KEY: "secret" });
  assertEquals([code, text], [1, "Key must be 64 hexadecimal characters"]);
});
