/** Tells whether a program can be started here. */
export async function hasProgram(name: string): Promise<boolean> {
  try {
    const command = new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" });
    await command.output();
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds a program at one of some paths.
 *
 * @param required a variable that CI sets, so that nothing is skipped unnoticed there: then a missing one is an error
 */
export function findProgram(paths: readonly string[], required: string): string | undefined {
  const found = paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (found === undefined && Deno.env.get(required) !== undefined) throw new Error(`${paths[0]} is missing`);
  return found;
}
