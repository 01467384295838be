/** Copies of the project, for tests that type its tasks where nothing of them may stay. */
import { assert } from "@std/assert";

const PROJECT = new URL("../../", import.meta.url).pathname;

/** Files and folders that the tasks of a newcomer need. */
const PARTS = ["main.ts", "src", "deno.json", "deno.lock", ".env.example"];

/** Copies what the tasks need into a directory. Links would not do: the sandbox may not follow them. */
export async function copyProject(directory: string): Promise<void> {
  const parts = PARTS.map((part) => PROJECT + part);
  const { success } = await new Deno.Command("cp", { args: ["-R", ...parts, directory] }).output();
  assert(success, "The project cannot be copied");
}

/** Finds the directory of Deno's cache, for a process whose home is empty: a newcomer's first run downloads packages. */
export async function denoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir }: { denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  return denoDir;
}
