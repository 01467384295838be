/** A process of its own that helps a benchmark: it gets commands and gives answers as lines of JSON. */
import { TextLineStream } from "./text_line_stream.ts";

const PROJECT = new URL("../../deno.json", import.meta.url).pathname;

/** A running helper. */
export interface HelperProcess {
  /** Its process id. */
  readonly pid: number;
  /** Has it do something, and waits for the answer; one thing at a time. */
  ask<Answer>(command: string, argument?: unknown): Promise<Answer>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts a helper from its file, which calls `answerCommands`; `flags` are further ones for `deno run`. */
export function startHelper(file: URL, flags: readonly string[] = []): HelperProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--config", PROJECT, ...flags, file.pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const commands = child.stdin.getWriter();
  const answers = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  return {
    pid: child.pid,
    async ask<Answer>(command: string, argument: unknown = {}) {
      await commands.write(new TextEncoder().encode(JSON.stringify({ command, argument }) + "\n"));
      const { value } = await answers.read();
      if (value === undefined) throw new Error(`Helper ended: ${file.pathname}`);
      const answer: { error: string } | { value: Answer } = JSON.parse(value);
      if ("error" in answer) throw new Error(`Helper failed: ${file.pathname}: ${answer.error}`);
      return answer.value;
    },
    async stop() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It ended by itself.
      }
      await child.status;
      await commands.abort().catch(() => {});
      await answers.cancel().catch(() => {});
    },
  };
}
