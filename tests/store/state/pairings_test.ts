import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { MemoryState } from "../../support/memory_state.ts";
import type { Pairing, PairingStore } from "../../../src/store/state/pairing_store.ts";
import { StateFileError } from "../../../src/store/state/state_file.ts";
import { needing } from "../../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../../support/redis_server.ts";
import { DURABLE, openRedisState } from "../../support/redis_state.ts";
import { inTempDir } from "../../support/temp_dir.ts";
import { testEachState } from "./each_state.ts";
import { openState } from "./open_state.ts";

const pairing = (kid: string, changed: Partial<Pairing> = {}): Pairing => ({
  kid,
  secret: new Uint8Array(32).fill(7),
  name: `name-${kid}`,
  record: '{"rights":{}}',
  expires: 1000,
  ...changed,
});

testEachState("findPairing() returns a code until its end, and none that was never added", async (store) => {
  assertEquals(await store.findPairing("a", 0), undefined);
  const replacement = pairing("b", { record: undefined, secret: new Uint8Array(32).fill(9) });
  for (const one of [pairing("a"), replacement]) assertEquals(await store.addPairing(one, { now: 0, max: 9 }), true);
  assertEquals(await store.findPairing("a", 999), { ...pairing("a"), isUsed: false });
  assertEquals(await store.findPairing("b", 0), { ...replacement, isUsed: false });
  assertEquals(await store.findPairing("a", 1000), undefined);
  assertEquals(await store.findPairing("A", 0), undefined);
});

testEachState("claimPairing() succeeds once, and the used code is found for a while", async (store) => {
  await store.addPairing(pairing("a"), { now: 0, max: 9 });
  const claims = await Promise.all([1, 2, 3].map(() => store.claimPairing("a", { now: 10, keepUntil: 60 })));
  assertEquals(claims.filter((isClaimed) => isClaimed).length, 1);
  assertEquals((await store.findPairing("a", 59))?.isUsed, true);
  assertEquals(await store.findPairing("a", 60), undefined);
  assertEquals(await store.claimPairing("a", { now: 60, keepUntil: 120 }), false);
});

testEachState("claimPairing() refuses a code that has expired, or is not there", async (store) => {
  await store.addPairing(pairing("a"), { now: 0, max: 9 });
  assertEquals(await store.claimPairing("b", { now: 0, keepUntil: 60 }), false);
  assertEquals(await store.claimPairing("a", { now: 1000, keepUntil: 2000 }), false);
  assertEquals(await store.findPairing("a", 1000), undefined);
});

testEachState("claimPairing() keeps a used code beyond its own end", async (store) => {
  await store.addPairing(pairing("a"), { now: 0, max: 9 });
  await store.claimPairing("a", { now: 999, keepUntil: 1100 });
  await store.claimPairing("b", { now: 1050, keepUntil: 1100 });
  assertEquals((await store.findPairing("a", 1050))?.isUsed, true);
});

testEachState("returnPairing() makes a used code valid until its end", async (store) => {
  await store.returnPairing("a");
  await store.addPairing(pairing("a"), { now: 0, max: 9 });
  await store.claimPairing("a", { now: 10, keepUntil: 2000 });
  await store.returnPairing("a");
  assertEquals((await store.findPairing("a", 10))?.isUsed, false);
  assertEquals(await store.findPairing("a", 1000), undefined);
  assertEquals(await store.claimPairing("a", { now: 20, keepUntil: 60 }), true);
});

testEachState("returnPairing() leaves a used code used when another waits for the same name", async (store) => {
  await store.addPairing(pairing("a", { name: "phone" }), { now: 0, max: 9 });
  await store.claimPairing("a", { now: 0, keepUntil: 60 });
  await store.addPairing(pairing("b", { name: "phone" }), { now: 0, max: 9 });
  await store.returnPairing("a");
  assertEquals([await store.findPairing("a", 0), await store.findPairing("b", 0)].map((one) => one?.isUsed), [
    true,
    false,
  ]);
});

