import { assertEquals } from "@std/assert";
import { needing } from "./support/needs.ts";
import { hasProgram } from "./support/programs.ts";
import { inTempDir } from "./support/temp_dir.ts";

Deno.test({
  ...needing("git ignores the file that npm pack writes, and the services file", { git: await hasProgram("git") }),
  fn: () =>
    inTempDir(async (repository) => {
      const git = (...args: string[]) => new Deno.Command("git", { args, cwd: repository, stdout: "null" }).output();
      await git("init", "--quiet");
      await Deno.copyFile(new URL("../.gitignore", import.meta.url), `${repository}/.gitignore`);
      for (const name of ["e2e-gateway-client-1.0.0.tgz", "dist/npm/e2e-gateway-client-1.0.0.tgz", "services.yaml"]) {
        assertEquals((await git("check-ignore", "--quiet", name)).code, 0, name);
      }
      assertEquals((await git("check-ignore", "--quiet", "main.ts")).code, 1);
    }),
});
