import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SILENT_LOG } from "../../../src/observability/log.ts";
import { removeOwner, removeSubscription } from "../../../src/store/state/sqlite_push_keys.ts";
import {
  claimMessages,
  dropInterrupted,
  enqueue,
  listAlerts,
  queueState,
  settleMessage,
} from "../../../src/store/state/sqlite_push_queue.ts";
import { PUSH_SCHEMA } from "../../../src/store/state/sqlite_push_schema.ts";
import type { SqliteState } from "../../../src/store/state/sqlite_state.ts";
import { StateFileError } from "../../../src/store/state/state_file.ts";
import { batchOf } from "../../support/push_batch.ts";
import { within } from "../../support/deadline.ts";
import { ProcessOutput } from "../../support/process_output.ts";
import { inTempDir } from "../../support/temp_dir.ts";
import { openState } from "./open_state.ts";
import { alert, LIMITS, message, PHONE, rule, subscription } from "./push_examples.ts";

/** Tables as the version before made them. */
const OLDER_TABLES = `
  CREATE TABLE counters (name TEXT PRIMARY KEY, uses INTEGER NOT NULL CHECK (uses >= 0)) STRICT, WITHOUT ROWID;
  CREATE TABLE pairings (
    kid TEXT PRIMARY KEY, secret BLOB NOT NULL, name TEXT NOT NULL, record TEXT, expires INTEGER NOT NULL,
    kept_until INTEGER
  ) STRICT, WITHOUT ROWID;
  INSERT INTO counters VALUES ('guest', 2);
  INSERT INTO pairings VALUES ('abc', x'07', 'tablet', NULL, 1000, NULL);
  PRAGMA user_version = 2;
`;

/** Starts a process that sends the messages of a file. */
function startSender(path: string, ...args: readonly string[]): { child: Deno.ChildProcess; output: ProcessOutput } {
  const program = new URL("push_program.ts", import.meta.url).pathname;
  const folder = path.slice(0, path.lastIndexOf("/"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      program,
      path,
      ...args,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { child, output: new ProcessOutput(child) };
}

async function kill({ child, output }: ReturnType<typeof startSender>): Promise<void> {
  child.kill("SIGKILL");
  await child.status;
  await output.ended;
}

/** Adds two subscriptions with two messages each. */
async function fill(state: SqliteState): Promise<void> {
  for (const id of ["a", "b"]) await state.addSubscription(subscription(id), { max: 5 });
  const messages = ["a1", "a2", "b1", "b2"].map((text) => message(text.charAt(0), text));
  await state.enqueue(batchOf(alert("x"), messages), LIMITS);
}

Deno.test("SqliteState adds the tables of push to a file of the version before, and keeps what it has", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    {
      using database = new DatabaseSync(path);
      database.exec(OLDER_TABLES);
    }
    const states = [openState(path), openState(path)];
    const added = await Promise.all(states.map((state, index) => state.putRule(rule(`${index}`), { max: 5 })));
    assertEquals(added, [true, true]);
    for (const state of states) {
      const names = (await state.listPairings(0)).map(({ name }) => name);
      assertEquals([await state.readUses("guest"), names], [2, ["tablet"]]);
      assertEquals((await state.listRules()).length, 2);
      await state.close();
    }
  }));

Deno.test("SqliteState keeps push messages and their waits over a restart", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const before = openState(path);
    await fill(before);
    await before.enqueue({ ...PHONE, alerts: [], isListened: false, ruleStates: "{}" }, LIMITS);
    const [{ id } = { id: 0 }] = (await before.claimMessages(20_000, 1)).due;
    await before.settleMessage(id, { type: "retry", at: 30_000, shortened: "short" });
    await before.close();
    const after = openState(path);
    assertEquals(await after.dropInterrupted(), 0);
    assertEquals((await after.claimMessages(20_000, 9)).due.map(({ text }) => text), ["b1"]);
    const [again] = (await after.claimMessages(30_000, 9)).due;
    assertEquals([again?.id, again?.text, again?.attempts, again?.isShortened], [id, "short", 2, true]);
    assertEquals([await after.readRuleStates(PHONE), (await after.listAlerts(PHONE, 0)).length], ["{}", 1]);
    await after.close();
  }));

