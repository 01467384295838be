import { assertEquals, assertStringIncludes } from "@std/assert";
import { inTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Runs Deno in the project's directory; returns the text of both outputs. */
async function deno(args: readonly string[]): Promise<{ readonly code: number; readonly printed: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, printed: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("doc-lint prints nothing when every exported name has a doc comment", async () => {
  assertEquals(await deno(["task", "--quiet", "doc-lint"]), { code: 0, printed: "" });
});

Deno.test("doc-lint fails with the position of a missing doc comment", () =>
  inTempDir(async (directory) => {
    const file = `${directory}/bare.ts`;
    await Deno.writeTextFile(file, "export function bare(): void {}\n");
    const { code, printed } = await deno(["task", "--quiet", "doc-lint", file]);
    assertEquals(code, 1);
    assertStringIncludes(printed, `${file}:1:`);
  }));
