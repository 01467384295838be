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
