/** Returns whether a program is installed. */
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
 * Returns the first path at which a program is installed.
 *
 * @param required environment variable that CI sets to make a missing program an error
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
