import { assertEquals } from "@std/assert";
import type { Position, StreamEvent } from "@e2e-gateway/client";
import { SharedStream } from "../../../src/console/connection/shared_stream.ts";
import { matchesFilter } from "../../../src/console/connection/topic_match.ts";
import { ScopeError, UnreachableError } from "@e2e-gateway/client";

const tick = () => new Promise((resolve) => setTimeout(resolve));

const message = (topic: string, offset: number, retain = false): StreamEvent => ({
  type: "message",
  epoch: "e",
  offset,
  topic,
  payload: String(offset),
  qos: 0,
  retain,
  timestamp: 0,
});

const connected: StreamEvent = { type: "connected", topic: "", topics: [], message: "" };

/** Stream whose sources are moved by hand. */
function makeStream() {
  const opened: {
    readonly filters: readonly string[];
    readonly since: Position | undefined;
    readonly signal: AbortSignal;
    readonly send: (event: StreamEvent) => Promise<unknown>;
    readonly fail: (error: unknown) => Promise<unknown>;
  }[] = [];
  const log: string[] = [];
  const delays: (() => void)[] = [];
  const stream = new SharedStream({
    open(filters, { since, signal }) {
      const source = new TransformStream<StreamEvent, StreamEvent>();
      const writer = source.writable.getWriter();
      writer.closed.catch(() => {});
      opened.push({
        filters,
        since,
        signal,
        send: async (event) => await Promise.race([writer.write(event).catch(() => {}), tick()]).then(tick),
        fail: async (error) => await Promise.race([writer.abort(error), tick()]).then(tick),
      });
      return source.readable;
    },
    matches: matchesFilter,
    onEvent: () => {},
    onOpening: () => log.push("opening"),
    onClosed: () => log.push("closed"),
    onFailed: (error) => error instanceof ScopeError ? undefined : 100,
    delay(_ms, run) {
      delays.push(run);
      return () => void delays.splice(0, delays.length, ...delays.filter((other) => other !== run));
    },
  });
  const settle = () => delays.splice(0).forEach((run) => run());
  const heard: string[] = [];
  const add = (...filters: string[]) =>
    stream.add({
      filters,
      onEvent: (event) => void (event.type === "message" && heard.push(`${filters} ${event.topic} ${event.offset}`)),
      onRefused: () => void heard.push(`${filters} refused`),
    });
  return { stream, opened, log, settle, heard, add };
}

Deno.test("SharedStream opens one stream for all listeners, and gives each its own messages", async () => {
  const { opened, settle, heard, add } = makeStream();
  add("a/#");
  add("b", "a/x");
  settle();
  assertEquals(opened.map(({ filters }) => filters), [["a/#", "a/x", "b"]]);
  await opened[0]?.send(connected);
  await opened[0]?.send(message("a/x", 1));
  await opened[0]?.send(message("b", 2));
  assertEquals(heard, ["a/# a/x 1", "b,a/x a/x 1", "b,a/x b 2"]);
});

Deno.test("SharedStream keeps the previous stream until a wider one is connected, and delivers nothing twice", async () => {
  const { opened, settle, heard, add } = makeStream();
  add("a");
  settle();
  await opened[0]?.send(connected);
  await opened[0]?.send(message("a", 1));
  add("b");
  settle();
  assertEquals([opened[1]?.filters, opened[1]?.since], [["a", "b"], undefined]);
  await opened[0]?.send(message("a", 2));
  await opened[1]?.send(connected);
  assertEquals(opened[0]?.signal.aborted, true);
  await opened[1]?.send(message("b", 1, true));
  await opened[1]?.send(message("a", 2));
  await opened[1]?.send(message("a", 3));
  assertEquals(heard, ["a a 1", "a a 2", "b b 1", "a a 3"]);
});

Deno.test("SharedStream resumes after the last message when it was paused or narrowed, and closes without listeners", async () => {
  const { stream, opened, log, settle, add } = makeStream();
  add("a");
  const remove = add("b");
  settle();
  await opened[0]?.send(connected);
  await opened[0]?.send(message("a", 7));
  stream.pause();
  assertEquals(opened[0]?.signal.aborted, true);
  stream.resume();
  assertEquals(opened[1]?.since, { epoch: "e", offset: 7 });
  await opened[1]?.send(connected);
  remove();
  settle();
  assertEquals([opened[2]?.filters, opened[2]?.since], [["a"], { epoch: "e", offset: 7 }]);
  assertEquals(log, ["opening", "closed", "opening", "opening"]);
});

Deno.test("SharedStream opens again after a failure that passes, at once when it is hurried, and not after a refusal", async () => {
  const { stream, opened, settle, heard, add } = makeStream();
  add("a");
  settle();
  await opened[0]?.fail(new UnreachableError("x"));
  assertEquals(opened.length, 1);
  settle();
  assertEquals(opened.length, 2);
  await opened[1]?.fail(new UnreachableError("x"));
  stream.hurry();
  assertEquals(opened.length, 3);
  await opened[2]?.send(connected);
  stream.hurry();
  assertEquals(opened.length, 3);
  add("b");
  settle();
  await opened[3]?.fail(new ScopeError("x"));
  settle();
  assertEquals(heard, ["a refused", "b refused"]);
  assertEquals(opened.length, 4);
});
