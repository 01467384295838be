/** Runs three replicas under load and faults, and checks that nothing acknowledged is lost and nothing runs twice. */
import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../../../src/lib/errors.ts";
import type { SeededRandom } from "../../fuzz/seeded_random.ts";
import { requestViolations, streamViolations, violations } from "../invariants.ts";
import { type ReplicasEnvironment, startReplicas } from "./environment.ts";
import type { ReplicaFault } from "./faults.ts";
import { type Phones, startPhones } from "./phones.ts";

/** Options of a run. */
export interface ReplicasRunOptions {
  /** Number of phones. */
  readonly phones: number;
  /** Faults to inject, one after the other. */
  readonly faults: Iterable<ReplicaFault>;
  /** Time from the beginning of a fault to the next one, in milliseconds. */
  readonly intervalMs: number;
  /** Source of random choices. */
  readonly random: SeededRandom;
  /** Receives everything that is started; the caller disposes of it. */
  readonly scope: AsyncDisposableStack;
  /** Called after each fault. */
  readonly onProgress: (fault: InjectedFault) => void;
}

/** Fault that was injected, and how long streams were not whole. */
export interface InjectedFault {
  readonly name: string;
  /** Milliseconds from its beginning to its end: until a process that was killed has started again. */
  readonly lastedMs: number;
  /** Milliseconds from its beginning until each stream had a message that was sent later; infinite if one had none yet. */
  readonly wholeAfterMs: number;
}

/** Result of a run. */
export interface ReplicasResult {
  readonly faults: readonly InjectedFault[];
  readonly sent: { readonly messages: number; readonly commands: number };
  readonly acknowledged: { readonly messages: number; readonly commands: number };
  /** Events of all streams by type, apart from messages. */
  readonly events: ReadonlyMap<string, number>;
  /** Violated invariants; empty if all hold. */
  readonly violations: readonly string[];
}

/** Number of phones with one key. */
const PHONES_PER_KEY = 10;

/** Runs it. Violations are in the result; only a failure of the harness itself throws. */
export async function runReplicas(
  { phones: count, faults, intervalMs, random, scope, onProgress }: ReplicasRunOptions,
): Promise<ReplicasResult> {
  const environment = await startReplicas(scope, { groups: Math.max(1, Math.round(count / PHONES_PER_KEY)) });
  const phones = await startPhones(scope, environment, { count });
  const injected: InjectedFault[] = [];
  const unfinished: string[] = [];
  for (const fault of faults) {
    const next = performance.now() + intervalMs;
    let beganAt = performance.now();
    await fault.run({ environment, pick: (items) => random.pick(items) }, () => void (beganAt = performance.now()));
    const lastedMs = performance.now() - beganAt;
    await pause(Math.max(0, next - performance.now()));
    const wholeAfterMs = wholeAfter(environment, phones, beganAt);
    injected.push({ name: fault.name, lastedMs, wholeAfterMs });
    onProgress({ name: fault.name, lastedMs, wholeAfterMs });
  }
  await phones.stop();
  try {
    await phones.flush();
  } catch (error) {
    unfinished.push(errorText(error));
  }
  const { messages, commands } = environment;
  const all = [...phones.streams.values()].flat();
  return {
    faults: injected,
    sent: { messages: messages.requests.size, commands: commands.requests.size },
    acknowledged: { messages: messages.acknowledgedSince(), commands: commands.acknowledgedSince() },
    events: sumOf(all.map(({ events }) => events)),
    violations: [...unfinished, ...violatedInvariants(environment, phones)],
  };
}

/** Returns the time after a fault at which the last stream had a message that was sent after its beginning. */
function wholeAfter({ messages }: ReplicasEnvironment, { streams, delivered }: Phones, beganAt: number): number {
  let last = 0;
  for (const [topic, records] of streams) {
    const fresh = (delivered.get(topic) ?? []).filter((number) =>
      (messages.requests.get(number)?.sentAt ?? -Infinity) >= beganAt
    );
    for (const record of records) {
      const first = Math.min(...fresh.map((number) => record.receivedAt(number) ?? Infinity));
      last = Math.max(last, first - beganAt);
    }
  }
  return last;
}

function violatedInvariants(environment: ReplicasEnvironment, { streams, delivered, errors }: Phones): string[] {
  const ofStreams = [...streams].flatMap(([topic, records]) => {
    const numbers = delivered.get(topic) ?? [];
    return records.flatMap((record) => [
      ...streamViolations(record, numbers),
      ...violations(`for ${record.name}`, { "Out of order": record.disordered(numbers) }),
    ]);
  });
  return [
    ...requestViolations(environment),
    ...ofStreams,
    ...errors,
    ...environment.replicas.flatMap(({ faults }) => faults),
  ];
}

function sumOf(counts: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  for (const [type, count] of counts.flatMap((one) => [...one])) sum.set(type, (sum.get(type) ?? 0) + count);
  return sum;
}
