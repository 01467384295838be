/** Counts of uses, in each place where the state may lie. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MemoryState } from "../../support/memory_state.ts";
import { testEachState, testStoredStates } from "./each_state.ts";

testEachState("claimUse() counts up to the limit, for each counter by itself", async (state) => {
  const claims = [];
  for (let index = 0; index < 4; index += 1) claims.push(await state.claimUse("guest", 3));
  assertEquals(claims, [true, true, true, false]);
  assertEquals(await state.claimUse("neighbour", 1), true);
  assertEquals([await state.claimUse("guest", 4), await state.claimUse("guest", 2)], [true, false]);
  for (const limit of [0, -1, NaN]) assertEquals(await state.claimUse("other", limit), false);
  assertEquals(await Promise.all(["guest", "neighbour", "other", "Guest"].map((one) => state.readUses(one))), [
    ...[4, 1, 0, 0],
  ]);
});

testEachState("claimUse() of two handles at once counts exactly to the limit", async (state, open) => {
  const handles = [state, open()];
  const claims = await Promise.all(
    Array.from({ length: 200 }, (_, index) => (handles[index % 2] ?? state).claimUse("guest", 37)),
  );
  assertEquals(claims.filter((isCounted) => isCounted).length, 37);
  assertEquals(await Promise.all(handles.map((handle) => handle.readUses("guest"))), [37, 37]);
});

testEachState("returnUse() takes back one use of its counter, and never more than are counted", async (state, open) => {
  await state.returnUse("guest");
  for (const counter of ["guest", "guest", "neighbour"]) await state.claimUse(counter, 3);
  await state.returnUse("guest");
  assertEquals([await state.readUses("guest"), await state.readUses("neighbour")], [1, 1]);
  for (const _ of [1, 2]) await state.returnUse("guest");
  assertEquals(await open().readUses("guest"), 0);
  assertEquals([await state.claimUse("guest", 1), await state.claimUse("guest", 1)], [true, false]);
});

testStoredStates("claimUse() counts as in memory, whatever the order and the handle", async (state, open) => {
  const handles = [state, open()];
  const claim = fc.record({
    counter: fc.constantFrom("a", "b", "é\0", ""),
    limit: fc.integer({ min: -1, max: 5 }),
    isFirst: fc.boolean(),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(claim, { maxLength: 20 }), async (claims) => {
      run += 1;
      const model = new MemoryState();
      for (const { counter, limit, isFirst } of claims) {
        const [one = state, other = state] = isFirst ? handles : handles.toReversed();
        const name = `${counter}${run}`;
        assertEquals(await one.claimUse(name, limit), await model.claimUse(name, limit));
        assertEquals(await other.readUses(name), await model.readUses(name));
      }
    }),
    { numRuns: 15 },
  );
});
