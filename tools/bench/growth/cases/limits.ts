/** Growth of the limits: arrivals at full tables of bodies, buffered bytes and waiters. */
import { BodyReader } from "../../../../src/http/body_reader.ts";
import { Deadlines } from "../../../../src/lib/deadlines.ts";
import { FairSemaphore } from "../../../../src/limits/fair_semaphore.ts";
import { type BudgetHolder, MemoryBudget } from "../../../../src/limits/memory_budget.ts";
import { ManualClock } from "../../../../tests/support/manual_clock.ts";
import type { GrowthCase } from "../growth_case.ts";
import { timeOf } from "../hub_under_load.ts";

/** Arrivals at a full table, whatever its size. */
const ARRIVALS = 1000;

/** Request with a small body that never comes. */
class SlowRequest extends Request {
  constructor() {
    super("http://gateway/gateway", { method: "POST", headers: { "Content-Length": "100" } });
  }

  override bytes(): Promise<never> {
    return new Promise(() => {});
  }
}

const bodiesAtTheLimit: GrowthCase = {
  name: "bodies-at-the-limit",
  sizes: [500, 1_000, 2_000, 4_000],
  unit: `slow bodies as ${ARRIVALS} more arrive`,
  async measure(size) {
    const clock = new ManualClock();
    const reader = new BodyReader(
      { maxBodies: size, maxPerAddress: 4 * size, maxBodyBytes: 1000, bodyTimeoutMs: 1000 },
      { monotonic: () => clock.monotonic(), deadlines: new Deadlines(clock) },
    );
    const requests = Array.from({ length: size + ARRIVALS }, () => new SlowRequest());
    const reads: Promise<void>[] = [];
    const read = (request: Request, index: number) => {
      const address = `address ${index % 100}`;
      reads.push(reader.read(request, address, () => Promise.resolve()).catch(() => {}));
    };
    requests.slice(0, size).forEach(read);
    const cost = timeOf(() => requests.slice(size).forEach(read));
    clock.pass(2000);
    await Promise.all(reads);
    return cost;
  },
};

const backlogAtTheLimit: GrowthCase = {
  name: "backlog-at-the-limit",
  sizes: [1_000, 2_000, 4_000, 8_000],
  unit: `listeners with a full backlog as ${ARRIVALS} events come`,
  measure(size) {
    const budget = new MemoryBudget(size * 100);
    const holders = Array.from({ length: size }, (_, index): BudgetHolder => ({
      owner: `key ${index % 100}`,
      evict() {
        budget.set(this, 0);
      },
    }));
    for (const holder of holders) budget.set(holder, 100);
    return Promise.resolve(timeOf(() => {
      for (let index = 0; index < ARRIVALS; index++) {
        const holder = holders[index % size];
        if (holder !== undefined) budget.set(holder, 101 + index % 7);
      }
    }));
  },
};

const waitersOfSemaphore: GrowthCase = {
  name: "waiters-of-a-semaphore",
  sizes: [1_000, 2_000, 4_000, 8_000],
  unit: `waiting owners as ${ARRIVALS} of them are admitted`,
  async measure(size) {
    const semaphore = new FairSemaphore({ total: 1, each: 1 });
    const last = Promise.withResolvers<void>();
    let admitted = 0;
    const release = await semaphore.acquire("first", 1);
    for (let index = 0; index < size; index++) {
      semaphore.acquire(`owner ${index}`, 1).then((release) => {
        admitted += 1;
        if (admitted < ARRIVALS) release();
        else last.resolve();
      });
    }
    const started = performance.now();
    release();
    await last.promise;
    return performance.now() - started;
  },
};

/** Cases of the limits. */
export const LIMIT_CASES: readonly GrowthCase[] = [bodiesAtTheLimit, backlogAtTheLimit, waitersOfSemaphore];
