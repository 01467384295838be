/** Growth of the limits: arrivals at full tables of bodies, buffered bytes and waiters. */
import process from "node:process";
import { BodyReader } from "../../../../src/http/body_reader.ts";
import { Deadlines } from "../../../../src/lib/deadlines.ts";
import { FairSemaphore } from "../../../../src/limits/fair_semaphore.ts";
import { type BudgetHolder, MemoryBudget } from "../../../../src/limits/memory_budget.ts";
import { ManualClock } from "../../../../tests/support/manual_clock.ts";
import type { GrowthCase } from "../growth_case.ts";
import { timeOf } from "../time_of.ts";

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
  isFlat: true,
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

/** Events for listeners with a full backlog: each takes a fraction of a microsecond. */
const EVENTS = 20_000;

const backlogAtTheLimit: GrowthCase = {
  name: "backlog-at-the-limit",
  sizes: [2_000, 4_000, 8_000, 16_000],
  unit: `listeners with a full backlog as ${EVENTS} events come`,
  isFlat: true,
  measure(size) {
    const budget = new MemoryBudget(size * 100);
    const holders = Array.from({ length: size }, (_, index): BudgetHolder => ({
      owner: `key ${index % 100}`,
      evict() {
        budget.set(this, 0);
      },
    }));
    for (const holder of holders) budget.set(holder, 100);
    return timeOf(() => {
      for (let index = 0; index < EVENTS; index++) {
        const holder = holders[index % size];
        if (holder !== undefined) budget.set(holder, 101 + index % 7);
      }
    });
  },
};

/** Rounds of waiters: more of them at once would measure the garbage collection of promises. */
const ROUNDS = 20;

const waitersOfSemaphore: GrowthCase = {
  name: "waiters-of-a-semaphore",
  sizes: [100, 200, 400, 800],
  unit: `owners that wait and are admitted one after another, ${ROUNDS} times`,
  async measure(size) {
    const semaphore = new FairSemaphore({ total: 1, each: 1 });
    const started = process.cpuUsage();
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(
        Array.from({ length: size }, async (_, index) => (await semaphore.acquire(`owner ${index}`, 1))()),
      );
    }
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  },
};

/** Cases of the limits. */
export const LIMIT_CASES: readonly GrowthCase[] = [bodiesAtTheLimit, backlogAtTheLimit, waitersOfSemaphore];
