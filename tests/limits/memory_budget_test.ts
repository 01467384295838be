import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { type BudgetHolder, type EvictionCause, MemoryBudget } from "../../src/limits/memory_budget.ts";

/** Holder that drops all its bytes when it is evicted. */
class Holder implements BudgetHolder {
  readonly evictions: EvictionCause[] = [];
  readonly owner: string;
  readonly #budget: Pick<MemoryBudget, "set">;
  bytes = 0;

  constructor(budget: Pick<MemoryBudget, "set">, owner: string) {
    this.#budget = budget;
    this.owner = owner;
  }

  set(bytes: number): void {
    this.bytes = bytes;
    this.#budget.set(this, bytes);
  }

  evict(cause: EvictionCause): void {
    this.evictions.push(cause);
    this.set(0);
  }
}

Deno.test("set() evicts the largest holder of an owner beyond its share", () => {
  const budget = new MemoryBudget(100);
  const [small, large, other] = ["greedy", "greedy", "modest"].map((owner) => new Holder(budget, owner));
  other?.set(50);
  large?.set(30);
  small?.set(21);
  assertEquals([small?.evictions, large?.evictions, other?.evictions], [[], ["share"], []]);
  assertEquals(budget.bytes, 71);
});

Deno.test("set() evicts from the owner with the most bytes, though another has the largest holder", () => {
  const budget = new MemoryBudget(100);
  const many = Array.from({ length: 5 }, () => new Holder(budget, "greedy"));
  for (const holder of many) holder.set(9);
  const [one, late] = [new Holder(budget, "modest"), new Holder(budget, "late")];
  one.set(40);
  late.set(16);
  assertEquals(many.map(({ evictions }) => evictions.length), [1, 0, 0, 0, 0], "the oldest among equals");
  assertEquals([one.evictions, late.evictions], [[], []]);
});

Deno.test("set() keeps the budget within its limit, and each owner within half of it", () => {
  const steps = fc.array(fc.record({ holder: fc.nat(8), bytes: fc.nat(40) }), { maxLength: 60 });
  fc.assert(fc.property(steps, (all) => {
    const budget = new MemoryBudget(100);
    const holders = Array.from({ length: 9 }, (_, index) => new Holder(budget, `owner ${index % 3}`));
    for (const { holder, bytes } of all) {
      holders[holder]?.set(bytes);
      const sums = Map.groupBy(holders, ({ owner }) => owner);
      for (const [, own] of sums) assert(own.reduce((sum, each) => sum + each.bytes, 0) <= 50);
      assertEquals(budget.bytes, holders.reduce((sum, each) => sum + each.bytes, 0));
      assert(budget.bytes <= 100);
    }
  }));
});

/** Budget that searches all owners and all holders for each eviction. */
class SearchingBudget implements Pick<MemoryBudget, "set"> {
  readonly #maxBytes: number;
  readonly #byOwner = new Map<string, Map<BudgetHolder, number>>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  set(holder: BudgetHolder, bytes: number): void {
    const own = this.#byOwner.get(holder.owner) ?? new Map();
    if (bytes > 0) this.#byOwner.set(holder.owner, own.set(holder, bytes));
    else if (own.delete(holder) && own.size === 0) this.#byOwner.delete(holder.owner);
    while (sum(own) > this.#maxBytes / 2) largest([...own], ([, held]) => held)?.[0].evict("share");
    while (sum([...this.#byOwner].map(([owner, each]) => [owner, sum(each)] as const)) > this.#maxBytes) {
      const owner = largest([...this.#byOwner.values()], sum) ?? [];
      largest([...owner], ([, held]) => held)?.[0].evict("total");
    }
  }
}

function sum(amounts: Iterable<readonly [unknown, number]>): number {
  return [...amounts].reduce((total, [, amount]) => total + amount, 0);
}

/** Returns the item with the largest amount, the first one among equals. */
function largest<T>(items: readonly T[], amountOf: (item: T) => number): T | undefined {
  return items.toSorted((one, other) => amountOf(other) - amountOf(one))[0];
}

Deno.test("set() evicts the same holders in the same order as a search through all of them", () => {
  const step = fc.record({ holder: fc.nat(14), bytes: fc.constantFrom(0, 5, 10, 10, 20, 40) });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const evictions = [new MemoryBudget(100), new SearchingBudget(100)].map((budget) => {
      const holders = Array.from({ length: 15 }, (_, index) => new Holder(budget, `owner ${index % 4}`));
      return steps.map(({ holder, bytes }) => {
        holders[holder]?.set(bytes);
        return holders.map(({ evictions }) => [...evictions]);
      });
    });
    assertEquals(evictions[0], evictions[1]);
  }));
});
