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
 * @param chosen environment variable with the path of another build, which replaces `paths`
 */
export function findProgram(paths: readonly string[], required: string, chosen?: string): string | undefined {
  const own = chosen === undefined ? undefined : Deno.env.get(chosen);
  const candidates = own === undefined ? paths : [own];
  const found = candidates.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  const isRequired = own !== undefined || Deno.env.get(required) !== undefined;
  if (found === undefined && isRequired) throw new Error(`${candidates[0]} is missing`);
  return found;
}
