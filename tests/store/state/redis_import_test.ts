import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Log, SILENT_LOG } from "../../../src/observability/log.ts";
import { importStateFile } from "../../../src/store/state/redis_import.ts";
import type { RedisState } from "../../../src/store/state/redis_state.ts";
import type { SqliteState } from "../../../src/store/state/sqlite_state.ts";
import { StateFileError } from "../../../src/store/state/state_file.ts";
import type { StateStore } from "../../../src/store/state/state_store.ts";
import { needing } from "../../support/needs.ts";
import { batchOf } from "../../support/push_batch.ts";
import { REDIS_SERVER, withRedis } from "../../support/redis_server.ts";
import { DURABLE, openingRedisStates } from "../../support/redis_state.ts";
import { inTempDir } from "../../support/temp_dir.ts";
import { openState } from "./open_state.ts";
import { alert, GUEST, LIMITS, message, PHONE, rule, subscription } from "./push_examples.ts";

type Open = (changed?: { readonly log?: Log; readonly path?: string; readonly files?: typeof Deno }) => RedisState;

/** Declares a test with the path of a state file, and a function that opens the state on a server, to which the file moves. */
function importTest(name: string, test: (path: string, open: Open) => Promise<void>): void {
  Deno.test(
    needing(name, { "redis-server": REDIS_SERVER }),
    () =>
      withRedis(DURABLE, (redis) =>
        inTempDir((folder) =>
          openingRedisStates(redis.url(), (open) => {
            const path = `${folder}/state.db`;
            return test(path, ({ log = SILENT_LOG, ...changed } = {}) => {
              const options = { path, files: Deno, mode: "strict" as const, log, ...changed };
              return open({ log, prepare: (database) => importStateFile(database, options) }).state;
            });
          })
        )),
  );
}

const listing = async (path: string) =>
  (await Array.fromAsync(Deno.readDir(path.slice(0, path.lastIndexOf("/"))))).map(({ name }) => name).toSorted();

const ABSENCES = [{ ...GUEST, kid: "" }, { ...PHONE, kid: "earlier" }];

/** Fills a state file with something of each kind, one message of which is being sent. */
async function fill(state: SqliteState): Promise<void> {
  for (const _ of [1, 2]) await state.claimUse("action:guest:2000", 3);
  await state.claimUse("é", 3);
  for (const kid of ["a", "b"]) {
    const pairing = { kid, secret: new Uint8Array(32).fill(7), name: kid, record: undefined, expires: 9000 };
    await state.addPairing(pairing, { now: 0, max: 9 });
  }
  await state.claimPairing("b", { now: 0, keepUntil: 9999 });
  for (const id of ["s1", "s2", "s3"]) {
    await state.addSubscription(subscription(id, { lastSuccess: 5, label: "Zoé" }), { max: 5 });
  }
  await state.setAbsences(ABSENCES, 100);
  await state.putRule(rule("door"), { max: 5 });
  await state.putRule(rule("door", GUEST), { max: 5 });
  const messages = ["s1", "s1", "s2", "s3"].map((to, index) => message(to, `${to} ${index}`, { topic: `${index}` }));
  await state.enqueue(batchOf(alert("x", { at: 1796032800123 }), messages, '{"states":1}'), LIMITS);
  await state.enqueue(batchOf(alert("y", GUEST), []), LIMITS);
  const due = (await state.claimMessages(20_000, 3)).due;
  for (const { id, text } of due) {
    if (text.startsWith("s2")) await state.settleMessage(id, { type: "retry", at: 25_000.5, shortened: "short" });
    if (text.startsWith("s3")) await state.settleMessage(id, { type: "sent", now: 20_000 });
  }
}

/** Reads what each kind of store must have in common. */
async function contentOf(state: StateStore): Promise<unknown> {
  return {
    uses: [await state.readUses("action:guest:2000"), await state.readUses("é")],
    pairings: [await state.findPairing("a", 0), await state.findPairing("b", 0), await state.listPairings(0)],
    subscriptions: await state.listSubscriptions(),
    rules: await state.listRules(),
    states: await state.readRuleStates(PHONE),
    alerts: [await state.listAlerts(PHONE, 0), await state.listAlerts(GUEST, 0)],
    absences: await state.setAbsences(ABSENCES, 200),
    owners: await state.listOwners(),
    queue: await state.queueState(),
    oldest: await state.oldestMessage(),
  };
}

