import { assertEquals } from "@std/assert";
import type { Position, StreamEvent } from "@e2e-gateway/client";
import { SharedStream } from "../../../src/console/connection/shared_stream.ts";
import { coversFilter } from "../../../src/console/connection/topic_match.ts";
import { FailedError, RateLimitError, ScopeError, UnreachableError } from "@e2e-gateway/client";

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
    covers: coversFilter,
    onEvent: () => {},
    onOpening: () => log.push("opening"),
    onClosed: () => log.push("closed"),
    isRefusal: (error) => error instanceof ScopeError || error instanceof FailedError,
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
      onEvent(event) {
        if (event.type === "gap") heard.push(`${filters} gap`);
        if (event.type === "message") heard.push(`${filters} ${event.topic} ${event.offset}`);
      },
      onRefused: ({ message }) => void heard.push(`${filters} refused: ${message}`),
    });
  return { stream, opened, log, settle, heard, add };
}

/** Stream of which a first source is connected, with a listener to `a`. */
async function makeConnected() {
  const made = makeStream();
  made.add("a");
  made.settle();
  await made.opened[0]?.send(connected);
  return made;
}

Deno.test("SharedStream opens one stream for all listeners, and gives each its own messages", async () => {
  const { opened, settle, heard, add } = makeStream();
  add("a/#");
  add("b", "a/x");
  settle();
  assertEquals(opened.map(({ filters }) => filters), [["a/#", "b"]]);
  await opened[0]?.send(connected);
  await opened[0]?.send(message("a/x", 1));
  await opened[0]?.send(message("b", 2));
  assertEquals(heard, ["a/# a/x 1", "b,a/x a/x 1", "b,a/x b 2"]);
});

Deno.test("SharedStream keeps the previous stream until a wider one is connected, and delivers nothing twice", async () => {
  const { opened, settle, heard, add } = await makeConnected();
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

Deno.test("SharedStream opens again for a new listener of the same filter, which needs the retained messages", async () => {
  const { opened, settle, heard, add } = await makeConnected();
  await opened[0]?.send(message("a", 1));
  add("a", "a");
  settle();
  assertEquals([opened[1]?.filters, opened[1]?.since], [["a"], undefined]);
  await opened[1]?.send(connected);
  await opened[1]?.send(message("a", 1, true));
  assertEquals(heard.at(-1), "a,a a 1");
});

Deno.test("SharedStream opens again after a failure that passes, at once when it is asked to, and not after a refusal", async () => {
  const { stream, opened, settle, heard, add } = makeStream();
  add("a");
  settle();
  await opened[0]?.fail(new UnreachableError("x"));
  assertEquals(opened.length, 1);
  settle();
  assertEquals(opened.length, 2);
  await opened[1]?.fail(new UnreachableError("x"));
  stream.retryNow();
  assertEquals(opened.length, 3);
  await opened[2]?.send(connected);
  stream.retryNow();
  assertEquals(opened.length, 3);
  await opened[2]?.fail(new ScopeError("x"));
  settle();
  assertEquals(heard, ["a refused: x"]);
  assertEquals(opened.length, 3);
});

Deno.test("SharedStream leaves a refused listener out, tells it why, and the previous stream goes on until the others are connected", async () => {
  const { opened, settle, heard, add } = await makeConnected();
  add("b");
  add("c");
  settle();
  await opened[1]?.fail(new ScopeError("not c"));
  assertEquals(opened.slice(2).map(({ filters }) => filters), [["a"], ["b", "c"]]);
  await opened[2]?.send(connected);
  await opened[3]?.fail(new ScopeError("not c"));
  assertEquals(opened.slice(4).map(({ filters }) => filters), [["b"], ["c"]]);
  await opened[4]?.send(connected);
  await opened[5]?.fail(new ScopeError("not c"));
  assertEquals(heard, ["c refused: not c"]);
  await opened[0]?.send(message("a", 1));
  assertEquals([opened[6]?.filters, opened[6]?.since, opened[0]?.signal.aborted], [["a", "b"], undefined, false]);
  await opened[6]?.send(connected);
  assertEquals(opened[0]?.signal.aborted, true);
  await opened[6]?.send(message("b", 2));
  assertEquals(heard, ["c refused: not c", "a a 1", "b b 2"]);
});

Deno.test("SharedStream asks for what was refused once more when it is resumed", async () => {
  const { stream, opened, settle, heard, add } = makeStream();
  add("a");
  settle();
  await opened[0]?.fail(new ScopeError("x"));
  stream.pause();
  stream.resume();
  await opened[1]?.send(connected);
  await opened[1]?.send(message("a", 1, true));
  assertEquals([opened[1]?.filters, heard], [["a"], ["a refused: x", "a a 1"]]);
});

Deno.test("SharedStream waits and tries again when a service fails for all listeners alike", async () => {
  const { opened, settle, heard, add } = makeStream();
  add("a");
  add("b");
  settle();
  await opened[0]?.fail(new FailedError("no broker"));
  await opened[1]?.fail(new FailedError("no broker"));
  await opened[2]?.fail(new FailedError("no broker"));
  assertEquals(heard, ["a refused: no broker", "b refused: no broker"]);
  assertEquals(opened.length, 3);
  settle();
  await opened[3]?.send(connected);
  await opened[3]?.send(message("b", 1));
  assertEquals([opened[3]?.filters, heard.at(-1)], [["a", "b"], "b b 1"]);
});

Deno.test("SharedStream closes also a previous stream when it is paused while another opens", async () => {
  const { stream, opened, settle, add } = await makeConnected();
  add("b");
  settle();
  add("c");
  settle();
  stream.pause();
  assertEquals(opened.map(({ signal }) => signal.aborted), [true, true, true]);
});

Deno.test("SharedStream still brings the retained messages when it was paused before it was connected", async () => {
  const { stream, opened, settle, add } = await makeConnected();
  await opened[0]?.send(message("a", 7));
  add("b");
  settle();
  stream.pause();
  stream.resume();
  assertEquals([opened[2]?.filters, opened[2]?.since], [["a", "b"], undefined]);
});

Deno.test("SharedStream tells a gap when a wider stream takes the place of one that broke off", async () => {
  const { opened, settle, heard, add } = await makeConnected();
  await opened[0]?.send(message("a", 1));
  await opened[0]?.send({ type: "disconnected", message: "", timestamp: 0 });
  add("b");
  settle();
  await opened[1]?.send(connected);
  await opened[1]?.send(message("a", 5));
  assertEquals(heard, ["a a 1", "a gap", "b gap", "a a 5"]);
});

Deno.test("SharedStream makes room for a wider stream that cannot be opened beside the previous one, and tells the gap", async () => {
  const { opened, settle, heard, add } = await makeConnected();
  await opened[0]?.send(message("a", 1));
  add("b");
  settle();
  await opened[1]?.fail(new RateLimitError("Too many open streams"));
  assertEquals(opened[0]?.signal.aborted, true);
  settle();
  await opened[2]?.send(connected);
  assertEquals([opened[2]?.filters, heard], [["a", "b"], ["a a 1", "a gap", "b gap"]]);
});

Deno.test("SharedStream asks for no filter that another one covers", () => {
  const { opened, settle, add } = makeStream();
  add("home/#");
  add("home/a", "home/+", "other");
  settle();
  assertEquals(opened.map(({ filters }) => filters), [["home/#", "other"]]);
});
