/** Checkouts of two states of a repository, beside its working directory. */
import { resolve } from "node:path";

/** Directories of two checkouts. */
export interface Checkouts {
  /** State at the given commit. */
  readonly base: string;
  /** State of the working directory, with the files that are not committed yet. */
  readonly working: string;
}

/** Returns the id of a commit, which may be named by a branch or tag; undefined if there is none. */
export async function findCommit(name: string, repository: string): Promise<string | undefined> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
  return await runGit(args, { cwd: repository }).catch(() => undefined);
}

/** Checks a commit and the working state out in a temporary directory, which `scope` removes. */
export async function checkOut(base: string, repository: string, scope: AsyncDisposableStack): Promise<Checkouts> {
  const made = Deno.makeTempDir({ prefix: "compare-" });
  let running: Promise<unknown> = made;
  // An interruption may come at any time: after the command that runs.
  scope.defer(async () => {
    await running.catch(() => {});
    const { base, working } = pathsIn(await made);
    for (const path of [base, working]) {
      // Fails if it was not added yet.
      await runGit(["worktree", "remove", "--force", path], { cwd: repository }).catch(() => {});
    }
    await Deno.remove(await made, { recursive: true });
  });
  const directory = await made;
  const checkouts = pathsIn(directory);

  function git(args: readonly string[], env?: Record<string, string>): Promise<string> {
    if (scope.disposed) throw new Error("Interrupted");
    const output = runGit(args, { cwd: repository, env });
    running = output;
    return output;
  }

  await git(["worktree", "add", "--quiet", "--detach", checkouts.base, base]);
  await git(["worktree", "add", "--quiet", "--detach", checkouts.working, await commitOfWorkingState()]);
  return checkouts;

  /** Makes a commit that no branch has. An index of its own leaves the repository's untouched. */
  async function commitOfWorkingState(): Promise<string> {
    const index = { GIT_INDEX_FILE: resolve(directory, "index") };
    await git(["read-tree", "HEAD"], index);
    await git(["add", "--all"], index);
    const tree = await git(["write-tree"], index);
    const author = ["-c", "user.name=compare", "-c", "user.email=compare@localhost"];
    return await git([...author, "commit-tree", tree, "-p", "HEAD", "-m", "Working state"]);
  }
}

function pathsIn(directory: string): Checkouts {
  return { base: resolve(directory, "base"), working: resolve(directory, "working") };
}

async function runGit(
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Record<string, string> | undefined },
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args: [...args], cwd, env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`git ${args.join(" ")}: ${text(stderr)}`);
  return text(stdout);
}
