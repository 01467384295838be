/** The other end of a helper process: does what it is told, and ends with whoever started it. */
import { TextLineStream } from "../support/text_line_stream.ts";

/** What a helper can do: from the argument to the answer, both JSON. */
export type Commands = Readonly<Record<string, (argument: never) => unknown>>;

/** Does one command after the other until standard input ends, and exits. */
export async function answerCommands(commands: Commands): Promise<never> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const { command, argument }: { command: string; argument: never } = JSON.parse(line);
    let answer: unknown;
    try {
      answer = { value: await commands[command]?.(argument) ?? null };
    } catch (error) {
      answer = { error: error instanceof Error ? error.stack : String(error) };
    }
    await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(answer) + "\n"));
  }
  Deno.exit();
}
