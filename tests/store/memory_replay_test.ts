import { assert, assertEquals, assertNotEquals } from "@std/assert";
import * as fc from "fast-check";
import type { SealedText } from "../../src/protocol/aead.ts";
import { createMemoryReplayStore, ENTRY_BYTES, type MemoryReplayStore } from "../../src/store/memory_replay.ts";
import { ReplayModel } from "./replay_model.ts";

const sealed = (text: string) => text as SealedText;

function identity(nonce: number, tag = nonce, kid = "default", timestamp = 1000) {
  const bytes = (value: number, length: number) => new Uint8Array(length).fill(value);
  return { kid, nonce: bytes(nonce, 12), tag: bytes(tag, 16), timestamp };
}

function makeStore({ maxBytes = 1_000_000, maxAnswerBytes = 1_000_000, seconds = 120, since = 0 } = {}) {
  const clock = { ms: 0 };
  const store = createMemoryReplayStore({
    limits: { maxAgeSeconds: seconds / 2, memoryBytes: maxBytes, answerBytes: maxAnswerBytes },
    since,
    monotonic: () => clock.ms,
  });
  return { store, clock };
}

function settle(store: MemoryReplayStore, nonce: number, answer: string | undefined): void {
  const claim = store.claim(identity(nonce));
  if (claim.kind !== "first") throw new Error(`Claim was ${claim.kind}`);
  claim.settle(answer === undefined ? undefined : sealed(answer));
}

async function repeated(store: MemoryReplayStore, nonce: number): Promise<string | undefined> {
  const claim = store.claim(identity(nonce));
  if (claim.kind !== "repeat") throw new Error(`Claim was ${claim.kind}`);
  return await claim.answer;
}

Deno.test("claim() is first once, and a repeat gets the first answer", async () => {
  const { store } = makeStore();
  settle(store, 1, "answer");
  assertEquals(await repeated(store, 1), "answer");
  assertEquals(await repeated(store, 1), "answer");
});

Deno.test("claim() lets a repeat wait for the first answer", async () => {
  const { store } = makeStore();
  const first = store.claim(identity(1));
  const waiting = repeated(store, 1);
  if (first.kind === "first") first.settle(sealed("late"));
  assertEquals(await waiting, "late");
});

Deno.test("claim() detects a nonce that was used for another request", () => {
  const { store } = makeStore();
  settle(store, 1, "answer");
  assertEquals(store.claim(identity(1, 2)).kind, "nonce reused");
});

Deno.test("a key in constant use takes no more memory than its stored requests", () => {
  const { store, clock } = makeStore({ maxBytes: 2 ** 30 });
  const nonce = new Uint8Array(12);
  const tag = new Uint8Array(16);
  // Large enough to measure: 1 MB is stored at a time, of 400 MB in total.
  const answer = "x".repeat(10_000);
  const before = Deno.memoryUsage().heapUsed;
  for (let count = 0; count < 40_000; count++) {
    clock.ms += 1200;
    new DataView(nonce.buffer).setUint32(0, count);
    const claim = store.claim({ kid: "a", nonce, tag, timestamp: clock.ms / 1000 });
    // Not by reference: each answer has memory of its own.
    if (claim.kind === "first") claim.settle(sealed(new TextDecoder().decode(new TextEncoder().encode(answer))));
  }
  assertEquals(store.usage.entries, 101);
  const grown = Deno.memoryUsage().heapUsed - before;
  assert(grown < 200_000_000, `${Math.round(grown / 1e6)} MB more`);
});

Deno.test("claim() keeps the keys apart", () => {
  const { store } = makeStore();
  settle(store, 1, "answer");
  assertEquals(store.claim(identity(1, 1, "other")).kind, "first");
});

Deno.test("claim() drops a request after its time and not before", () => {
  const { store, clock } = makeStore({ seconds: 120 });
  settle(store, 1, "answer");
  clock.ms = 119_999;
  assertEquals(store.claim(identity(1)).kind, "repeat");
  clock.ms = 120_001;
  assertEquals(store.claim(identity(2)).kind, "forgotten", "Not newer than the dropped request");
});

