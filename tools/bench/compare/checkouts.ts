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
  const directory = await Deno.makeTempDir({ prefix: "compare-" });
  scope.defer(() => Deno.remove(directory, { recursive: true }));
  const git = (args: readonly string[], env?: Record<string, string>) => runGit(args, { cwd: repository, env });

  async function add(name: string, commit: string): Promise<string> {
    const path = resolve(directory, name);
    await git(["worktree", "add", "--quiet", "--detach", path, commit]);
    scope.defer(async () => void await git(["worktree", "remove", "--force", path]));
    return path;
  }

  return { base: await add("base", base), working: await add("working", await commitOfWorkingState()) };

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

async function runGit(
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Record<string, string> | undefined },
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args: [...args], cwd, env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`git ${args.join(" ")}: ${text(stderr)}`);
  return text(stdout);
}
