/**
 * What the doctor needs of the machine that it looks at.
 *
 * @module
 */
import type { KeyFileSystem } from "../keys/default_key_file.ts";
import type { KeysFileSystem } from "../keys/keyring_file.ts";

/** What a program printed, and how it ended. */
export interface ProgramOutput {
  /** Its exit code. */
  readonly code: number;
  /** What it printed for whoever asked. */
  readonly stdout: string;
}

/** The machine. */
export interface Machine {
  /** Version of Deno, such as `2.9.6`. */
  readonly denoVersion: string;
  /** Files; none of them is changed. */
  readonly files: KeyFileSystem & KeysFileSystem;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Makes a pool of HTTP connections. */
  readonly createHttpClient: typeof Deno.createHttpClient;
  /**
   * Listens on a TCP port.
   *
   * @throws the error of a port that is taken, or of an address that this machine does not have
   */
  listen(where: { readonly hostname: string; readonly port: number }): { close(): void };
  /**
   * Finds the addresses of a host.
   *
   * @throws the error of a name that is not found
   */
  lookup(host: string): Promise<readonly string[]>;
  /** Tells how much room the disk has below a path, in bytes; undefined where that cannot be told. */
  freeBytes(path: string): Promise<number | undefined>;
  /**
   * Runs a program to its end.
   *
   * @throws the error of a program that is not there, or that may not be run
   */
  run(command: string, args: readonly string[], options: { readonly signal: AbortSignal }): Promise<ProgramOutput>;
}
