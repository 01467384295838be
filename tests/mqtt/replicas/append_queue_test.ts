import { assertEquals, assertRejects } from "@std/assert";
import { AppendQueue } from "../../../src/mqtt/replicas/append_queue.ts";
import type { LogEntry } from "../../../src/mqtt/replicas/event_log.ts";
import { settle } from "../../support/settle.ts";

function entry(topic: string, bytes = 1): LogEntry {
  return {
    type: "message",
    message: { topic, payload: new Uint8Array(bytes), qos: 0, retain: false },
    receivedAt: 0,
  };
}

/** Makes a queue whose steps end when the test says so. */
function makeQueue() {
  const steps: string[][] = [];
  const failures: unknown[] = [];
  let step = Promise.withResolvers<void>();
  const queue = new AppendQueue({
    append(entries) {
      steps.push(entries.map((entry) => entry.type === "message" ? entry.message.topic : entry.type));
      step = Promise.withResolvers();
      return step.promise;
    },
    onFailure: (error) => void failures.push(error),
  });
  return {
    queue,
    steps,
    failures,
    async endStep() {
      step.resolve();
      await settle();
    },
    async failStep(error: Error) {
      step.reject(error);
      await settle();
    },
  };
}

Deno.test("append() resolves once the entry is appended, together with those that came meanwhile", async () => {
  const { queue, steps, endStep } = makeQueue();
  const settled: string[] = [];
  for (const topic of ["a", "b", "c"]) queue.append(entry(topic)).then(() => settled.push(topic));
  await settle();
  assertEquals([steps, settled], [[["a"]], []]);
  await endStep();
  assertEquals([steps, settled], [[["a"], ["b", "c"]], ["a"]]);
  await endStep();
  assertEquals(settled, ["a", "b", "c"]);
  await queue.drained();
});

Deno.test("enqueue() keeps the order with append()", async () => {
  const { queue, steps, endStep } = makeQueue();
  assertEquals(queue.enqueue(entry("a")), undefined);
  const appended = queue.append(entry("b"));
  assertEquals(queue.enqueue(entry("c")), undefined);
  await endStep();
  await endStep();
  await appended;
  assertEquals(steps, [["a"], ["b", "c"]]);
});

Deno.test("enqueue() waits when too many entries, or too many bytes, wait", async () => {
  for (const [count, bytes] of [[1000, 1], [1, 2 ** 20]] as const) {
    const { queue, steps, endStep } = makeQueue();
    queue.enqueue(entry("first"));
    for (let index = 0; index < count; index++) assertEquals(queue.enqueue(entry("a", bytes)), undefined);
    const full = queue.enqueue(entry("b"));
    assertEquals(full instanceof Promise, true);
    while (steps.flat().length < count + 2) await endStep();
    await endStep();
    await full;
    assertEquals(queue.enqueue(entry("c")), undefined);
    await endStep();
  }
});

Deno.test("a step has a bounded number of bytes; one larger entry goes alone", async () => {
  const { queue, steps, endStep } = makeQueue();
  queue.append(entry("first"));
  for (const topic of ["a", "b", "c"]) queue.append(entry(topic, 2 ** 19));
  queue.append(entry("large", 2 ** 21));
  queue.append(entry("last"));
  for (let step = 0; step < 6; step++) await endStep();
  assertEquals(steps, [["first"], ["a"], ["b"], ["c"], ["large"], ["last"]]);
  await queue.drained();
});

Deno.test("a step that fails drops all entries, and the queue takes no more", async () => {
  const { queue, steps, failures, failStep } = makeQueue();
  const lost = new Error("lost");
  const waiting = [queue.append(entry("a")), queue.append(entry("b"))];
  queue.enqueue(entry("c"));
  const rejected = Promise.all(waiting.map((one) => assertRejects(() => one, Error, "lost")));
  await failStep(lost);
  await rejected;
  await assertRejects(() => queue.append(entry("d")), Error, "lost");
  await assertRejects(() => queue.enqueue(entry("e")) ?? Promise.resolve(), Error, "lost");
  await queue.drained();
  assertEquals([steps, failures], [[["a"]], [lost]]);
});
