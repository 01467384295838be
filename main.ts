/**
 * The entry of every command: the only place that touches the machine.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { statfs } from "node:fs/promises";
import process, { cpuUsage } from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { runCommandLine } from "./src/cli/commands.ts";
import { EXIT_INTERRUPTED } from "./src/cli/exit_codes.ts";
import type { NetworkAddress, Platform, StopOptions } from "./src/platform.ts";
import type { Machine } from "./src/doctor/context.ts";
import type { ProcessStats } from "./src/observability/process.ts";
import { visible } from "./src/observability/visible.ts";

/** When the process started, in seconds since 1970: this is the first that it does. */
const STARTED = performance.timeOrigin / 1000;

/** Signals that come so close together are one wish: a terminal sends it to all, and `deno task` sends it on. */
const SAME_WISH_MS = 500;

/** Settles when standard output is found closed. */
const outputClosed = Promise.withResolvers<void>();

/** Writes a line. Unlike `console`, it fails in the same way whatever the output is. */
function writeLine(output: typeof Deno.stdout | typeof Deno.stderr, line: string): void {
  let rest = new TextEncoder().encode(`${output.isTerminal() ? visible(line) : line}\n`);
  while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
}

/** Prints a line, and notices a closed output. Deno has no way to ask a pipe whether it is closed: only a write shows. */
function print(line: string): void {
  try {
    writeLine(Deno.stdout, line);
  } catch (error) {
    // Of a pipe, and of a socket in place of one. Any other failure, as of a full disk, loses this line alone.
    if (error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset) outputClosed.resolve();
  }
}

function printError(line: string): void {
  try {
    writeLine(Deno.stderr, line);
  } catch {
    // This line is lost: the exit code is left.
  }
}

function untilStopped(
  { ignoresOutput = false, endsOnHangup = Deno.stdout.isTerminal() }: StopOptions = {},
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let wishedAt: number | undefined;
  const wish = () => {
    if (wishedAt !== undefined && performance.now() - wishedAt > SAME_WISH_MS) Deno.exit(EXIT_INTERRUPTED);
    wishedAt ??= performance.now();
    resolve();
  };
  const signals: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", ...endsOnHangup ? ["SIGHUP" as const] : []];
  for (const signal of signals) Deno.addSignalListener(signal, wish);
  if (!ignoresOutput) outputClosed.promise.then(resolve);
  return promise;
}

async function makeTempDir(): Promise<string> {
  const path = await Deno.makeTempDir({ prefix: "demo-" });
  // At every exit, also that of a second Ctrl-C.
  addEventListener("unload", () => {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch {
      // A program that cleans the directory of temporary files was faster.
    }
  });
  return path;
}

function processFigures(): ProcessStats {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = cpuUsage();
  return { rssBytes: rss, heapBytes: heapUsed, cpuSeconds: (user + system) / 1e6, startTimeSeconds: STARTED };
}

function envNames(): readonly string[] {
  try {
    return Object.keys(Deno.env.toObject());
  } catch {
    // The sandbox allows single variables alone.
    return [];
  }
}

const run: Machine["run"] = async (command, args, { signal }) => {
  const program = new Deno.Command(command, { args: [...args], signal, stdin: "null", stderr: "null" });
  const { code, stdout } = await program.output();
  return { code, stdout: new TextDecoder().decode(stdout) };
};

const freeBytes: Machine["freeBytes"] = async (path) => {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    // The sandbox may not allow to look.
    return undefined;
  }
};

function networkInterfaces(): readonly NetworkAddress[] {
  try {
    return Deno.networkInterfaces();
  } catch {
    // The sandbox may not allow to look.
    return [];
  }
}

const askSecret: Platform["askSecret"] = (question) => {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  // What is typed is edited as usual, and shown nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  // Not before: the terminal shows what is typed until here.
  platform.printError(question);
  terminal.once("line", resolve);
  terminal.once("close", () => resolve(undefined));
  // The terminal is as before from here on, and the command ends.
  terminal.once("SIGINT", () => (terminal.close(), Deno.exit(EXIT_INTERRUPTED)));
  return promise.finally(() => terminal.close());
};

const platform: Omit<Platform, "args"> = {
  isTerminal: Deno.stdout.isTerminal(),
  files: Deno,
  stdin: Deno.stdin,
  askSecret,
  fetch,
  serve: Deno.serve,
  createHttpClient: Deno.createHttpClient,
  listenDatagram: Deno.listenDatagram,
  networkInterfaces,
  process: processFigures,
  denoVersion: Deno.version.deno,
  listen: (where) => Deno.listen(where),
  lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  freeBytes,
  run,
  makeTempDir,
  env: (variable) => Deno.env.get(variable),
  envNames,
  print,
  printError,
  onReload: (reload) => Deno.addSignalListener("SIGHUP", reload),
  untilStopped,
};

Deno.exit(await runCommandLine(Deno.args, platform));
