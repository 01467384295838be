/**
 * A client in another language, as its driver runs it. Each driver has the same command line, and prints its results as
 * JSON, a line each:
 *
 *     driver URL KEY health | call METHOD JSON | publish TOPIC MESSAGE QOS RETAIN
 *                    subscribe COUNT CHOICES FILTER... | backoff TRIES...
 *
 * After COUNT messages (0: never), or a line on its standard input, it closes the subscription. CHOICES is an object
 * that may have `since`, `keep` and `resume`. Before each new try of a subscription it tells how long it is to wait; the
 * wait itself takes that times `CLIENT_BACKOFF_FACTOR`. It ends when its standard input does.
 */
import { assertEquals } from "@std/assert";
import { within } from "../deadline.ts";
import { ProcessOutput } from "../system/process_output.ts";

/** A driver, and how its language names things. */
export interface ClientProgram {
  readonly language: string;
  /** Whether something that the driver needs is missing here. */
  readonly ignore: boolean;
  /** Tells how to run the driver. */
  readonly command: () => {
    readonly path: string;
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
  /** Name of the error for whatever the gateway refuses. */
  readonly refusal: string;
  /** Name of the error for a key that is none. */
  readonly badArgument: string;
  /** Name of the error for a stream that breaks off. */
  readonly brokenStream: string;
}

/** Where a client shall connect to, and with which key. */
export interface Place {
  readonly url: string;
  readonly key: string;
}

/** What a driver printed. */
export type Line = Readonly<Record<string, unknown>>;

type Env = Readonly<Record<string, string>>;

/** A running driver. */
export class Client {
  readonly #child: Deno.ChildProcess;
  readonly #output: ProcessOutput;

  constructor(program: ClientProgram, place: Place, words: readonly string[], env: Env) {
    const command = program.command();
    this.#child = new Deno.Command(command.path, {
      args: [...command.args, place.url, place.key, ...words],
      env: { ...command.env, ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = new ProcessOutput(this.#child);
  }

  get lines(): Line[] {
    return this.#output.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
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

  /** Tells the driver to close the subscription. */
  async close(): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("close\n"));
    writer.releaseLock();
  }

  /** Lets the driver end, and fails if it does not end well. */
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

/** The tests of one client. */
export class ClientTests {
  readonly #program: ClientProgram;

  constructor(program: ClientProgram) {
    this.#program = program;
  }

  /** Registers a test. */
  test(criterion: string, fn: () => Promise<void>): void {
    const { language, ignore } = this.#program;
    Deno.test({ name: `${language} client ${criterion}`, ignore, fn });
  }

  /** Runs a command beside a part of the test, and returns all that it printed. */
  async withClient(
    place: Place,
    words: readonly string[],
    use: (client: Client) => Promise<unknown>,
    env: Env = {},
  ): Promise<Line[]> {
    const client = new Client(this.#program, place, words, env);
    try {
      await use(client);
      await within("the end of the client", client.finish());
      return client.lines;
    } finally {
      await client.kill();
    }
  }

  /** Runs a command that has one result. */
  async run(place: Place, words: readonly string[], env: Env = {}): Promise<Line> {
    const [result, ...more] = await this.withClient(place, words, () => Promise.resolve(), env);
    if (result === undefined || more.length > 0) throw new Error("Client must print one result");
    return result;
  }
}
