/** Runs three replicas under load and faults, and checks that nothing acknowledged is lost and nothing runs twice. */
import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../../../src/lib/errors.ts";
import { SeededRandom } from "../../fuzz/seeded_random.ts";
import { type ReplicasEnvironment, startReplicas } from "./environment.ts";
import { REPLICA_FAULTS, type ReplicaFault } from "./faults.ts";
import { type Phones, startPhones } from "./phones.ts";

/** Options of a run. */
export interface ReplicasRunOptions {
  /** Number of phones. */
  readonly phones: number;
  /** Duration of the faults, in seconds. */
  readonly seconds: number;
  /** Seed of the order of the faults. */
  readonly seed: number;
  /** Receives everything that is started; the caller disposes of it. */
  readonly scope: AsyncDisposableStack;
  /** Called after each fault with a line for people. */
  readonly onProgress: (line: string) => void;
}

/** Fault that was injected, and how long streams were not whole. */
export interface InjectedFault {
  readonly name: string;
  /** Milliseconds from its beginning until each stream had a message that was sent later; infinite without one. */
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

/** Interval of the faults, in milliseconds. */
const INTERVAL_MS = 10_000;

/** Number of phones with one key. */
const PHONES_PER_KEY = 10;

/** Most examples in a violation. */
const MAX_EXAMPLES = 5;

/** Runs it. Violations are in the result; only a failure of the harness itself throws. */
export async function runReplicas(
  { phones: count, seconds, seed, scope, onProgress }: ReplicasRunOptions,
): Promise<ReplicasResult> {
  const random = new SeededRandom(seed);
  const environment = await startReplicas(scope, { groups: Math.max(1, Math.round(count / PHONES_PER_KEY)) });
  const phones = await startPhones(scope, environment, { count });
  const injected: InjectedFault[] = [];
  const violations: string[] = [];
  const end = performance.now() + seconds * 1000;
  let order: ReplicaFault[] = [];
  while (performance.now() < end) {
    if (order.length === 0) order = shuffled(REPLICA_FAULTS, random);
    const fault = order.pop();
    if (fault === undefined) break;
    const next = performance.now() + INTERVAL_MS;
    let beganAt = performance.now();
    await fault.run({ environment, pick: (items) => random.pick(items) }, () => void (beganAt = performance.now()));
    await pause(Math.max(0, next - performance.now()));
    const wholeAfterMs = wholeAfter(environment, phones, beganAt);
    injected.push({ name: fault.name, wholeAfterMs });
    onProgress(`${fault.name.padEnd(28)} streams whole after ${wholeAfterText(wholeAfterMs)} s`);
  }
  await phones.stop();
  try {
    await phones.flush();
  } catch (error) {
    violations.push(errorText(error));
  }
  const { messages, commands } = environment;
  const all = [...phones.streams.values()].flat();
  return {
    faults: injected,
    sent: { messages: messages.requests.size, commands: commands.requests.size },
    acknowledged: { messages: messages.acknowledgedSince(), commands: commands.acknowledgedSince() },
    events: sumOf(all.map(({ events }) => events)),
    violations: [...violations, ...violatedInvariants(environment, phones)],
  };
}

/** Returns a time as text, in seconds. */
export function wholeAfterText(ms: number): string {
  return isFinite(ms) ? (ms / 1000).toFixed(1) : `more than ${INTERVAL_MS / 1000}`;
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

function violatedInvariants({ messages, commands, replicas }: ReplicasEnvironment, phones: Phones): string[] {
  const violations: string[] = [];
  const check = (name: string, numbers: readonly string[]) => {
    if (numbers.length > 0) {
      violations.push(`${name}: ${numbers.length}, such as ${numbers.slice(0, MAX_EXAMPLES).join(", ")}`);
    }
  };
  for (const [kind, tracker] of Object.entries({ messages, commands })) {
    check(`Acknowledged ${kind} that were lost`, tracker.lost);
    check(`${kind} that were executed twice`, tracker.duplicates);
    check(`${kind} that were never sent`, [...tracker.unknown]);
  }
  for (const [topic, records] of phones.streams) {
    const delivered = phones.delivered.get(topic) ?? [];
    for (const record of records) {
      check(`Missing without a gap at ${record.name}`, record.missing(delivered));
      check(`More often than published at ${record.name}`, record.surplus(delivered));
      check(`Out of order at ${record.name}`, record.disordered(delivered));
    }
  }
  return [...violations, ...phones.errors, ...replicas.flatMap(({ faults }) => faults)];
}

function sumOf(counts: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  for (const [type, count] of counts.flatMap((one) => [...one])) sum.set(type, (sum.get(type) ?? 0) + count);
  return sum;
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) order.push(...rest.splice(random.below(rest.length), 1));
  return order;
}
