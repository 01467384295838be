/**
 * Search of all orders of what replicas, their connections and the server may do, up to bounds, for one that breaks a
 * promise of the log. It takes any delay: a replica acts at any moment or never, and a command whose sender gave up on
 * it runs at any later moment. It needs no looks: any replica takes the lease whenever it likes. The model's server
 * does the same as the scripts, which a test of its own compares.
 */
import { createHash } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import type { LogEntry } from "../../../src/mqtt/replicas/event_log.ts";
import { LogModel, type ModelFaults } from "../../support/log_model.ts";

/** Most events of each kind in one order of events. */
interface Bounds {
  /** Times that a replica looks at the lease and tries to take it. */
  readonly takes: number;
  readonly appends: number;
  /** Commands whose senders give up on them. */
  readonly late: number;
  /** Restarts of the server, which lose what it has not synced. */
  readonly restarts: number;
  /** Times that the server is emptied. */
  readonly empties: number;
  readonly syncs: number;
}

type SeenLease = ReturnType<LogModel["readLease"]>;

/** Command in flight. */
type Command =
  | { readonly type: "take"; readonly token: string; readonly seen: SeenLease }
  | { readonly type: "append"; readonly token: string; readonly id: number };

/** State of everything. */
interface World {
  readonly server: LogModel;
  /** What the server has on its disk. */
  readonly synced: LogModel;
  /** Tokens of replicas that hold the lease, as far as they know. */
  readonly holders: readonly string[];
  readonly network: readonly Command[];
  /** Every entry that ever was in the log, which any reader may have seen, by epoch and sequence. */
  readonly observed: ReadonlyMap<string, ReadonlyMap<number, string>>;
  /** Sequences of acknowledged entries, by epoch. */
  readonly acknowledged: ReadonlyMap<string, readonly number[]>;
  /** Tokens that were replaced, or ended by a restart or by emptying. */
  readonly ended: ReadonlySet<string>;
  readonly left: Bounds;
  /** Number of tokens and entries made. */
  readonly made: { readonly tokens: number; readonly entries: number };
  readonly hasLost: boolean;
}

/** Broken promise, and the steps that lead to it. */
interface Violation {
  readonly promise: string;
  readonly steps: readonly string[];
}

function entryOf(id: number): LogEntry {
  const message = { topic: `${id}`, payload: new Uint8Array(), qos: 1, retain: false } as const;
  return { type: "message", message, receivedAt: 0 };
}

function begin(left: Bounds, faults: ModelFaults): World {
  const server = new LogModel(undefined, faults);
  server.readLease();
  return {
    server,
    synced: server.copy(),
    holders: [],
    network: [],
    observed: new Map(),
    acknowledged: new Map(),
    ended: new Set(),
    left,
    made: { tokens: 0, entries: 0 },
    hasLost: false,
  };
}

/** Runs a command on the server of a world, which is a copy already. */
function execute(world: World, command: Command): { readonly world: World; readonly reply: number | boolean | "lost" } {
  const { server } = world;
  const before = server.readLease()?.token;
  if (command.type === "take") {
    const reply = server.take(command.token, command.seen);
    return { world: reply && before !== undefined ? end(world, before) : world, reply };
  }
  try {
    return { world, reply: server.append(command.token, [entryOf(command.id)]) };
  } catch {
    return { world, reply: "lost" };
  }
}

const end = (world: World, token: string): World => ({ ...world, ended: new Set([...world.ended, token]) });

