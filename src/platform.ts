/**
 * The machine that commands run on, as one interface, and its implementation by Deno.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import type { KeyFileSystem } from "./keys/default_key_file.ts";
import type { KeysFileSystem } from "./keys/keyring_file.ts";
import type { ProcessStats } from "./observability/process.ts";
import { visible } from "./lib/visible.ts";

/** Address of a network interface. */
export type NetworkAddress = Pick<Deno.NetworkInterfaceInfo, "name" | "family" | "address">;

/** Result of a program. */
export interface ProgramOutput {
  /** Exit code. */
  readonly code: number;
  /** Text of its standard output. */
  readonly stdout: string;
}

/** Conditions that end a program. */
export interface StopOptions {
  /** Continues when standard output is closed. False by default. */
  readonly ignoresOutput?: boolean;
  /**
   * Ends at SIGHUP. By default true on a terminal, which sends it when it is closed; elsewhere a gateway reloads its
   * keys at SIGHUP, and `nohup` keeps commands running.
   */
  readonly endsOnHangup?: boolean;
}

/** Everything of the machine that commands need. */
export interface Platform {
  /** Arguments after the command's name. */
  readonly args: readonly string[];
  /** True if standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Version of Deno, such as `2.9.6`. */
  readonly denoVersion: string;
  /** File system. */
  readonly files: KeyFileSystem & KeysFileSystem & Pick<typeof Deno, "readFile" | "writeFile">;
  /** Standard input. */
  readonly stdin: Pick<typeof Deno.stdin, "isTerminal" | "readable">;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Creates a pool of HTTP connections. */
  readonly createHttpClient: typeof Deno.createHttpClient;
  /** Starts an HTTP server. */
  readonly serve: typeof Deno.serve;
  /** Answers a request of such a server with a WebSocket. */
  readonly upgradeWebSocket: typeof Deno.upgradeWebSocket;
  /** Opens a datagram socket. */
  readonly listenDatagram: typeof Deno.listenDatagram;
  /**
   * Listens on a TCP port.
   *
   * @throws the error of a port that is in use, or of an address that this machine does not have
   */
  listen(options: { readonly hostname: string; readonly port: number }): { close(): void };
  /**
   * Opens a TCP connection.
   *
   * @throws the error of the connection, or of a host that the sandbox does not allow
   */
  connect(options: Deno.ConnectOptions): Promise<Deno.TcpConn>;
  /** Begins TLS on a TCP connection. */
  readonly startTls: typeof Deno.startTls;
  /**
   * Resolves a host name to its addresses.
   *
   * @throws the error of an unknown name
   */
  lookup(host: string): Promise<readonly string[]>;
  /** Lists the network addresses of this machine; empty if the sandbox hides them. */
  networkInterfaces(): readonly NetworkAddress[];
  /** Returns the free disk space below a path, in bytes; undefined if the sandbox hides it. */
  freeBytes(path: string): Promise<number | undefined>;
  /** Creates a directory that only its owner can enter, and that is removed when the process exits. */
  makeTempDir(): Promise<string>;
  /**
   * Runs a program to its end.
   *
   * @throws the error of a program that does not exist, or that the sandbox forbids
   */
  run(command: string, args: readonly string[], options: { readonly signal: AbortSignal }): Promise<ProgramOutput>;
  /** Returns the resources that the process uses. */
  process(): ProcessStats;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Lists the names of environment variables; empty if the sandbox allows only single ones. */
  envNames(): readonly string[];
  /** Prints a line to standard output. */
  print(line: string): void;
  /** Writes bytes to standard output as they are. */
  printBytes(bytes: Uint8Array): void;
  /** Prints a line to standard error. */
  printError(line: string): void;
  /**
   * Asks for a secret on the terminal, without echo.
   *
   * @returns the secret; undefined if the input ended
   */
  askSecret(question: string): Promise<string | undefined>;
  /** Calls a function at each SIGHUP, which asks to reload files. */
  onReload(reload: () => void): void;
  /**
   * Settles when the program is to end: at a signal (a second one ends it at once), or when standard output is closed,
   * which is detected at the next printed line.
   */
  untilStopped(options?: StopOptions): Promise<void>;
}

/** Time within which two signals count as one, in milliseconds: a terminal sends them to `deno task` and its child. */
const SAME_SIGNAL_MS = 500;

/**
 * Creates the platform of the running process.
 *
 * @param interruptedCode exit code of a process that a second signal ends, or Ctrl-C while it asks for a secret
 */