Deno.test("claim() refuses a dropped request that may have run, after the wall clock was set back", () => {
  const { store, clock } = makeStore({ seconds: 120 });
  for (let count = 0; count <= 100; count++) store.claim(identity(count, count, "default", 1000 + count / 10));
  clock.ms = 120_001;
  assertEquals(store.claim(identity(1, 1, "default", 1000.1)).kind, "forgotten");
  assertEquals(store.claim(identity(201, 201, "default", 1005)).kind, "forgotten");
  assertEquals(store.claim(identity(202, 202, "default", 1010.5)).kind, "first");
});

Deno.test("claim() works after a clock was an hour ahead, and refuses timestamps from that hour", () => {
  const { store, clock } = makeStore({ seconds: 120 });
  const claim = (id: number, timestamp: number) => store.claim(identity(id, id, "default", timestamp)).kind;
  assertEquals(claim(1, 4600), "first");
  clock.ms = 121_000;
  assertEquals([claim(2, 4721), claim(3, 1121)], ["first", "first"]);
  clock.ms = 242_000;
  assertEquals(claim(4, 1242), "first");
  clock.ms = 3_600_000;
  assertEquals([claim(1, 4600), claim(2, 4721), claim(5, 4722)], ["forgotten", "forgotten", "first"]);
});

Deno.test("claim() refuses when a key's identities fill its share of the memory, until some expire", () => {
  const { store, clock } = makeStore({ maxBytes: 10 * ENTRY_BYTES });
  let accepted = 0;
  while (store.claim(identity(accepted)).kind === "first") accepted++;
  assertEquals(accepted, 5, "A key alone may have half");
  assertEquals(store.claim(identity(0)).kind, "repeat", "A full store still detects repeats");
  clock.ms = 120_001;
  assertEquals(store.claim(identity(200, 200, "default", 2000)).kind, "first");
});

Deno.test("claim() drops kept answers, oldest first, before it refuses a request", async () => {
  const { store } = makeStore({ maxBytes: 3 * ENTRY_BYTES + 2999 + 1000 });
  settle(store, 1, "a".repeat(1000));
  settle(store, 2, "b".repeat(1000));
  settle(store, 3, "c".repeat(1000));
  settle(store, 4, "d".repeat(1000));
  assertEquals(await repeated(store, 1), undefined);
  assertNotEquals(await repeated(store, 4), undefined);
});

Deno.test("claim() keeps no answer that is larger than a quarter of the memory", async () => {
  const { store } = makeStore({ maxBytes: 4096 });
  settle(store, 1, "a".repeat(1025));
  assertEquals(await repeated(store, 1), undefined);
});

Deno.test("claim() is first for each identity exactly once in any order of claims, answers and waits", () => {
  const step = fc.record({
    nonce: fc.nat({ max: 5 }),
    wait: fc.nat({ max: 400 }),
    answer: fc.option(fc.string({ maxLength: 900 })),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { store, clock } = makeStore({ maxBytes: 4096, seconds: 1 });
    const lastFirst = new Map<number, number>();
    for (const { nonce, wait, answer } of steps) {
      clock.ms += wait;
      const claim = store.claim(identity(nonce, nonce, "default", clock.ms));
      const isStored = clock.ms - (lastFirst.get(nonce) ?? -Infinity) <= 1000;
      assertEquals(claim.kind === "first" && isStored, false, "A stored request ran again");
      if (claim.kind !== "first") continue;
      lastFirst.set(nonce, clock.ms);
      claim.settle(answer === null ? undefined : sealed(answer));
    }
  }));
});

Deno.test("claim() does not keep an answer above its bound, and the request still does not run again", async () => {
  const { store } = makeStore({ maxAnswerBytes: 10 });
  settle(store, 1, "x".repeat(10));
  settle(store, 2, "x".repeat(11));
  assertEquals(await repeated(store, 1), "x".repeat(10));
  assertEquals(await repeated(store, 2), undefined);
});

Deno.test("claim() refuses timestamps before the start of the memory, in whole seconds", () => {
  const { store } = makeStore({ since: 1000.9 });
  assertEquals(store.claim(identity(1, 1, "a", 999.9)).kind, "forgotten");
  assertEquals(store.claim(identity(1, 1, "a", 1000)).kind, "first");
});

Deno.test("recall() finds a claimed request for as long as it is stored, and claims nothing", async () => {
  const { store, clock } = makeStore();
  assertEquals(store.recall(identity(1)).kind, "unknown");
  settle(store, 1, "answer");
  const known = store.recall(identity(1));
  assertEquals(known.kind === "repeat" ? await known.answer : undefined, "answer");
  assertEquals(store.recall(identity(1, 2)).kind, "unknown", "The same nonce, another request");
  assertEquals(store.recall(identity(1, 1, "other")).kind, "unknown");
  clock.ms = 120_001;
  assertEquals(store.recall(identity(1)).kind, "unknown");
});