importTest("importStateFile() moves all that is in the file, and says so", async (path, open) => {
  const before = openState(path);
  await fill(before);
  await before.close();
  const reopened = openState(path);
  assertEquals(await reopened.dropInterrupted(), 1);
  const content = await contentOf(reopened);
  await reopened.close();
  const warnings: unknown[] = [];
  const state = open({
    log: { ...SILENT_LOG, warn: (text, fields) => void warnings.push([text.slice(0, 10), fields]) },
  });
  assertEquals(await contentOf(state), content);
  assertEquals(warnings, [["State file", {
    file: path,
    moved: `${path}.imported`,
    ...{ uses: 2, pairings: 2, subscriptions: 3, rules: 2, messages: 2, interrupted: 0 },
  }]]);
  assertEquals(await listing(path), [
    ...["state.db.imported", "state.db.lock"],
  ]);
  assertEquals([await state.claimUse("action:guest:2000", 3), await state.claimUse("action:guest:2000", 3)], [
    ...[true, false],
  ]);
  const [first] = (await state.claimMessages(24_000, 9)).due;
  const [second] = (await state.claimMessages(26_000, 9)).due;
  assertEquals([first?.text, second?.text, second?.attempts, second?.isShortened], ["s1 1", "short", 2, true]);
});

importTest("importStateFile() moves no message that a process that is gone was sending", async (path, open) => {
  const before = openState(path);
  await fill(before);
  await before.close();
  assertEquals((await open().queueState()).length, 2);
});

importTest("importStateFile() adds nothing twice when it is ended before the file is renamed", async (path, open) => {
  const before = openState(path);
  await fill(before);
  await before.close();
  const files = { ...Deno, rename: () => Promise.reject(new Deno.errors.PermissionDenied("denied")) };
  const failing = open({ files });
  for (const _ of [1, 2]) {
    const { message } = await assertRejects(() => failing.readUses("action:guest:2000"), StateFileError);
    assert(message.includes(`Rename it to "${path}.imported"`), message);
  }
  const state = open();
  assertEquals([await state.readUses("action:guest:2000"), (await state.queueState()).length], [2, 2]);
  assertEquals((await state.listAlerts(PHONE, 0)).length, 1);
  await Deno.lstat(`${path}.imported`);
});

importTest("importStateFile() of several processes at once adds a file once", async (path, open) => {
  const before = openState(path);
  await fill(before);
  await before.close();
  const states = [1, 2, 3].map(() => open());
  await Promise.all(states.map((state) => state.check()));
  for (const state of states) {
    assertEquals([await state.readUses("action:guest:2000"), (await state.queueState()).length], [2, 2]);
  }
});

importTest("importStateFile() adds another file to what is there, and forgets no use", async (path, open) => {
  const before = openState(path);
  await fill(before);
  await before.close();
  await open().check();
  const again = openState(path);
  await again.claimUse("action:guest:2000", 3);
  await again.putRule(rule("door", { json: "{}" }), { max: 5 });
  await again.putRule(rule("window"), { max: 5 });
  const { endpoint } = subscription("s1");
  await again.addSubscription(subscription("s9", { endpoint }), { max: 5 });
  await again.enqueue(batchOf(alert("z"), [message("s9", "late")]), LIMITS);
  await again.close();
  const state = open();
  assertEquals([await state.readUses("action:guest:2000"), await state.claimUse("action:guest:2000", 3)], [3, false]);
  assertEquals(await state.listRules(), [rule("door", GUEST), rule("door"), rule("window")]);
  assertEquals((await state.listSubscriptions()).map(({ id }) => id), ["s1", "s2", "s3"]);
  assertEquals((await state.queueState()).length, 3);
});

importTest("importStateFile() refuses a file that another process uses, or that is damaged, until the remedy", async (
  path,
  open,
) => {
  const other = openState(path);
  await fill(other);
  const state = open();
  await assertRejects(() => state.claimUse("action:guest:2000", 9), StateFileError, "another process uses it");
  await other.close();
  assertEquals(await state.readUses("action:guest:2000"), 2);
  await Deno.writeTextFile(path, "");
  await assertRejects(() => open().claimUse("action:guest:2000", 9), StateFileError, "is empty");
});

importTest("importStateFile() does nothing without a file", async (path, open) => {
  assertEquals(await open().readUses("action:guest:2000"), 0);
  assertEquals(await listing(path), []);
});
