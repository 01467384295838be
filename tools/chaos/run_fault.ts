/** Runs one fault: environment, load, injection, recovery, and the check of all invariants. */
import { errorText } from "../../src/lib/errors.ts";
import { until } from "../../tests/support/deadline.ts";
import { type ChaosEnvironment, startChaosEnvironment } from "./environment.ts";
import type { Fault } from "./fault.ts";
import { violatedInvariants } from "./invariants.ts";
import { type Load, startLoad } from "./load.ts";
import { Monitor } from "./monitor.ts";

/** Value for messages, and for commands to Jeedom. */
export interface PerKind<T> {
  readonly messages: T;
  readonly commands: T;
}

/** Result of a fault. */
export interface FaultResult {
  /** Name of the fault. */
  readonly name: string;
  /** One-line description of the fault. */
  readonly title: string;
  /** Number of requests sent. */
  readonly sent: PerKind<number>;
  /** Failures by their codes. */
  readonly failures: PerKind<ReadonlyMap<string, number>>;
  /** Events of each listener, by type. */
  readonly events: readonly ReadonlyMap<string, number>[];
  /** True if the gateway reported that it was not ready. */
  readonly wasUnready: boolean;
  /**
   * Milliseconds from the end of the fault to the first success, to a success of every client, and to the delivery of a
   * new message on every stream.
   */
  readonly recoveryMs: { readonly first: number; readonly all: number; readonly streams: number };
  /** Requests that were acknowledged and never executed. */
  readonly lost: PerKind<number>;
  /** Requests that were executed more than once. */
  readonly duplicates: PerKind<number>;
  /** Requests that failed for their senders, but were executed. */
  readonly failedButExecuted: PerKind<number>;
  /** Violated invariants; empty if all hold. */
  readonly violations: readonly string[];
}

/** Amount of load around a fault. */
interface Size {
  /** Concurrent requests of each client, of each kind. */
  readonly each: number;
  /** Requests of each kind that must succeed before the fault. */
  readonly before: number;
  /** Requests of each kind that must succeed without a failure after the recovery. */
  readonly after: number;
}

const FULL: Size = { each: 3, before: 100, after: 150 };
const SHORT: Size = { each: 1, before: 10, after: 20 };

/** Longest recovery, in milliseconds: a listener may wait half a minute between two attempts. */
const RECOVERY_MS = 45_000;

/** Options of a run. */
export interface RunFaultOptions {
  /** True for the short form, which takes a few seconds. */
  readonly isShort: boolean;
  /** Receives everything that is started; the caller disposes of it. */
  readonly scope: AsyncDisposableStack;
}

/** Runs a fault. Violations are in the result; only a failure of the harness itself throws. */
export async function runFault(fault: Fault, { isShort, scope }: RunFaultOptions): Promise<FaultResult> {
  const size = isShort ? SHORT : FULL;
  const violations: string[] = [];
  const fail = (violation: string) => void violations.push(violation);
  let isStuck = false;
  /** Records a timeout as a violation; after it, further expectations are skipped. */
  const expect = async (expectation: () => Promise<void>) => {
    if (isStuck) return;
    try {
      await expectation();
    } catch (error) {
      isStuck = true;
      fail(errorText(error));
    }
  };

  const environment = await startChaosEnvironment(scope, fault.environment ?? {});
  const { messages, commands } = environment;
  const trackers = [messages, commands];
  const load = await startLoad(scope, environment, size);
  const monitor = new Monitor(environment, load);
  scope.defer(() => monitor.stop());
  const acknowledged = (since?: number) => Math.min(...trackers.map((tracker) => tracker.acknowledgedSince(since)));

  await until("the load runs", () => acknowledged() >= size.before);
  await until("the gateway is ready", () => monitor.isReady);
  monitor.reset();
  const endFault = await fault.inject({ environment, load, isShort, fail });
  if (fault.isUnready) await expect(() => until("the gateway reports that it is not ready", () => monitor.wasUnready));
  await endFault();
  const endedAt = performance.now();

  const firstSuccesses = () => trackers.map((tracker) => tracker.firstAcknowledged(endedAt));
  const haveAllRecovered = () => firstSuccesses().every((first) => load.senders.every((sender) => first.has(sender)));
  await expect(() => until("requests of every client succeed again", haveAllRecovered, RECOVERY_MS));
  const successes = firstSuccesses().flatMap((first) => [...first.values()]);
  const deliveries = () => firstDeliveries(environment, load, endedAt);
  await expect(() => until("every stream delivers again", () => deliveries().every(isFinite), RECOVERY_MS));
  const firstOfStreams = deliveries();
  await expect(() => until("the gateway reports that it is ready again", () => monitor.isReady));

  const recoveredAt = performance.now();
  await expect(() => until("further requests succeed", () => acknowledged(recoveredAt) >= size.after));
  // The short form runs beside other tests, where a busy machine alone causes timeouts.
  for (const tracker of isShort ? [] : trackers) {
    for (const [code, count] of tracker.failures(recoveredAt)) fail(`Failed after the recovery: ${count} ${code}`);
  }
  await load.stop();
  await monitor.stop();
  await expect(() => load.flush());
  // Counted before the replay, which executes requests that never reached the gateway.
  const failedButExecuted = {
    messages: messages.failedButExecuted.length,
    commands: commands.failedButExecuted.length,
  };
  await load.replayer.replayAll();
  await expect(() => load.flush());

  return {
    name: fault.name,
    title: fault.title,
    sent: { messages: messages.requests.size, commands: commands.requests.size },
    failures: { messages: messages.failures(), commands: commands.failures() },
    events: load.listeners.map(({ events }) => events),
    wasUnready: monitor.wasUnready,
    recoveryMs: {
      first: Math.min(...successes) - endedAt,
      all: Math.max(...successes) - endedAt,
      streams: Math.max(...firstOfStreams) - endedAt,
    },
    lost: { messages: messages.lost.length, commands: commands.lost.length },
    duplicates: { messages: messages.duplicates.length, commands: commands.duplicates.length },
    failedButExecuted,
    violations: [...violations, ...violatedInvariants(environment, load)],
  };
}

/** Returns when each listener received its first message sent at or after a time; infinite without one. */
function firstDeliveries({ messages }: ChaosEnvironment, { listeners }: Load, since: number): number[] {
  const fresh = [...messages.requests].filter(([, { sentAt }]) => sentAt >= since).map(([number]) => number);
  return listeners.map((record) => Math.min(...fresh.map((number) => record.receivedAt(number) ?? Infinity)));
}
