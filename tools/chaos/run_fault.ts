/** One fault from beginning to end: a house, load, the fault, the way back to normal, and what must hold all the while. */
import { errorText } from "../../src/lib/errors.ts";
import { until } from "../../tests/support/deadline.ts";
import { brokenRules } from "./invariants.ts";
import type { Fault } from "./fault.ts";
import { openEnvironment, type TestEnvironment } from "./environment.ts";
import { type Load, startLoad } from "./load.ts";
import { Watch } from "./monitor.ts";

/** A number for messages, and one for commands to Jeedom. */
export interface Both<T> {
  readonly messages: T;
  readonly commands: T;
}

/** What clients saw, and whether what must hold did. */
export interface FaultResult {
  /** Name of the fault. */
  readonly name: string;
  /** What happened, in words. */
  readonly title: string;
  /** How many were sent. */
  readonly sent: Both<number>;
  /** Failures by their codes, until all was right again. */
  readonly failures: Both<ReadonlyMap<string, number>>;
  /** Events of each listener, by kind. */
  readonly events: readonly ReadonlyMap<string, number>[];
  /** Whether the gateway said that it was not ready. */
  readonly wasUnready: boolean;
  /**
   * How long it took after the fault was over, in milliseconds: to the first good answer, until each phone had one, and
   * until each stream delivered what was sent since.
   */
  readonly againMs: { readonly first: number; readonly all: number; readonly streams: number };
  /** How many were acknowledged and never arrived. */
  readonly lost: Both<number>;
  /** How many arrived more than once. */
  readonly twice: Both<number>;
  /** How many were told as failed and arrived all the same. */
  readonly untold: Both<number>;
  /** The rules that were broken, in words; none if all is well. */
  readonly broken: readonly string[];
}

/** How much runs around a fault. */
interface Size {
  /** Things that each phone sends at a time, of each kind. */
  readonly each: number;
  /** Things of each kind that must be acknowledged before the fault. */
  readonly before: number;
  /** Things of each kind that must be acknowledged, and none fail, once everything is right again. */
  readonly after: number;
}

const FULL: Size = { each: 3, before: 100, after: 150 };
const SHORT: Size = { each: 1, before: 10, after: 20 };

/** Longest way back to normal, in milliseconds: a listener may wait half a minute between two tries. */
const RECOVERY_MS = 45_000;

/** How a fault is run. */
export interface RunFaultOptions {
  /** Whether there is time for a few seconds only. */
  readonly isShort: boolean;
  /** Takes all that is started; whoever made it ends it. */
  readonly opened: AsyncDisposableStack;
}

/** Runs a fault. What breaks a rule is in the result; only a harness that is broken itself throws. */
export async function runFault(fault: Fault, { isShort, opened }: RunFaultOptions): Promise<FaultResult> {
  const size = isShort ? SHORT : FULL;
  const broken: string[] = [];
  const complain = (what: string) => void broken.push(what);
  let isStuck = false;
  /** What does not happen in time is one more broken rule, and nothing is waited for after it. */
  const expect = async (happening: () => Promise<void>) => {
    if (isStuck) return;
    try {
      await happening();
    } catch (error) {
      isStuck = true;
      complain(errorText(error));
    }
  };

  const house = await openEnvironment(opened, fault.house ?? {});
  const { messages, commands } = house;
  const ledgers = [messages, commands];
  const load = await startLoad(opened, house, size);
  const watch = new Watch(house, load);
  opened.defer(() => watch.end());
  const acknowledged = (since?: number) => Math.min(...ledgers.map((ledger) => ledger.acknowledgedSince(since)));

  await until("the load runs", () => acknowledged() >= size.before);
  await until("the gateway is ready", () => watch.isReady);
  watch.forget();
  const mend = await fault.break({ house, load, isShort, complain });
  if (fault.isUnready) await expect(() => until("the gateway says that it is not ready", () => watch.wasUnready));
  await mend();
  const mendedAt = performance.now();

  const firsts = () => ledgers.map((ledger) => ledger.firstAcknowledged(mendedAt));
  const isEachBack = () => firsts().every((first) => load.senders.every((who) => first.has(who)));
  await expect(() => until("every phone is acknowledged again", isEachBack, RECOVERY_MS));
  const answers = firsts().flatMap((first) => [...first.values()]);
  const streams = () => arrivals(house, load, mendedAt);
  await expect(() => until("every stream delivers again", () => streams().every(isFinite), RECOVERY_MS));
  const deliveries = streams();
  await expect(() => until("the gateway says that it is ready again", () => watch.isReady));

  const steadyAt = performance.now();
  await expect(() => until("all goes on", () => acknowledged(steadyAt) >= size.after));
  // In the short form beside other tests, a busy machine alone lets a second pass.
  for (const ledger of isShort ? [] : ledgers) {
    for (const [code, count] of ledger.failures(steadyAt)) complain(`Not right again: ${count} more failed: ${code}`);
  }
  await load.stop();
  await watch.end();
  await expect(() => load.flush());
  // The repeats that follow run what never reached the gateway before.
  const untold = { messages: messages.untold.length, commands: commands.untold.length };
  await load.recorder.repeatAll();
  await expect(() => load.flush());

  return {
    name: fault.name,
    title: fault.title,
    sent: { messages: messages.entries.size, commands: commands.entries.size },
    failures: { messages: messages.failures(), commands: commands.failures() },
    events: load.listeners.map(({ events }) => events),
    wasUnready: watch.wasUnready,
    againMs: {
      first: Math.min(...answers) - mendedAt,
      all: Math.max(...answers) - mendedAt,
      streams: Math.max(...deliveries) - mendedAt,
    },
    lost: { messages: messages.lost.length, commands: commands.lost.length },
    twice: { messages: messages.twice.length, commands: commands.twice.length },
    untold,
    broken: [...broken, ...brokenRules(house, load)],
  };
}

/** When each listener had the first message that was sent after a moment; infinite where it had none yet. */
function arrivals({ messages }: TestEnvironment, { listeners }: Load, since: number): number[] {
  const fresh = [...messages.entries].filter(([, { sentAt }]) => sentAt >= since).map(([number]) => number);
  return listeners.map((record) => Math.min(...fresh.map((number) => record.arrival(number) ?? Infinity)));
}