/** Adds what is in the log now to what was observed. @returns a broken promise, if there is one */
function observe(world: World): { readonly world: World; readonly broken: string | undefined } {
  const page = world.server.copy().read(0);
  const known = world.observed.get(page.epoch) ?? new Map<number, string>();
  const found = new Map(known);
  const highest = Math.max(0, ...known.keys());
  let broken: string | undefined;
  for (const { sequence, token, entry } of page.entries) {
    const text = `${token} ${entry.type === "message" ? entry.message.topic : entry.type}`;
    const before = known.get(sequence);
    if (before === undefined && sequence < highest) broken = `Entry ${sequence} appears behind a reader at ${highest}`;
    if (before !== undefined && before !== text) {
      broken = `Sequence ${sequence} is of "${before}" and "${text}"`;
    }
    if (before === undefined && world.ended.has(token)) broken = `Token ${token} appended after it was ended`;
    if (before === undefined) found.set(sequence, text);
  }
  const next = { ...world, observed: new Map([...world.observed, [page.epoch, found]]) };
  return { world: next, broken: broken ?? resumes(next) };
}

/** Checks that a reader at any position gets all acknowledged entries after it, or a gap behind each lost one. */
function resumes({ server, observed, acknowledged, hasLost }: World): string | undefined {
  const { epoch, last, first, entries } = server.copy().read(0);
  const present = new Set(entries.map(({ sequence }) => sequence));
  const lastGap = Math.max(0, ...entries.filter(({ entry }) => entry.type === "gap").map(({ sequence }) => sequence));
  const lost = (acknowledged.get(epoch) ?? []).filter((sequence) => !present.has(sequence));
  if (first !== 1) return "Something was deleted";
  if (lost.length > 0 && !hasLost) return `Entry ${lost[0]} was acknowledged and is gone`;
  if (lost.some((sequence) => sequence > lastGap)) return `Entry ${lost} is gone without a gap`;
  const ahead = Math.max(0, ...observed.get(epoch)?.keys() ?? []);
  if (ahead > last) return `A reader is at ${ahead}, but the log ends at ${last}`;
  return undefined;
}

/** Returns all worlds that one step leads to. */
function* steps(world: World): Generator<readonly [name: string, next: World]> {
  const { holders, left, network, made } = world;
  if (left.takes > 0) {
    const server = world.server.copy();
    const seen = server.readLease();
    const token = `t${made.tokens + 1}`;
    const spent = { left: { ...left, takes: left.takes - 1 }, made: { ...made, tokens: made.tokens + 1 } };
    const command: Command = { type: "take", token, seen };
    const { world: after } = execute({ ...world, ...spent, server }, command);
    yield [`take ${token}`, { ...after, holders: [...holders, token] }];
    if (left.late > 0) yield [`give up on take ${token}`, giveUp({ ...world, ...spent }, command)];
  }
  for (const token of left.appends > 0 ? holders : []) {
    const id = made.entries + 1;
    const spent = { left: { ...left, appends: left.appends - 1 }, made: { ...made, entries: id } };
    const command: Command = { type: "append", token, id };
    const { world: after, reply } = execute({ ...world, ...spent, server: world.server.copy() }, command);
    yield reply === "lost"
      ? [`append ${id} under ${token}: lost`, drop(after, token)]
      : [`append ${id} under ${token}`, acknowledge(after, Number(reply))];
    // Its sender takes another token before it appends again.
    if (left.late > 0) {
      yield [`give up on append ${id} under ${token}`, giveUp(drop({ ...world, ...spent }, token), command)];
    }
  }
  for (const [index, command] of network.entries()) {
    const { world: after } = execute({ ...world, server: world.server.copy() }, command);
    yield [`late ${command.type} ${command.token}`, { ...after, network: network.toSpliced(index, 1) }];
  }
  if (left.syncs > 0 && world.synced.text !== world.server.text) {
    yield ["sync", { ...world, synced: world.server.copy(), left: { ...left, syncs: left.syncs - 1 } }];
  }
  if (left.restarts > 0) {
    const server = world.server.copy();
    const token = server.readLease()?.token;
    server.now += 1;
    server.restart(world.synced);
    const next = { ...world, server, hasLost: true, left: { ...left, restarts: left.restarts - 1 } };
    yield ["restart", token === undefined ? next : end(next, token)];
  }
  if (left.empties > 0) {
    const server = world.server.copy();
    const token = server.readLease()?.token;
    server.empty();
    const next = {
      ...world,
      server,
      synced: server.copy(),
      hasLost: true,
      left: { ...left, empties: left.empties - 1 },
    };
    yield ["empty", token === undefined ? next : end(next, token)];
  }
}