Deno.test("enqueue() stores neither alerts, messages nor states of rules if one of them cannot be stored", () =>
  inTempDir(async (folder) => {
    const state = openState(`${folder}/state.db`);
    await state.addSubscription(subscription("a"), { max: 5 });
    const [good, damaged] = [message("a", "good"), message("a", "damaged", { expires: 0.5 })];
    await assertRejects(() => state.enqueue(batchOf(alert("x"), [good, damaged], "{}"), LIMITS), StateFileError);
    assertEquals([await state.listAlerts(PHONE, 0), await state.readRuleStates(PHONE)], [[], undefined]);
    assertEquals((await state.queueState()).length, 0);
    await state.enqueue(batchOf(alert("x"), [good], "{}"), LIMITS);
    assertEquals([(await state.listAlerts(PHONE, 0)).length, await state.readRuleStates(PHONE)], [1, "{}"]);
    await state.close();
  }));

Deno.test("SqliteState creates no file for questions and removals of push", () =>
  inTempDir(async (folder) => {
    const state = openState(`${folder}/state.db`);
    await state.dropInterrupted();
    await state.claimMessages(0, 9);
    await state.queueState();
    await state.removeOwner(PHONE);
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
    await state.putRule(rule("door"), { max: 1 });
    await state.claimMessages(0, 9);
    const modes = await Promise.all(["state.db", "state.db.lock"].map((name) => Deno.stat(`${folder}/${name}`)));
    assertEquals(modes.map(({ mode }) => (mode ?? 0) & 0o777), [0o600, 0o600]);
    await state.close();
  }));

Deno.test("dropInterrupted() counts once what a killed process was sending, and no message is sent twice", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const state = openState(path);
    await fill(state);
    const killed = startSender(path);
    await killed.output.line((line) => line === "done");
    await kill(killed);
    assertEquals(killed.output.lines.filter((line) => line.startsWith("claimed")), ["claimed a1", "claimed b1"]);
    assertEquals((await state.queueState()).length, 4);
    assertEquals([await state.dropInterrupted(), await state.dropInterrupted()], [2, 0]);
    assertEquals((await state.claimMessages(20_000, 9)).due.map(({ text }) => text), ["a2", "b2"]);
    assertEquals([await state.dropInterrupted(), (await state.queueState()).length], [0, 2]);
    await state.close();
  }));

Deno.test("dropInterrupted() leaves what another process is sending, and waits for its end", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const warnings: unknown[] = [];
    const [sending, next] = [
      openState(path),
      openState(path, { log: { ...SILENT_LOG, warn: (_message, fields) => void warnings.push(fields) } }),
    ];
    await fill(sending);
    const [{ id } = { id: 0 }] = (await sending.claimMessages(20_000, 1)).due;
    let isDone = false;
    const waits = [next.dropInterrupted(), next.claimMessages(20_000, 9)] as const;
    const all = Promise.all(waits).finally(() => isDone = true);
    await next.enqueue(batchOf(alert("y"), [message("b", "b3")]), LIMITS);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals([isDone, await sending.settleMessage(id, { type: "sent", now: 20_000 })], [false, "settled"]);
    await sending.close();
    const [interrupted, { due }] = await within("the end of the wait", all);
    assertEquals([interrupted, due.map(({ text }) => text)], [0, ["a2", "b1"]]);
    assertEquals(warnings, [{ file: path }]);
    await next.close();
  }));

Deno.test("dropInterrupted() fails when the store is closed while it waits", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const [sending, next] = [openState(path), openState(path)];
    await fill(sending);
    await sending.dropInterrupted();
    const refused = assertRejects(() => next.dropInterrupted(), StateFileError, "is closed");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await next.close();
    await within("the end of the wait", refused);
    await sending.close();
    await assertRejects(() => sending.claimMessages(0, 9), StateFileError, "is closed");
  }));

Deno.test("claimMessages() names the lock file that cannot be used, and succeeds after the remedy", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const state = openState(path);
    await fill(state);
    await Deno.mkdir(`${path}.lock`);
    const { message } = await assertRejects(() => state.claimMessages(20_000, 9), StateFileError, "writable");
    assert(message.includes(`${path}.lock`), message);
    await Deno.remove(`${path}.lock`);
    assertEquals((await state.claimMessages(20_000, 9)).due.length, 2);
    await state.close();
  }));

