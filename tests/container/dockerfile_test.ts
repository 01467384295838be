import { assert, assertEquals, assertMatch } from "@std/assert";

const PROJECT = new URL("../../", import.meta.url);

/** Lists the modules below a folder of the project. */
async function modulesBelow(folder: string): Promise<string[]> {
  const modules: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, PROJECT))) {
    // Not in the image but for the built files: .dockerignore.
    if (`${folder}/${name}` === "src/console") continue;
    if (isDirectory) modules.push(...await modulesBelow(`${folder}/${name}`));
    else if (name.endsWith(".ts")) modules.push(`${folder}/${name}`);
  }
  return modules;
}

// Deno passes in silence over packages that it cannot download for modules reached by import() alone.
Deno.test("Dockerfile names every module when it downloads the packages", async () => {
  const dockerfile = await Deno.readTextFile(new URL("Dockerfile", PROJECT));
  const words = /^RUN deno cache --frozen (.*?) *\\?$/m.exec(dockerfile)?.[1];
  assert(words !== undefined, "no deno cache");
  const shell = new Deno.Command("sh", { args: ["-c", `printf '%s\\n' ${words}`], cwd: PROJECT });
  const named = new TextDecoder().decode((await shell.output()).stdout).trim().split("\n")
    .filter((path) => !path.startsWith("src/console/"));
  assertEquals(named.sort(), ["main.ts", ...await modulesBelow("src")].sort());
});

Deno.test("Dockerfile runs a command after the download, before the files change their owner or mode", async () => {
  const dockerfile = await Deno.readTextFile(new URL("Dockerfile", PROJECT));
  assertMatch(dockerfile, /^RUN deno cache .*\\\n && deno run .* main\.ts help .*\\\n && chmod /m);
});
