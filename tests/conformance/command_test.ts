import { assertEquals, assertStringIncludes } from "@std/assert";
import { conformance } from "../../src/cli/conformance.ts";
import { fakePlatform } from "../platform.ts";

const KEY = "ab".repeat(32);
const noFiles = { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) };

const run = async (
  args: readonly string[],
  fetch: typeof globalThis.fetch = () => Promise.reject(new Error("asked")),
) => {
  const platform = fakePlatform({ args, files: noFiles, fetch });
  return { code: await conformance(platform), text: platform.lines.join("\n") };
};

Deno.test("conformance refuses a wrong command line with exit code 2, before it asks anybody", async () => {
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
    ] as const
  ) {
    const { code, text } = await run(args);
    assertEquals(code, 2, text);
    assertStringIncludes(text, message);
    assertEquals(/secret@|abab|\bsecret\b(?!_key)/.test(text), false, text);
  }
});

Deno.test("conformance tells in one line that nobody answers", async () => {
  const { code, text } = await run(
    ["--url", "http://gateway", "--key", KEY],
    () => Promise.reject(new TypeError("Connection refused")),
  );
  assertEquals([code, text], [1, "Connection refused"]);
});
