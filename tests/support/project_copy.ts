/** Copies of the project, for tests whose tasks write files. */
import { assert } from "@std/assert";

const PROJECT = new URL("../../", import.meta.url).pathname;

/** Files and folders that the tasks of README.md need. */
const PARTS = ["main.ts", "src", "deno.json", "deno.lock", ".env.example"];

/** Copies the needed files into a directory; the sandbox does not follow links. */
export async function copyProject(directory: string): Promise<void> {
  const parts = PARTS.map((part) => PROJECT + part);
  const { success } = await new Deno.Command("cp", { args: ["-R", ...parts, directory] }).output();
  assert(success, "Cannot copy the project");
}

/** Returns the directory of Deno's cache, for a process with an empty home: it would download all packages. */
export async function denoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir }: { denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  return denoDir;
}
