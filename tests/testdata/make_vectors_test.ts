import { assertEquals } from "@std/assert";

/** Only here, where programs can be started: the tests in tests/protocol run in browsers, too. */
Deno.test("make_vectors.ts prints the frozen vectors, to the last character", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", new URL("make_vectors.ts", import.meta.url).pathname],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  assertEquals([success, text.decode(stderr)], [true, ""]);
  assertEquals(text.decode(stdout), await Deno.readTextFile(new URL("vectors.json", import.meta.url)));
});
