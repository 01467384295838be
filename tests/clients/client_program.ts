/**
 * A client in another language, as its driver runs it. Each driver has the same command line, and prints its results as
 * JSON, a line each:
 *
 *     driver URL KEY health | call (METHOD JSON)... | together COUNT METHOD
 *                    service (CALL JSON)... | publish TOPIC MESSAGE QOS RETAIN [base64]
 *                    subscribe COUNT CHOICES FILTER... | events COUNT CHOICES | backoff TRIES... | vectors FILE
 *
 * - `call` makes its calls one after the other with one client, and continues after a failure.
 * - `service` makes calls of services in the same way, by the names that they have in TypeScript. JSON has their
 *   arguments by name, and each prints `{"result": RESULT}`: bytes in base64, an answer without its timestamp.
 * - `publish` publishes the text MESSAGE, or with `base64` the bytes that it encodes.
 * - `together` makes COUNT calls at the same time with one client, and at the end prints `{"protocol": VERSION}`.
 * - `subscribe` closes its subscription after COUNT messages (0: never) or a line on standard input, and prints
 *   `{"end": true}`, also if it ends by itself. CHOICES is an object that may have `since`, `keep`, `resume`, `silence`
 *   (the longest, in seconds) and `times` (how many subscriptions, one after the other, with one client; 1). With
 *   `service` and `fields` it subscribes to that service, with `entities` to entities that match the FILTERs.
 * - `events` prints Jeedom's events, until COUNT have come or a line on standard input, and then `{"end": true}`.
 *   CHOICES may have `since` (seconds), `longPolling` (seconds), `filter`, `apikey` and `endpoint`.
 * - `vectors` checks every entry of every list in the file (a stream is one entry), those for the other side too, with
 *   the client's own functions, and prints `{"vectors": ENTRIES}`.
 *
 * A failure is `{"failure": CLASS, "code": CODE, "status": NUMBER, "message": TEXT, "retryAfter": SECONDS or null,
 * "gatewayCode": TEXT or null, "isSealed": BOOLEAN or null}`, and has the gateway's `timestamp` where the code is
 * `expired`. For an error of another kind, such as a malformed key, code and status are null. Before each retry of a subscription, or of a poll for events, the driver prints how long
 * it waits: `{"backoff": TRIES, "seconds": NUMBER}`. When its command is done it waits for the end of its standard
 * input, which ends nothing: the client must close its connections, not the end of the process.
 *
 * | Variable | For |
 * | --- | --- |
 * | `CLIENT_PROTOCOL` | `auto` (without it), `1` or `2` |
 * | `CLIENT_CLOCK_OFFSET` | Seconds to add to the client's clock |
 * | `CLIENT_KEY_NAME` | The key's name |
 * | `CLIENT_TIMEOUT` | Longest wait for the answer to a call, in seconds |
 * | `CLIENT_BACKOFF_FACTOR` | Factor of waits between retries |
 * | `CLIENT_COMPRESS` | Compression of the answers to calls: `gzip` |
 * | `CLIENT_MONOTONIC_FACTOR` | Factor of the clock by which `events` measures the time of failures |
 */
import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { needing, type Needs } from "../support/needs.ts";
import { ProcessOutput } from "../support/process_output.ts";

