/** Helper processes: a tool starts one, sends it commands and receives its answers, each a line of JSON. */
import { TextLineStream } from "@std/streams/text-line-stream";
import { errorText } from "../../src/lib/errors.ts";

const PROJECT = new URL("../../deno.json", import.meta.url).pathname;

/** A running helper. */
export interface HelperProcess {
  /** Its process id. */
  readonly pid: number;
  /** Sends a command and waits for its answer; one command at a time. */
  ask<Answer>(command: string, argument?: unknown): Promise<Answer>;
  /** Kills it. */
  stop(): Promise<void>;
}

/** Commands of a helper: functions from the argument to the answer, both JSON. */
export type Commands = Readonly<Record<string, (argument: never) => unknown>>;

/** Starts a helper from its file, which calls `answerCommands`; `flags` are further flags for `deno run`. */
export function startHelper(file: URL, flags: readonly string[] = []): HelperProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--config", PROJECT, ...flags, file.pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const commands = child.stdin.getWriter();
  const answers = linesOf(child.stdout).getReader();
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
        // It has already ended.
      }
      await child.status;
      await commands.abort().catch(() => {});
      await answers.cancel().catch(() => {});
    },
  };
}

/** Runs in the helper: answers commands one after the other until standard input ends, then exits. */
export async function answerCommands(commands: Commands): Promise<never> {
  for await (const line of linesOf(Deno.stdin.readable)) {
    const { command, argument }: { command: string; argument: never } = JSON.parse(line);
    let answer: unknown;
    try {
      answer = { value: await commands[command]?.(argument) ?? null };
    } catch (error) {
      answer = { error: error instanceof Error ? error.stack : errorText(error) };
    }
    await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(answer) + "\n"));
  }
  Deno.exit();
}

/** Returns the lines of a stream of bytes. */
export function linesOf(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  return bytes.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
}
