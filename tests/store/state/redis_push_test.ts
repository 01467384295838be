import { assert, assertEquals, assertRejects } from "@std/assert";
import type { RedisState } from "../../../src/store/state/redis_state.ts";
import { StateStoreError } from "../../../src/store/state/state_store.ts";
import { until, within } from "../../support/deadline.ts";
import { needing } from "../../support/needs.ts";
import { ProcessOutput } from "../../support/process_output.ts";
import { batchOf } from "../../support/push_batch.ts";
import { REDIS_SERVER, type TestRedis, type TestRedisOptions, withRedis } from "../../support/redis_server.ts";
import { openingRedisStates, type OpenRedisState } from "../../support/redis_state.ts";
import { alert, LIMITS, message, PHONE, subscription } from "./push_examples.ts";

/** Declares a test with a server and a function that opens the state as another process does. */
function redisPushTest(
  name: string,
  test: (redis: TestRedis, open: () => OpenRedisState) => Promise<void>,
  options: TestRedisOptions = { appendonly: true },
): void {
  Deno.test(
    needing(name, { "redis-server": REDIS_SERVER }),
    () => withRedis(options, (redis) => openingRedisStates(redis.url(), (open) => test(redis, open))),
  );
}

/** Process that sends the messages on a server. */
interface Sender {
  readonly child: Deno.ChildProcess;
  readonly output: ProcessOutput;
}

async function startSender(redis: TestRedis): Promise<Sender> {
  const program = new URL("redis_push_program.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", program, redis.url().href],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new ProcessOutput(child);
  await output.line((line) => line === "ready");
  return { child, output };
}

async function kill({ child, output }: Sender): Promise<void> {
  child.kill("SIGKILL");
  await child.status;
  await output.ended;
}

const sentBy = ({ output }: Sender) =>
  output.lines.filter((line) => line.startsWith("sent")).map((line) => line.slice(5));

const interruptedBy = ({ output }: Sender) =>
  output.lines.filter((line) => line.startsWith("interrupted"))
    .reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);

/** Adds four subscriptions with messages, and returns the texts. */
async function fill(state: RedisState, count: number): Promise<readonly string[]> {
  for (const index of [0, 1, 2, 3]) await state.addSubscription(subscription(`m${index}`), { max: 5 });
  const texts = Array.from({ length: count }, (_, index) => `m${index % 4}-${index}`);
  await state.enqueue(batchOf(alert("x"), texts.map((text) => message(text.slice(0, 2), text))), LIMITS);
  return texts;
}

redisPushTest("whenAlone() lets one of two processes listen, and the other one after its end", async (_, open) => {
  const [first, second] = [open(), open()];
  await fill(first.state, 4);
  const signal = await first.state.whenAlone();
  assertEquals(signal?.aborted, false);
  let isDone = false;
  const waiting = second.state.whenAlone().finally(() => isDone = true);
  await until("the second one looks", async () => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    return true;
  });
  assertEquals([isDone, signal?.aborted], [false, false]);
  await first.state.close();
  assertEquals((await within("the end of the wait", waiting))?.aborted, false);
});

redisPushTest("whenAlone() fails when the store is closed while it waits", async (_, open) => {
  const [first, second] = [open(), open()];
  await fill(first.state, 4);
  await first.state.whenAlone();
  const refused = assertRejects(() => second.state.whenAlone(), StateStoreError, "is closed");
  await second.state.close();
  await within("the end of the wait", refused);
});

redisPushTest("enqueue() adds what was listened to only for the process that listens", async (_, open) => {
  const [first, second] = [open(), open()];
  await fill(first.state, 0);
  const batch = { ...batchOf(alert("y"), [message("m0", "event")], "{}"), isListened: true };
  await assertRejects(() => second.state.enqueue(batch, LIMITS), StateStoreError, "listens");
  await first.state.enqueue({ ...batch, isListened: false, ruleStates: undefined }, LIMITS);
  await first.state.whenAlone();
  assertEquals(await first.state.enqueue(batch, LIMITS), { queued: 1, replaced: 0, refused: 0 });
  await assertRejects(() => second.state.enqueue(batch, LIMITS), StateStoreError, "listens");
  // A test that a request to the second process asked for.
  await second.state.enqueue(batchOf(alert("z"), [message("m1", "test")]), LIMITS);
  assertEquals((await first.state.listAlerts(PHONE, 0)).map(({ id }) => id), ["x", "y", "y", "z"]);
});