/** Driver, and the names of errors in its language. */
export interface ClientProgram {
  readonly language: string;
  /** Programs that the driver needs. */
  readonly needs: Needs;
  /** Returns the command that runs the driver. */
  readonly command: () => {
    readonly path: string;
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
  /** Ending of the names of errors. */
  readonly suffix: "Error" | "Exception";
  /** Name of the error for a malformed key. */
  readonly badArgument: string;
}

/** Codes of errors, and the beginnings of the names of their classes. */
export const CODES = {
  unreachable: "Unreachable",
  timeout: "RequestTimeout",
  truncated: "Truncated",
  tampered: "Tampered",
  "wrong_key": "WrongKey",
  "pairing_code": "PairingCode",
  "already_paired": "AlreadyPaired",
  expired: "Expired",
  scope: "Scope",
  "rate_limit": "RateLimit",
  unavailable: "Unavailable",
  failed: "Failed",
  jeedom: "Jeedom",
  refused: "Refused",
} as const;

/** Stable code of an error. */
export type Code = keyof typeof CODES;

/** Address and key of a gateway for a client. */
export interface Target {
  readonly url: string;
  readonly key: string;
}

/** Line that a driver printed. */
export type Line = Readonly<Record<string, unknown>>;

/** Settings of a driver. */
export type Env = Readonly<Record<string, string>>;

/** Settings for short waits, but long enough for a clock to advance. */
export const QUICK: Env = { CLIENT_BACKOFF_FACTOR: "0.01" };

/** Running driver. */
export class Client {
  readonly #child: Deno.ChildProcess;
  readonly #output: ProcessOutput;

  constructor(program: ClientProgram, target: Target, args: readonly string[], env: Env) {
    const command = program.command();
    this.#child = new Deno.Command(command.path, {
      args: [...command.args, target.url, target.key, ...args],
      env: { ...command.env, ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = new ProcessOutput(this.#child);
  }

  get lines(): Line[] {
    return this.texts.map((line) => JSON.parse(line));
  }

  /** Printed lines. */
  get texts(): string[] {
    return this.#output.lines.filter((line) => line.startsWith("{"));
  }

  /** Waits for a line with a field of that name, and that value if one is given. */
  async line(name: string, value?: unknown): Promise<Line> {
    const text = await this.#output.line((line) => {
      if (!line.startsWith("{")) return false;
      const found: unknown = JSON.parse(line)[name];
      return value === undefined ? found !== undefined : found === value;
    });
    return JSON.parse(text);
  }

  /** Makes the driver close the subscription. */
  async close(): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("close\n"));
    writer.releaseLock();
  }

  /** Ends the driver, and fails if its exit code is not 0. */
  async finish(): Promise<void> {
    await this.#child.stdin.close();
    const { code } = await this.#child.status;
    await this.#output.ended;
    assertEquals(code, 0, this.#output.text);
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
    await this.#output.ended;
  }
}

/** Tests of one client. */
export class ClientTests {
  readonly #program: ClientProgram;

  constructor(program: ClientProgram) {
    this.#program = program;
  }

  /** Registers a test. */
  test(criterion: string, fn: () => Promise<void>): void {
    const { language, needs } = this.#program;
    Deno.test(needing(`${language} client ${criterion}`, needs), fn);
  }

  /** Runs a command beside a part of the test, and returns all that it printed. */
  async withClient(
    target: Target,
    args: readonly string[],
    use: (client: Client) => Promise<unknown>,
    env: Env = {},
  ): Promise<Line[]> {
    const client = new Client(this.#program, target, args, env);
    try {
      await use(client);
      // Such as the end of a JVM.
      await within("the end of the client", client.finish(), 60_000);
      return client.lines;
    } finally {
      await client.kill();
    }
  }

  /** Runs a command that ends by itself, and returns all that it printed. */
  all(target: Target, args: readonly string[], env: Env = {}): Promise<Line[]> {
    return this.withClient(target, args, () => Promise.resolve(), env);
  }

  /** Runs a command that has one result. */
  async run(target: Target, args: readonly string[], env: Env = {}): Promise<Line> {
    const [result, ...more] = await this.all(target, args, env);
    if (result === undefined || more.length > 0) throw new Error("Client must print one result");
    return result;
  }

  /** Checks that a line is a failure with this code, of the class for it. */
  assertFailure(line: Line | undefined, code: Code, fields: Line = {}): void {
    const reported = Object.fromEntries(
      ["failure", "code", ...Object.keys(fields)].map((name) => [name, line?.[name]]),
    );
    assertEquals(reported, { failure: CODES[code] + this.#program.suffix, code, ...fields }, JSON.stringify(line));
  }
}
