/** Parts of bench:compare: the checkouts and the verdict. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkOut, findCommit } from "../../tools/bench/compare/checkouts.ts";
import { isSlower, ratioTable } from "../../tools/bench/compare/ratios.ts";
import { needing } from "../support/needs.ts";
import { hasProgram } from "../support/programs.ts";
import { inTempDir } from "../support/temp_dir.ts";

const GIT = await hasProgram("git");

/** Makes a repository with one commit, and changes that are not committed. */
async function makeRepository(directory: string): Promise<void> {
  const git = async (...args: string[]) => {
    const config = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    const { success } = await new Deno.Command("git", { args: [...config, ...args], cwd: directory }).output();
    assertEquals(success, true, args.join(" "));
  };
  await git("init", "--quiet");
  await Deno.writeTextFile(`${directory}/.gitignore`, "ignored\n");
  await Deno.writeTextFile(`${directory}/changed`, "old");
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "first");
  await Deno.writeTextFile(`${directory}/changed`, "new");
  await Deno.writeTextFile(`${directory}/added`, "new");
  await Deno.writeTextFile(`${directory}/ignored`, "new");
}

async function status(directory: string): Promise<string> {
  const options = { args: ["status", "--short"], cwd: directory };
  const worktrees = { args: ["worktree", "list"], cwd: directory };
  const texts = [];
  for (const command of [options, worktrees]) {
    texts.push(new TextDecoder().decode((await new Deno.Command("git", command).output()).stdout));
  }
  return texts.join("");
}

Deno.test(
  needing("checkOut() has the base and the working state, and leaves the repository as it was", { git: GIT }),
  () =>
    inTempDir(async (directory) => {
      await makeRepository(directory);
      const before = await status(directory);
      const scope = new AsyncDisposableStack();
      const { base, working } = await checkOut("HEAD", directory, scope);
      const namesIn = async (path: string) =>
        (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).filter((name) => name !== ".git")
          .toSorted();
      assertEquals(await namesIn(base), [".gitignore", "changed"]);
      assertEquals(await namesIn(working), [".gitignore", "added", "changed"]);
      assertEquals(await Deno.readTextFile(`${base}/changed`), "old");
      assertEquals(await Deno.readTextFile(`${working}/changed`), "new");
      await scope.disposeAsync();
      assertEquals(await status(directory), before);
    }),
);

Deno.test(
  needing("checkOut() leaves nothing when it is interrupted", { git: GIT }),
  () =>
    inTempDir(async (directory) => {
      await makeRepository(directory);
      const before = await status(directory);
      let isDone = false;
      for (let turns = 1; !isDone; turns += 5) {
        const scope = new AsyncDisposableStack();
        const checkingOut = checkOut("HEAD", directory, scope).then(() => true, () => false);
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setTimeout(resolve));
        await scope.disposeAsync();
        isDone = await checkingOut;
        assertEquals(await status(directory), before, `interrupted after ${turns} turns`);
      }
    }),
);

Deno.test(
  needing("findCommit() finds none for an unknown name, or for an option", { git: GIT }),
  () =>
    inTempDir(async (directory) => {
      await makeRepository(directory);
      assertEquals((await findCommit("HEAD", directory))?.length, 40);
      for (const name of ["nosuch", "--all"]) assertEquals(await findCommit(name, directory), undefined, name);
    }),
);

Deno.test("isSlower() is true if every round is below 0.9", () => {
  const row = (...ratios: number[]) => ({
    name: "x",
    rounds: ratios.map((ratio) => ({ base: 1000, working: 1000 * ratio })),
  });
  assertEquals(isSlower(row(0.5, 0.89)), true);
  assertEquals(isSlower(row(0.5, 0.95)), false);
  assertEquals(isSlower(row(1.2)), false);
  assertEquals(isSlower(row()), false);
});

Deno.test("ratioTable() marks slower rows", () => {
  const table = ratioTable([
    { name: "fast", rounds: [{ base: 100, working: 110 }, { base: 100, working: 80 }, { base: 100, working: 120 }] },
    { name: "slow", rounds: [{ base: 1000, working: 500 }] },
  ]);
  assertStringIncludes(table, "| fast | 100        | 110           | 1.10  | 0.80–1.20      |        |");
  assertStringIncludes(table, "| slow | 1000       | 500           | 0.50  | 0.50–0.50      | SLOWER |");
});