const drop = (world: World, token: string): World => ({
  ...world,
  holders: world.holders.filter((held) => held !== token),
});

/** Leaves a command in flight, whose sender waits no longer. */
const giveUp = (world: World, command: Command): World => ({
  ...world,
  left: { ...world.left, late: world.left.late - 1 },
  network: [...world.network, command],
});

function acknowledge(world: World, sequence: number): World {
  const { epoch } = world.server.copy().read(0);
  const known = world.acknowledged.get(epoch) ?? [];
  return { ...world, acknowledged: new Map([...world.acknowledged, [epoch, [...known, sequence]]]) };
}

/** Hash that two worlds share if the same can follow in both. */
function hashOf({ server, synced, holders, network, observed, acknowledged, ended, left, hasLost }: World): string {
  const maps = [...observed].map(([epoch, entries]) => [epoch, [...entries]]);
  const parts = [
    server.text,
    server.now,
    synced.text,
    holders,
    network,
    maps,
    [...acknowledged],
    [...ended],
    left,
    hasLost,
  ];
  return createHash("md5").update(JSON.stringify(parts)).digest("base64");
}

/** Searches breadth-first, so that the steps to a violation are the fewest. */
function search(bounds: Bounds, faults: ModelFaults = {}): { readonly worlds: number; readonly violation?: Violation } {
  let frontier: { readonly world: World; readonly path: Path | undefined }[] = [
    { world: begin(bounds, faults), path: undefined },
  ];
  const visited = new Set<string>();
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { world, path } of frontier) {
      for (const [name, reached] of steps(world)) {
        const { world: observed, broken } = observe(reached);
        const steps = { name, before: path };
        if (broken !== undefined) {
          return { worlds: visited.size, violation: { promise: broken, steps: namesOf(steps) } };
        }
        const hash = hashOf(observed);
        if (visited.has(hash)) continue;
        visited.add(hash);
        next.push({ world: observed, path: steps });
      }
    }
    frontier = next;
  }
  return { worlds: visited.size };
}

interface Path {
  readonly name: string;
  readonly before: Path | undefined;
}

function namesOf(path: Path | undefined): string[] {
  return path === undefined ? [] : [...namesOf(path.before), path.name];
}

/** Several searches, as all faults together have too many orders. */
const BOUNDS = {
  "restarts that lose entries": { takes: 3, appends: 3, late: 1, restarts: 2, empties: 0, syncs: 1 },
  "late commands": { takes: 3, appends: 3, late: 3, restarts: 1, empties: 0, syncs: 0 },
  "a server that is emptied": { takes: 3, appends: 2, late: 1, restarts: 1, empties: 1, syncs: 1 },
} as const satisfies Record<string, Bounds>;

for (const [name, bounds] of Object.entries(BOUNDS)) {
  Deno.test(`no order of events with ${name} breaks a promise of the log`, () => {
    const { worlds, violation } = search(bounds);
    assertEquals(violation, undefined);
    assert(worlds > 5_000, `Only ${worlds} states were reached`);
  });
}

for (
  const [rule, faults] of [
    ["a missing look at the token", { ignoresToken: true }],
    ["a missing jump after a restart", { neverJumps: true }],
    ["the same jump after each restart", { jumpsAlike: true }],
    ["a lease that survives a restart", { keepsLease: true }],
  ] as const
) {
  Deno.test(`the search finds ${rule}`, () => {
    const { violation } = search(BOUNDS["restarts that lose entries"], faults);
    assert(violation !== undefined);
  });
}
