/**
 * What a command line program gets from the machine that it runs on. `main.ts` makes the real one.
 *
 * @module
 */
import type { Machine } from "./doctor/context.ts";
import type { ProcessStats } from "./observability/process.ts";
import type { KeyFileSystem } from "./keys/default_key_file.ts";
import type { KeysFileSystem } from "./keys/keyring_file.ts";
import type { CommandLine } from "./cli/args.ts";

/** Address of a network interface. */
export type NetworkAddress = Pick<Deno.NetworkInterfaceInfo, "name" | "family" | "address">;

/** The machine, as far as the commands need it. */
export interface Platform extends Pick<Machine, "denoVersion" | "listen" | "lookup" | "freeBytes" | "run"> {
  /** Words after the command's name. */
  readonly args: readonly string[];
  /** Whether a person watches the output. */
  readonly isTerminal: boolean;
  /** Files. */
  readonly files: KeyFileSystem & KeysFileSystem;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Standard input. */
  readonly stdin: Pick<typeof Deno.stdin, "isTerminal" | "readable">;
  /**
   * Asks the person at the terminal for a secret, which does not show while it is typed.
   *
   * @returns what was typed; undefined if the input ended instead
   */
  askSecret(question: string): Promise<string | undefined>;
  /** Starts an HTTP server. */
  readonly serve: typeof Deno.serve;
  /** Lists the network addresses of this machine; empty where the sandbox hides them. */
  networkInterfaces(): readonly NetworkAddress[];
  /** Makes a pool of HTTP connections. */
  readonly createHttpClient: typeof Deno.createHttpClient;
  /** Opens a socket that sends single messages. */
  readonly listenDatagram: typeof Deno.listenDatagram;
  /** Makes a directory that only its owner can enter, and that is removed when the process exits. */
  makeTempDir(): Promise<string>;
  /** Tells what the process takes of the machine. */
  process(): ProcessStats;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Lists the names of environment variables, as far as the sandbox allows. */
  envNames(): readonly string[];
  /** Prints a line for the person at the console. */
  print(line: string): void;
  /** Prints a line about a fault. */
  printError(line: string): void;
  /** Calls a function each time that somebody asks for the settings in files to be read again (SIGHUP). */
  onReload(reload: () => void): void;
  /**
   * Settles when the program is to end: at a signal, of which a further one ends it at once, or when its output is
   * closed, which is noticed at the next line printed.
   */
  untilStopped(options?: StopOptions): Promise<void>;
}

/** Choice of what ends a program. */
export interface StopOptions {
  /** Goes on when its output is closed. Off by default. */
  readonly ignoresOutput?: boolean;
  /**
   * Ends at SIGHUP. By default on a terminal, which sends it when it is closed: elsewhere a gateway loads its
   * keys, and `nohup` lets a command go on.
   */
  readonly endsOnHangup?: boolean;
}

/** A command: how it is typed, and what it does. */
export interface Command {
  /** Its command line. */
  readonly line: CommandLine;
  /** Command lines of its subcommands, by name. */
  readonly subcommands?: Readonly<Record<string, CommandLine>>;
  /** Runs it on a machine, and returns the exit code of the process. */
  readonly run: (platform: Platform) => Promise<number>;
}