testEachState("addPairing() replaces the code of the same name, except a used one", async (store) => {
  await store.addPairing(pairing("a", { name: "phone" }), { now: 0, max: 1 });
  assertEquals(await store.addPairing(pairing("b", { name: "phone" }), { now: 0, max: 1 }), true);
  assertEquals(await store.findPairing("a", 0), undefined);
  await store.claimPairing("b", { now: 0, keepUntil: 60 });
  await store.addPairing(pairing("c", { name: "phone" }), { now: 0, max: 1 });
  assertEquals([await store.findPairing("b", 0), await store.findPairing("c", 0)].map((one) => one?.isUsed), [
    true,
    false,
  ]);
});

testEachState(
  "addPairing() adds nothing when too many codes wait; used and expired ones do not count",
  async (store) => {
    for (const kid of ["a", "b"]) await store.addPairing(pairing(kid), { now: 0, max: 2 });
    assertEquals(await store.addPairing(pairing("c"), { now: 0, max: 2 }), false);
    assertEquals((await store.listPairings(0)).map(({ name }) => name), ["name-a", "name-b"]);
    await store.claimPairing("a", { now: 0, keepUntil: 60 });
    assertEquals(await store.addPairing(pairing("c", { expires: 5 }), { now: 0, max: 2 }), true);
    assertEquals(await store.addPairing(pairing("d"), { now: 4, max: 2 }), false);
    assertEquals(await store.addPairing(pairing("d"), { now: 5, max: 2 }), true);
  },
);

testEachState("listPairings() returns the codes that wait, by name and without their secrets", async (store) => {
  assertEquals(await store.listPairings(0), []);
  for (const kid of ["b", "a", "c"]) await store.addPairing(pairing(kid), { now: 0, max: 9 });
  await store.claimPairing("c", { now: 0, keepUntil: 60 });
  const record = '{"rights":{}}';
  assertEquals(await store.listPairings(0), ["a", "b"].map((kid) => ({ name: `name-${kid}`, record, expires: 1000 })));
  assertEquals(await store.listPairings(1000), []);
});

testEachState("removePairings() removes the code that waits for a name", async (store) => {
  assertEquals(await store.removePairings("name-a"), false);
  for (const kid of ["a", "b"]) await store.addPairing(pairing(kid), { now: 0, max: 9 });
  assertEquals([await store.removePairings("name-a"), await store.removePairings("name-a")], [true, false]);
  assertEquals((await store.listPairings(0)).map(({ name }) => name), ["name-b"]);
});

testEachState(
  "removePairings() removes used codes of a name, which returnPairing() does not bring back",
  async (store) => {
    for (const kid of ["a", "b"]) await store.addPairing(pairing(kid), { now: 0, max: 9 });
    for (const kid of ["a", "b"]) await store.claimPairing(kid, { now: 0, keepUntil: 60 });
    assertEquals(await store.removePairings("name-a"), false);
    await store.returnPairing("a");
    assertEquals([await store.findPairing("a", 0), (await store.findPairing("b", 0))?.isUsed], [undefined, true]);
  },
);

/** Store, and a function that closes it. */
interface Handle {
  readonly state: PairingStore;
  close(): Promise<void>;
}

/** Checks that two handles of one empty store behave like the one in memory, whatever the order. */
async function assertLikeMemory(open: (run: number) => Handle): Promise<void> {
  const kid = fc.constantFrom("a", "b", "c", "d");
  const name = fc.constantFrom("phone", "tablet", "é");
  const time = fc.integer({ min: 0, max: 10 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), kid, name, expires: time, max: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ kind: fc.constant("claim" as const), kid, keepFor: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant("return" as const), kid }),
    fc.record({ kind: fc.constant("remove" as const), name }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 4 }) }),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 25 }), async (steps) => {
      run += 1;
      const opened = [open(run), open(run)];
      const handles = opened.map(({ state }) => state);
      const model = new MemoryState();
      const added = new Set<string>();
      let now = 0;
      const apply = (store: PairingStore, one: (typeof steps)[number][0]): Promise<unknown> => {
        switch (one.kind) {
          case "add": {
            const { kid, name, expires, max } = one;
            return store.addPairing(pairing(kid, { name, expires: now + expires }), { now, max });
          }
          case "claim":
            return store.claimPairing(one.kid, { now, keepUntil: now + one.keepFor });
          case "return":
            return store.returnPairing(one.kid);
          case "remove":
            return store.removePairings(one.name);
          case "wait":
            return Promise.resolve();
        }
      };
      try {
        for (const [one, isFirst] of steps) {
          // An id is never added twice.
          if (one.kind === "add" && added.has(one.kid)) continue;
          if (one.kind === "add") added.add(one.kid);
          if (one.kind === "wait") now += one.ms;
          const [state = model] = isFirst ? handles : handles.toReversed();
          assertEquals(await apply(state, one), await apply(model, one));
          for (const kid of added) assertEquals(await state.findPairing(kid, now), await model.findPairing(kid, now));
          assertEquals(await state.listPairings(now), await model.listPairings(now));
        }
      } finally {
        for (const handle of opened) await handle.close();
      }
    }),
    { numRuns: 40 },
  );
}