/** Claims with a key until it is refused; returns the number of first claims. */
function fill(store: MemoryReplayStore, kid: string, { from = 0 } = {}): number {
  let count = 0;
  while (store.claim({ ...identity(0, 1, kid), nonce: nonceOf(from + count) }).kind === "first") count++;
  return count;
}

function nonceOf(number: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(0, number);
  return nonce;
}

Deno.test("claim() refuses only the key that fills its share, also beside several such keys", () => {
  const { store } = makeStore({ maxBytes: ENTRY_BYTES * 1000 });
  for (let greedy = 0; greedy < 3; greedy++) assert(fill(store, `greedy ${greedy}`) > 0);
  for (let greedy = 0; greedy < 3; greedy++) fill(store, `greedy ${greedy}`, { from: 10_000 });
  assertEquals(store.claim(identity(1, 1, "greedy 0")).kind, "full");
  assert(fill(store, "modest") > 50, "Nothing is left for a modest key");
});

Deno.test("claim() frees the share of a key when its requests expire", () => {
  const { store, clock } = makeStore({ maxBytes: ENTRY_BYTES * 100 });
  const first = fill(store, "a");
  assertEquals(first, 50);
  clock.ms = 120_001;
  assertEquals(store.claim(identity(0, 0, "a", 2000)).kind, "first");
  assertEquals(store.usage, { entries: 1, bytes: ENTRY_BYTES });
});

Deno.test("settle() drops answers of the key with the most bytes, and keeps those of the others", async () => {
  const { store } = makeStore({ maxBytes: 50_000 });
  const keep = (nonce: number, kid: string, size: number) => {
    const claim = store.claim(identity(nonce, nonce, kid));
    if (claim.kind !== "first") throw new Error(`Claim was ${claim.kind}`);
    claim.settle(sealed("x".repeat(size)));
  };
  const kept = async (nonce: number, kid: string) => {
    const claim = store.claim(identity(nonce, nonce, kid));
    return claim.kind === "repeat" ? (await claim.answer)?.length : claim.kind;
  };
  keep(1, "modest", 2000);
  for (let nonce = 0; nonce < 30; nonce++) keep(nonce, "greedy", 10_000);
  assertEquals(await kept(1, "modest"), 2000, "Older than all, and of the key that holds less");
  assertEquals([await kept(0, "greedy"), await kept(29, "greedy")], [undefined, 10_000]);
  assert(store.usage.bytes <= 50_000);
  for (let nonce = 40; store.claim(identity(nonce, nonce, "third")).kind === "first"; nonce++);
  assertEquals(await kept(1, "modest"), 2000, "Identities push out the greedy key's answers, too");
});

Deno.test("beginAt() accepts requests after the clock was set back, and keeps stored ones", () => {
  const { store } = makeStore({ since: 8200 });
  assertEquals(store.claim(identity(1, 1, "a", 8201)).kind, "first");
  assertEquals(store.claim(identity(2, 2, "a", 1001)).kind, "forgotten");
  store.beginAt(1001);
  assertEquals(store.claim(identity(2, 2, "a", 1001)).kind, "first");
  assertEquals(store.claim(identity(3, 3, "a", 1000.9)).kind, "forgotten");
  assertEquals([store.claim(identity(1, 1, "a", 8201)).kind, store.claim(identity(2, 2, "a", 1001)).kind], [
    "repeat",
    "repeat",
  ]);
});

Deno.test("claim() counts stored requests exactly, after any number of expired ones", () => {
  const { store, clock } = makeStore({ maxBytes: 2 ** 30, seconds: 10 });
  for (let number = 0; number < 25_000; number++) {
    clock.ms = number;
    const claim = store.claim({
      kid: "a",
      nonce: nonceOf(number),
      tag: new Uint8Array(16),
      timestamp: 1000 + number / 1000,
    });
    if (claim.kind === "first") claim.settle(sealed("answer"));
  }
  assertEquals(store.usage, { entries: 10_001, bytes: 10_001 * (ENTRY_BYTES + "answer".length) });
});