export function denoPlatform(interruptedCode: number): Omit<Platform, "args"> {
  const outputClosed = Promise.withResolvers<void>();
  const isTerminal = Deno.stdout.isTerminal();
  const printBytes = (bytes: Uint8Array) => {
    try {
      writeAll(Deno.stdout, bytes);
    } catch (error) {
      // Deno cannot ask whether a pipe or socket is closed: only a write shows it. After any other failure, such as a
      // full disk, only this line is lost.
      const isClosed = error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
      if (isClosed) outputClosed.resolve();
    }
  };
  return {
    isTerminal,
    denoVersion: Deno.version.deno,
    files: Deno,
    stdin: Deno.stdin,
    fetch,
    createHttpClient: Deno.createHttpClient,
    serve: Deno.serve,
    upgradeWebSocket: Deno.upgradeWebSocket,
    listenDatagram: Deno.listenDatagram,
    listen: (options) => Deno.listen(options),
    connect: (options) => Deno.connect(options),
    startTls: Deno.startTls,
    lookup: lookupHost,
    networkInterfaces: () => unlessForbidden(() => Deno.networkInterfaces()) ?? [],
    freeBytes,
    makeTempDir,
    run,
    process: processStats,
    env: (name) => Deno.env.get(name),
    envNames: () => unlessForbidden(() => Object.keys(Deno.env.toObject())) ?? [],
    print: (line) => printBytes(lineOf(isTerminal ? visible(line) : line)),
    printBytes,
    printError,
    askSecret: (question) => askSecret(question, interruptedCode),
    onReload: (reload) => Deno.addSignalListener("SIGHUP", reload),
    async untilStopped({ ignoresOutput = false, endsOnHangup = isTerminal } = {}) {
      const signaled = untilSignal(["SIGINT", "SIGTERM", ...endsOnHangup ? ["SIGHUP" as const] : []], interruptedCode);
      await (ignoresOutput ? signaled : Promise.race([signaled, outputClosed.promise]));
    },
  };
}

/** Settles at the first of the signals. A later one ends the process at once. */
function untilSignal(signals: readonly Deno.Signal[], interruptedCode: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let signaledAt: number | undefined;
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      if (signaledAt !== undefined && performance.now() - signaledAt > SAME_SIGNAL_MS) Deno.exit(interruptedCode);
      signaledAt ??= performance.now();
      resolve();
    });
  }
  return promise;
}

/** Returns what a function returns; undefined if the sandbox forbids it. */
function unlessForbidden<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

async function lookupHost(host: string): Promise<string[]> {
  const { lookup } = await import("node:dns/promises");
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { statfs } = await import("node:fs/promises");
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

async function makeTempDir(): Promise<string> {
  const path = await Deno.makeTempDir({ prefix: "demo-" });
  // At every exit, including that of a second Ctrl-C.
  addEventListener("unload", () => {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch {
      // Already removed, for example by a cleaner of temporary files.
    }
  });
  return path;
}

const run: Platform["run"] = async (command, args, { signal }) => {
  const program = new Deno.Command(command, { args: [...args], signal, stdin: "null", stderr: "null" });
  const { code, stdout } = await program.output();
  return { code, stdout: new TextDecoder().decode(stdout) };
};

function processStats(): ProcessStats {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = cpuUsage();
  return {
    rssBytes: rss,
    heapBytes: heapUsed,
    cpuSeconds: (user + system) / 1e6,
    startTimeSeconds: performance.timeOrigin / 1000,
  };
}

function lineOf(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\n`);
}

/** Writes bytes. Unlike `console`, it throws whatever kind of file the output is. */
function writeAll(output: typeof Deno.stdout | typeof Deno.stderr, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
}

function printError(line: string): void {
  try {
    writeAll(Deno.stderr, lineOf(Deno.stderr.isTerminal() ? visible(line) : line));
  } catch {
    // The exit code remains.
  }
}

async function askSecret(question: string, interruptedCode: number): Promise<string | undefined> {
  const [{ createInterface }, { Writable }, { stdin }] = await Promise.all([
    import("node:readline"),
    import("node:stream"),
    import("node:process"),
  ]);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const noEcho = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: noEcho, terminal: true, historySize: 0 });
  // Only now: until here the terminal echoes its input.
  printError(question);
  terminal.once("line", resolve);
  terminal.once("close", () => resolve(undefined));
  terminal.once("SIGINT", () => {
    // Restores the echo.
    terminal.close();
    Deno.exit(interruptedCode);
  });
  try {
    return await promise;
  } finally {
    terminal.close();
  }
}