Deno.test("SqliteState keeps pairing codes like the store in memory, whatever the order and the handle", () =>
  inTempDir((folder) =>
    assertLikeMemory((run) => {
      const state = openState(`${folder}/${run}.db`);
      return { state, close: () => state.close() };
    })
  ));

Deno.test(
  needing("RedisState keeps pairing codes like the store in memory, whatever the order and the handle", {
    "redis-server": REDIS_SERVER,
  }),
  () => withRedis(DURABLE, (redis) => assertLikeMemory((run) => openRedisState(redis.url(), { prefix: `${run}:` }))),
);

Deno.test("claimPairing() of two processes at once succeeds once for each code", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const state = openState(path);
    const kids = Array.from({ length: 40 }, (_, index) => `kid${index}`);
    for (const kid of kids) await state.addPairing(pairing(kid), { now: 0, max: 100 });
    const program = new URL("pairing_program.ts", import.meta.url).pathname;
    const args = ["run", "--quiet", `--allow-read=${folder}`, `--allow-write=${folder}`, program, path, ...kids];
    const outputs = await Promise.all([1, 2].map(async () => {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
      assertEquals(code, 0);
      return new TextDecoder().decode(stdout).trim().split(" ").filter((word) => word !== "");
    }));
    assertEquals(outputs.flat().toSorted(), kids.toSorted());
    await state.close();
  }));

Deno.test("SqliteState adds the table of codes to a file of the version before, and keeps its counts", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    {
      using database = new DatabaseSync(path);
      database.exec("CREATE TABLE counters (name TEXT PRIMARY KEY, uses INTEGER NOT NULL) STRICT, WITHOUT ROWID");
      database.exec("INSERT INTO counters VALUES ('guest', 2); PRAGMA user_version = 1");
    }
    const states = [openState(path), openState(path)];
    const added = await Promise.all(
      states.map((state, index) => state.addPairing(pairing(`${index}`), { now: 0, max: 9 })),
    );
    assertEquals(added, [true, true]);
    for (const state of states) {
      assertEquals([await state.readUses("guest"), (await state.listPairings(0)).length], [2, 2]);
    }
    for (const state of states) await state.close();
  }));

Deno.test("addPairing() creates the file readable only by its owner; the other methods create none", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const [gateway, command] = [openState(path), openState(path)];
    await gateway.returnPairing("a");
    const nothing = [await gateway.findPairing("a", 0), await gateway.claimPairing("a", { now: 0, keepUntil: 1 })];
    assertEquals([...nothing, ...await gateway.listPairings(0), await gateway.removePairings("a")], [
      undefined,
      false,
      false,
    ]);
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
    await command.addPairing(pairing("a"), { now: 0, max: 9 });
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assert(await gateway.findPairing("a", 0) !== undefined, "The gateway does not see the code of the other process");
    await command.close();
    await gateway.close();
  }));

Deno.test("addPairing() changes nothing when another process locks the file for too long", () =>
  inTempDir(async (folder) => {
    const path = `${folder}/state.db`;
    const state = openState(path, { waitMs: 40 });
    await state.addPairing(pairing("a"), { now: 0, max: 9 });
    {
      using other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      await assertRejects(() => state.addPairing(pairing("b", { name: "name-a" }), { now: 0, max: 9 }), StateFileError);
    }
    assertEquals((await state.listPairings(0)).map(({ name }) => name), ["name-a"]);
    assert(await state.findPairing("a", 0) !== undefined);
    await state.close();
  }));