redisPushTest("claimMessages() claims nothing once another process has the lease", async (redis, open) => {
  const { state } = open();
  await fill(state, 4);
  const signal = await state.whenAlone();
  await redis.command("HSET", "test:state:push:lease", "token", "another", "renewals", "7");
  assertEquals((await state.claimMessages(20_000, 9)).due, []);
  assertEquals(signal?.aborted, true);
  // The other one renews nothing.
  assertEquals((await within("a claim", state.claimMessages(20_000, 9))).due.length, 4);
});

redisPushTest("claimMessages() gives up a message whose mark the server has lost", async (redis, open) => {
  const { state } = open();
  await fill(state, 8);
  const [{ id } = { id: 0 }] = (await state.claimMessages(20_000, 1)).due;
  for (const part of ["sending", "attempts"]) await redis.command("HDEL", `test:state:push:${part}`, String(id));
  assertEquals((await state.claimMessages(20_000, 1)).due, []);
  assertEquals([await state.dropInterrupted(), (await state.queueState()).length], [1, 7]);
  const texts = (await state.claimMessages(20_000, 9)).due.map(({ text }) => text);
  assertEquals(texts, ["m1-1", "m2-2", "m3-3", "m0-4"]);
});

redisPushTest(
  "A lease is void on a server that was restarted: what was being sent is given up",
  async (redis, open) => {
    const { state } = open();
    await fill(state, 8);
    const signal = await state.whenAlone();
    assertEquals((await state.claimMessages(20_000, 2)).due.length, 2);
    await redis.kill();
    await redis.start();
    await until("the loss is seen", () => signal?.aborted === true);
    const texts = await within(
      "a claim",
      until("the server answers", () => state.dropInterrupted().then((count) => count === 2, () => false)).then(() =>
        state.claimMessages(20_000, 9)
      ),
    );
    assertEquals(texts.due.map(({ text }) => text), ["m2-2", "m3-3", "m0-4", "m1-5"]);
    // Numbers of messages jump, as the server may have lost some that were used.
    await state.enqueue(batchOf(alert("new"), [message("m2", "later")]), LIMITS);
    assert(Number(await redis.command("GET", "test:state:push:last_id")) > 2 ** 20);
  },
);

redisPushTest(
  "Processes that are killed, and a server too, send no message twice, and lose none uncounted",
  async (redis, open) => {
    const opened = open();
    const texts = await fill(opened.state, 120);
    const senders = [await startSender(redis), await startSender(redis), await startSender(redis)];
    const all = [...senders];
    try {
      for (const part of ["kill", "server", "kill"]) {
        const before = all.flatMap(sentBy).length;
        await until("some are sent", () => all.flatMap(sentBy).length > before + 3);
        if (part === "server") {
          await redis.kill();
          await redis.start();
        } else {
          const sending = senders.find((one) => sentBy(one).length > 0 && senders.includes(one)) ?? senders[0];
          if (sending === undefined) throw new Error("No sender");
          senders.splice(senders.indexOf(sending), 1);
          await kill(sending);
        }
      }
      await until("all are gone", () => opened.state.queueState().then(({ length }) => length === 0, () => false));
    } finally {
      for (const one of senders) await kill(one);
    }
    const sent = all.flatMap(sentBy);
    assertEquals(sent.length, new Set(sent).size, "A message was sent twice");
    const lost = texts.filter((text) => !sent.includes(text)).length;
    const interrupted = all.map(interruptedBy).reduce((sum, count) => sum + count, 0);
    assert(lost <= interrupted, `${lost} messages were lost, and ${interrupted} counted`);
  },
);

redisPushTest(
  "A process that is frozen while it sends sends nothing again, nor what another one sent",
  async (redis, open) => {
    const opened = open();
    const texts = await fill(opened.state, 60);
    const [frozen, other] = [await startSender(redis), await startSender(redis)];
    try {
      const [first = frozen] = [
        await Promise.any([frozen, other].map(async (one) => {
          await one.output.line((line) => line.startsWith("sent"));
          return one;
        })),
      ];
      const second = first === frozen ? other : frozen;
      first.child.kill("SIGSTOP");
      await second.output.line((line) => line.startsWith("sent"));
      await until("the other one sends", () => sentBy(second).length > 5);
      first.child.kill("SIGCONT");
      await until("all are gone", async () => (await opened.state.queueState()).length === 0);
      const sent = [first, second].flatMap(sentBy);
      assertEquals(sent.length, new Set(sent).size, "A message was sent twice");
      const lost = texts.filter((text) => !sent.includes(text)).length;
      assert(lost <= interruptedBy(second) + interruptedBy(first));
      assert(sentBy(first).length + lost < texts.length, "The other process sent nothing");
    } finally {
      for (const one of [frozen, other]) await kill(one);
    }
  },
);
