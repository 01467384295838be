/**
 * What a command line program gets from the machine that it runs on. `main.ts` makes the real one.
 *
 * @module
 */
import type { Machine } from "../doctor/machine.ts";
import type { ProcessFigures } from "../observability/process_figures.ts";
import type { KeyFileSystem } from "../security/key_file.ts";
import type { KeysFileSystem } from "../security/keys_file.ts";

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
  /** Starts an HTTP server. */
  readonly serve: typeof Deno.serve;
  /** Makes a pool of HTTP connections. */
  readonly createHttpClient: typeof Deno.createHttpClient;
  /** Opens a socket that sends single messages. */
  readonly listenDatagram: typeof Deno.listenDatagram;
  /** Makes a directory that only its owner can enter, and that is removed when the process exits. */
  makeTempDir(): Promise<string>;
  /** Tells what the process takes of the machine. */
  process(): ProcessFigures;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
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
  /** Whether it goes on when its output is closed. Off by default. */
  readonly ignoresOutput?: boolean;
}

/** A command: returns the exit code of the process. */
export type Command = (platform: Platform) => Promise<number>;

/** Exit code for a wrong configuration (sysexits.h, EX_CONFIG). */
export const EXIT_CONFIG = 78;
/** Exit code for a wrong command line. */
export const EXIT_USAGE = 2;
/** Exit code for everything else that failed. */
export const EXIT_FAILURE = 1;
