/** The reader of a log. */
import { assertEquals, assertRejects } from "@std/assert";
import type { LogPage, LogState, StoredLogEntry } from "../../../src/mqtt/replicas/event_log.ts";
import { LogReader } from "../../../src/mqtt/replicas/log_reader.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { settle } from "../../support/settle.ts";

/** Log whose answers a test gives one by one, and what the reader tells. */
class ReaderEnvironment {
  readonly events: string[] = [];
  readonly reads: number[] = [];
  readonly clock = new ManualClock();
  readonly end = new AbortController();
  readonly reader: LogReader;
  readonly running: Promise<void>;
  /** Promise that the reader waits for after each entry. */
  backpressure: Promise<void> | undefined;
  #answer = Promise.withResolvers<LogPage>();

  constructor() {
    this.reader = new LogReader({
      log: {
        read: (after) => {
          this.reads.push(after);
          this.#answer = Promise.withResolvers();
          return this.#answer.promise;
        },
      },
      follower: {
        begin: ({ epoch, first }: LogState) => void this.events.push(`begin ${epoch} at ${first}`),
        trimmed: (first) => void this.events.push(`trimmed to ${first}`),
        entry: ({ sequence }: StoredLogEntry) => {
          this.events.push(`entry ${sequence}`);
          return this.backpressure;
        },
      },
      clock: this.clock,
      onChange: (error) => void this.events.push(error === undefined ? "works" : `fails: ${error}`),
      onFault: (error) => {
        throw error;
      },
    });
    this.running = this.reader.run(this.end.signal);
  }

  /** Answers the last call. */
  async answer({ epoch = "one", first = 1, last = 0 }: Partial<LogState>, ...sequences: number[]): Promise<void> {
    const entries = sequences.map((sequence) => ({ sequence, token: "", entry: { type: "wanted" } } as const));
    this.#answer.resolve({ epoch, first, last: Math.max(last, ...sequences), entries });
    await settle();
  }

  async fail(reason: string): Promise<void> {
    this.#answer.reject(reason);
    await settle();
  }

  async stop(): Promise<void> {
    this.end.abort();
    await this.fail("stopped");
    await this.running;
  }
}

Deno.test("run() passes all entries in order, and reads on after the last one", async () => {
  const environment = new ReaderEnvironment();
  await environment.answer({ first: 3, last: 9 }, 3, 4);
  assertEquals(environment.reader.lag, 5);
  await environment.answer({ first: 3 }, 9);
  assertEquals(environment.events, ["begin one at 3", "entry 3", "entry 4", "entry 9"]);
  assertEquals([environment.reads, environment.reader.lag], [[0, 4, 9], 0]);
  await environment.stop();
});

Deno.test("run() goes on after its last entry when the log works again, and tells once that it failed", async () => {
  const environment = new ReaderEnvironment();
  await environment.answer({}, 1);
  for (const wait of [500, 500]) {
    await environment.fail("no connection");
    environment.clock.pass(wait);
    await settle();
  }
  await environment.answer({}, 2);
  assertEquals(environment.reader.error, undefined);
  assertEquals(environment.events, ["begin one at 1", "entry 1", "fails: no connection", "works", "entry 2"]);
  assertEquals(environment.reads, [0, 1, 1, 1, 2]);
  await environment.stop();
});

Deno.test("run() tells of no single failure, such as that of a process without a connection yet", async () => {
  const environment = new ReaderEnvironment();
  await environment.fail("no connection");
  assertEquals(environment.reader.error, undefined);
  environment.clock.pass(500);
  await settle();
  await environment.answer({}, 1);
  assertEquals(environment.events, ["begin one at 1", "entry 1"]);
  await environment.stop();
});

Deno.test("run() tells of entries that were deleted unread", async () => {
  const environment = new ReaderEnvironment();
  await environment.answer({}, 1);
  await environment.answer({ first: 7 }, 7);
  assertEquals(environment.events.slice(2), ["trimmed to 7", "entry 7"]);
  await environment.stop();
});

Deno.test("run() begins with the first entry of a log that begins anew, and after the last of one that lost entries", async () => {
  const environment = new ReaderEnvironment();
  await environment.answer({}, 5);
  await environment.answer({ epoch: "two" }, 6);
  assertEquals(environment.reads, [0, 5, 0]);
  await environment.answer({ epoch: "two" }, 1, 6);
  await environment.answer({ epoch: "two", last: 4 });
  await environment.answer({ epoch: "two" }, 8);
  assertEquals(environment.events.slice(2), [
    ...["begin two at 1", "entry 1", "entry 6"],
    ...["begin two at 5", "entry 8"],
  ]);
  await environment.stop();
});

Deno.test("run() passes the next entry once the last one's promise has settled", async () => {
  const environment = new ReaderEnvironment();
  const { promise, resolve } = Promise.withResolvers<void>();
  environment.backpressure = promise;
  await environment.answer({}, 1, 2);
  assertEquals(environment.events.at(-1), "entry 1");
  resolve();
  await settle();
  assertEquals(environment.events.at(-1), "entry 2");
  await environment.stop();
});

Deno.test("reached() waits for an entry of the same log, until its signal", async () => {
  const environment = new ReaderEnvironment();
  const { signal } = new AbortController();
  const reached = environment.reader.reached({ epoch: "one", sequence: 2 }, signal);
  await environment.answer({}, 1, 2);
  await reached;
  const ended = new AbortController();
  const foreign = environment.reader.reached({ epoch: "two", sequence: 0 }, ended.signal);
  ended.abort(new Error("too late"));
  await assertRejects(() => foreign, Error, "too late");
  await environment.stop();
});
