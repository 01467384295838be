/** Rules of the lease holder, with a log in memory and a manual clock. */
import { assertEquals, assertRejects } from "@std/assert";
import { LeaseLostError } from "../../../src/mqtt/replicas/event_log.ts";
import { LeaseHolder } from "../../../src/mqtt/replicas/lease_holder.ts";
import { LEASE_INTERVAL_MS, LeaseWatch, LOOKS } from "../../../src/mqtt/replicas/lease_watch.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { type MemoryEventLog, MemoryLogServer } from "../../support/memory_event_log.ts";
import { settle } from "../../support/settle.ts";

/** Replica with its own log and clock: a frozen one has a clock that stands still. */
interface Replica {
  readonly name: string;
  readonly log: MemoryEventLog;
  readonly clock: ManualClock;
  readonly holder: LeaseHolder;
  readonly told: string[];
}

/** Server and replicas that advance together. */
class Replicas implements AsyncDisposable {
  readonly server: MemoryLogServer = new MemoryLogServer();
  readonly all: Replica[] = [];
  #tokens = 0;

  async start(name: string): Promise<Replica> {
    const log = this.server.open();
    const clock = new ManualClock();
    const told: string[] = [];
    const holder = new LeaseHolder({
      lease: log.lease,
      clock,
      newToken: () => `${name}${this.#tokens += 1}`,
      held: (token) => void told.push(`held ${token}`),
      lost: () => void told.push("lost"),
    });
    const replica = { name, log, clock, holder, told };
    this.all.push(replica);
    await settle();
    return replica;
  }

  /** Lets intervals pass at all replicas but the frozen ones. */
  async pass(intervals: number, { frozen = [] }: { readonly frozen?: readonly Replica[] } = {}): Promise<void> {
    for (let count = 0; count < intervals; count++) {
      for (const replica of this.all) {
        if (frozen.includes(replica)) continue;
        replica.clock.pass(LEASE_INTERVAL_MS);
        await settle();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.work();
    for (const { holder, log } of this.all) {
      log.faults.work();
      await holder.release();
    }
  }
}

Deno.test("LeaseHolder takes a free lease, and holds it while it renews it", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  const other = await replicas.start("b");
  assertEquals([one.told, other.told], [["held a1"], []]);
  await replicas.pass(20);
  assertEquals([one.told, other.told], [["held a1"], []]);
  assertEquals(one.holder.token, "a1");
  assertEquals((await one.log.lease.read())?.renewals, 20);
});

Deno.test("LeaseHolder takes the lease when its renewals stand still, and no sooner", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  const other = await replicas.start("b");
  await replicas.pass(3);
  await replicas.pass(LOOKS - 2, { frozen: [one] });
  assertEquals(other.told, [], "One look saw the last renewal, and the others nothing new");
  await replicas.pass(1, { frozen: [one] });
  assertEquals(other.told, ["held b2"]);
  await assertRejects(() => one.log.append("a1", [{ type: "gap" }]), LeaseLostError);
  await replicas.pass(1);
  assertEquals(one.told, ["held a1", "lost"]);
  await replicas.pass(20);
  assertEquals([one.holder.token, other.holder.token], [undefined, "b2"]);
});

Deno.test("LeaseHolder keeps the lease while each renewal is a second late, and is replaced within 1.5 s", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  const other = await replicas.start("b");
  for (let round = 0; round < 20; round++) {
    await replicas.pass(1);
    await replicas.pass(1000 / LEASE_INTERVAL_MS, { frozen: [one] });
  }
  assertEquals([one.told, other.told], [["held a1"], []]);
  await replicas.pass(1);
  await replicas.pass(Math.floor(1500 / LEASE_INTERVAL_MS), { frozen: [one] });
  assertEquals(other.told, ["held b2"]);
});

Deno.test("LeaseHolder does not count the looks before a pause of its own, nor a pause of the server", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  const other = await replicas.start("b");
  await replicas.pass(LOOKS - 2, { frozen: [one] });
  assertEquals(other.told, []);
  other.clock.pass(100 * LEASE_INTERVAL_MS);
  await settle();
  assertEquals(other.told, [], "It was frozen itself");
  replicas.server.freeze();
  await replicas.pass(10);
  replicas.server.work();
  await settle();
  await replicas.pass(10);
  assertEquals([one.told, other.told], [["held a1"], []]);
});

Deno.test("LeaseWatch counts looks that a distant server answers, and begins again after one that waited alone", () => {
  const lease = { token: "a", renewals: 1 };
  const takes = (answers: readonly number[]) => {
    const watch = new LeaseWatch();
    let now = 0;
    return answers.map((answerMs) => {
      const askedAt = now += LEASE_INTERVAL_MS;
      return watch.look(lease, { askedAt, now: now += answerMs });
    }).indexOf(true);
  };
  for (const answerMs of [0, 400, 1000, 5000]) {
    assertEquals(takes(Array(10).fill(answerMs)), LOOKS - 1, `${answerMs} ms`);
  }
  assertEquals(takes([1, 1, 1, 5000, 1, 1, 1, 1, 1, 1, 1]), 3 + LOOKS - 1);
});

Deno.test("LeaseHolder keeps a token while the server fails, and counts no look without an answer", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  const other = await replicas.start("b");
  await replicas.pass(2);
  replicas.server.fail();
  await replicas.pass(20);
  assertEquals([one.holder.token, one.told, other.told], ["a1", ["held a1"], []]);
  replicas.server.work();
  await replicas.pass(20);
  assertEquals([one.told, other.told], [["held a1"], []]);
});

Deno.test("LeaseHolder loses the lease while only its own connection fails", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  const other = await replicas.start("b");
  await replicas.pass(2);
  one.log.faults.fail();
  await replicas.pass(LOOKS + 1);
  assertEquals(other.told, ["held b2"]);
  assertEquals(one.told, ["held a1"], "Only the server could tell it");
  one.log.faults.work();
  await replicas.pass(1);
  assertEquals(one.told, ["held a1", "lost"]);
});

Deno.test("LeaseHolder takes the lease anew after a restart of the server, and one that was emptied", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  await replicas.start("b");
  replicas.server.restart();
  await replicas.pass(1);
  assertEquals(one.told, ["held a1", "lost", "held a2"]);
  replicas.server.empty();
  await replicas.pass(1);
  assertEquals(one.told.slice(3), ["lost", "held a3"]);
});

Deno.test("release() gives the lease back, which another replica takes at its next look", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  const other = await replicas.start("b");
  await one.holder.release();
  assertEquals([one.holder.token, one.told], [undefined, ["held a1"]]);
  await replicas.pass(1, { frozen: [one] });
  assertEquals(other.told, ["held b2"]);
});

Deno.test("release() gives back a lease that is being taken", async () => {
  await using replicas = new Replicas();
  replicas.server.freeze();
  const one = await replicas.start("a");
  const released = one.holder.release();
  replicas.server.work();
  await released;
  assertEquals([one.told, replicas.server.model.readLease()], [[], undefined]);
});

Deno.test("release() settles while the server fails", async () => {
  await using replicas = new Replicas();
  const one = await replicas.start("a");
  replicas.server.fail();
  await one.holder.release();
  assertEquals(one.holder.token, undefined);
  assertEquals(one.clock.timers, 0);
});