Deno.test("claim() drops a bounded number of expired requests at a time, and all of them where it needs room", () => {
  const { store, clock } = makeStore({ maxBytes: 10_000 * ENTRY_BYTES });
  assertEquals(fill(store, "a"), 5000);
  clock.ms = 120_001;
  assertEquals(
    store.claim({ ...identity(0, 1, "a", 2000), nonce: nonceOf(4999) }).kind,
    "repeat",
    "It is still stored",
  );
  assertEquals(store.usage.entries, 4000);
  assertEquals(store.claim({ ...identity(0, 1, "a", 2000), nonce: nonceOf(0) }).kind, "first");
  assertEquals(store.claim({ ...identity(0, 1, "a", 1000), nonce: nonceOf(1) }).kind, "forgotten");
  assertEquals(fill(store, "a", { from: 10_000 }), 0, "Timestamps of what was dropped");
  let accepted = 0;
  while (store.claim({ ...identity(0, 1, "a", 2000), nonce: nonceOf(20_000 + accepted) }).kind === "first") accepted++;
  assertEquals(accepted, 4999, "Its whole share, beside the one from before");
});

Deno.test("claim() passes the answer on to all that wait for it, also after it has expired", async () => {
  const { store, clock } = makeStore();
  const first = store.claim(identity(1));
  const waiting = [repeated(store, 1), repeated(store, 1)];
  clock.ms = 120_001;
  assertEquals(store.claim(identity(2, 2, "default", 2000)).kind, "first");
  if (first.kind === "first") first.settle(sealed("late"));
  assertEquals(await Promise.all(waiting), ["late", "late"]);
  assertEquals(store.usage, { entries: 1, bytes: ENTRY_BYTES });
});

Deno.test("claim() never takes a nonce of 12 bytes for the same with four zeros", () => {
  const { store } = makeStore();
  settle(store, 1, "answer");
  const nonce = new Uint8Array(16);
  nonce.set(identity(1).nonce);
  assertEquals(store.claim({ ...identity(1), nonce }).kind, "first");
  assertEquals([store.claim(identity(1)).kind, store.claim({ ...identity(1), nonce }).kind], ["repeat", "repeat"]);
});

Deno.test("the store does what its model does, whatever is claimed, answered and waited for", async () => {
  const kid = fc.constantFrom("a", "b", "c");
  const nonce = fc.nat({ max: 12 });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("claim" as const), kid, nonce, tag: fc.nat({ max: 1 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("recall" as const), kid, nonce, tag: fc.nat({ max: 1 }) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("settle" as const),
        which: fc.nat({ max: 3 }),
        length: fc.option(fc.integer({ min: 1, max: 1200 })),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 500 }) }) },
  );
  const sizes = fc.integer({ min: 3 * ENTRY_BYTES, max: 30 * ENTRY_BYTES });
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(step, { maxLength: 120, size: "max" }), async (maxBytes, steps) => {
      const { store, clock } = makeStore({ maxBytes, maxAnswerBytes: 1000, seconds: 1 });
      const model = new ReplayModel({ memoryBytes: maxBytes, answerBytes: 1000, lifetimeMs: 1000 }, ENTRY_BYTES);
      const open: ((answer: string | undefined) => void)[] = [];
      let answers = 0;
      for (const one of steps) {
        if (one.kind === "wait") clock.ms += one.ms;
        else if (one.kind === "settle") {
          const [settleBoth] = open.splice(one.which, 1);
          settleBoth?.(one.length === null ? undefined : `${answers++}`.padEnd(one.length, "x"));
        } else {
          const request = { ...identity(one.nonce, one.tag, one.kid, 1e6 + clock.ms) };
          const found = one.kind === "claim" ? store.claim(request) : store.recall(request);
          const id = `${one.kid} ${one.nonce}`;
          const asked = { kid: one.kid, id, tag: one.tag, timestamp: request.timestamp };
          const expected = one.kind === "claim" ? model.claim(asked, clock.ms) : model.recall(asked, clock.ms);
          assertEquals(found.kind, expected.kind);
          if (found.kind === "first") {
            open.push((answer) => {
              found.settle(answer === undefined ? undefined : sealed(answer));
              expected.settle?.(answer);
            });
          }
          if (found.kind === "repeat" && expected.isSettled) assertEquals(await found.answer, expected.answer);
        }
        assertEquals(store.usage, model.usage);
      }
    }),
    { numRuns: 300 },
  );
});