Deno.test("claimMessages() of two processes gives each message to one of them", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const state = openState(path);
    const texts = Array.from({ length: 40 }, (_, index) => `m${index % 4}-${index}`);
    for (const index of [0, 1, 2, 3]) await state.addSubscription(subscription(`m${index}`), { max: 5 });
    await state.enqueue(batchOf(alert("x"), texts.map((text) => message(text.slice(0, 2), text))), LIMITS);
    const senders = [startSender(path, "1000"), startSender(path, "1000")];
    const first = await Promise.any(senders.map(async (sender) => {
      await sender.output.line((line) => line === "done");
      return sender;
    }));
    await kill(first);
    const [second = first] = senders.filter((sender) => sender !== first);
    await second.output.line((line) => line === "done");
    await kill(second);
    const claimed = senders.flatMap(({ output }) => output.lines).filter((line) => line.startsWith("claimed"));
    assertEquals(claimed.toSorted(), texts.map((text) => `claimed ${text}`).toSorted());
    assertEquals(await state.queueState(), { length: 0, next: undefined });
    await state.close();
  }));

Deno.test("A sender that is killed again and again sends no message twice, and loses none uncounted", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const state = openState(path);
    const texts = Array.from({ length: 20 }, (_, index) => `m${index % 4}-${index}`);
    for (const index of [0, 1, 2, 3]) await state.addSubscription(subscription(`m${index}`), { max: 5 });
    await state.enqueue(batchOf(alert("x"), texts.map((text) => message(text.slice(0, 2), text))), LIMITS);
    const lines: string[] = [];
    for (const settled of [0, 2, 5, 1000]) {
      const sender = startSender(path, String(settled));
      await sender.output.line((line) => line === "done");
      await kill(sender);
      lines.push(...sender.output.lines);
    }
    const claimed = lines.filter((line) => line.startsWith("claimed"));
    assertEquals(claimed.toSorted(), texts.map((text) => `claimed ${text}`).toSorted());
    const interrupted = lines.filter((line) => line.startsWith("interrupted"));
    assertEquals(interrupted, [0, 3, 1, 1].map((count) => `interrupted ${count}`));
    assertEquals(await state.queueState(), { length: 0, next: undefined });
    await state.close();
  }));

Deno.test("claimMessages() of two handles marks each message once, also without the lock", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const state = openState(path);
    await fill(state);
    await state.claimMessages(20_000, 1);
    using other = new DatabaseSync(path);
    assertEquals(other.prepare("SELECT count(*) AS count FROM push_messages WHERE is_sending = 1").get()?.count, 1);
    assertEquals((await state.claimMessages(20_000, 9)).due.map(({ text }) => text), ["b1"]);
    assertEquals(dropInterrupted(other), 2);
    await state.close();
  }));

/** Database that notes the plan of each statement. */
class ExplainedDatabase extends DatabaseSync {
  readonly scans = new Set<string>();

  override prepare(statement: string) {
    for (const { detail } of super.prepare(`EXPLAIN QUERY PLAN ${statement}`).all()) {
      if (/^SCAN (?!CONSTANT ROW)/.test(String(detail))) this.scans.add(String(detail));
    }
    return super.prepare(statement);
  }
}

Deno.test("The queue reads no table from end to end, except the subscriptions and the given ids", () => {
  using database = new ExplainedDatabase(":memory:");
  database.exec(PUSH_SCHEMA);
  enqueue(database, batchOf(alert("x"), [message("a", "one", { topic: "door" })]), LIMITS);
  database.exec(`
    INSERT INTO push_subscriptions (id, key_name, key_created, kid, endpoint, p256dh, auth, kind, created)
    VALUES ('a', 'phone', 1000, '', '', '', '', 'web', 0)
  `);
  enqueue(database, batchOf(alert("y"), [message("a", "one", { topic: "door" })]), LIMITS);
  for (const outcome of [{ type: "retry", at: 0 }, { type: "dropped", now: 0 }] as const) {
    for (const { id } of claimMessages(database, 0, 9, []).due) {
      assertEquals(settleMessage(database, id, outcome), "settled");
    }
  }
  queueState(database, []);
  listAlerts(database, PHONE, 0);
  removeSubscription(database, "a");
  removeOwner(database, PHONE);
  // SQLite counts messages by the pages of the smallest index.
  assertEquals([...database.scans].toSorted(), [
    "SCAN json_each VIRTUAL TABLE INDEX 1:",
    "SCAN push_messages USING COVERING INDEX push_messages_by_end",
    "SCAN subscription",
  ]);
});
