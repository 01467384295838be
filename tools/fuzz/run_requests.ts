/** Tries many things on one gateway, over some connections at a time. */
import type { Attempt } from "./fuzz_request.ts";
import { judge, type Verdict } from "./check_answer.ts";
import { type RawAnswer, RawConnection } from "./raw_connection.ts";
import type { Target } from "./target.ts";

/** What came of it all. */
export interface Tally {
  /** How many attempts were made. */
  attempts: number;
  /** How many came out how, by kind. */
  readonly outcomes: Map<string, Map<string, number>>;
  /** What ran, by the word of the answers. */
  readonly ran: { publish: number; call: number };
  /** What was wrong, in words, the first ones. */
  readonly faults: string[];
  /** How many faults there were. */
  faultCount: number;
  /** The same by the kind of attempt. */
  readonly faultsByKind: Map<string, number>;
}

/** What a campaign takes. */
export interface CampaignOptions {
  /** The ports of the gateway. */
  readonly ports: Target["ports"];
  /** Makes the attempt of a place. */
  readonly make: (place: number) => Promise<Attempt>;
  /** The places to try: from the first up to but not including the last. */
  readonly places: { readonly from: number; readonly to: number };
  /** How many connections to use at a time. */
  readonly connections: number;
}

/** Where what came of an attempt is written down. */
interface Notes {
  readonly note: (attempt: Attempt, outcome: string) => void;
  readonly fault: (what: string) => void;
  readonly next: (attempts: Attempt[]) => void;
}

/** Longest wait for an answer that must come, in milliseconds: longer than any deadline of the gateway. */
const PATIENCE_MS = 30_000;

/** Wait for an answer that need not come. */
const GLANCE_MS = 100;

const MAX_FAULTS = 20;

/** An empty tally. */
export function createTally(): Tally {
  return {
    attempts: 0,
    outcomes: new Map(),
    ran: { publish: 0, call: 0 },
    faults: [],
    faultCount: 0,
    faultsByKind: new Map(),
  };
}

/** Makes all attempts, and adds what came of them to a tally. */
export async function runCampaign({ ports, make, places, connections }: CampaignOptions, tally: Tally): Promise<void> {
  let next = places.from;

  function note(attempt: Attempt, outcome: string): void {
    const outcomes = tally.outcomes.get(attempt.kind) ?? new Map<string, number>();
    tally.outcomes.set(attempt.kind, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }

  async function work(): Promise<void> {
    let kept: RawConnection | undefined;
    while (next < places.to) {
      const place = next++;
      tally.attempts += 1;
      // What follows from an answer is appended while the list is gone through.
      const attempts = [await make(place)];
      for (const attempt of attempts) {
        const fault = (what: string) => {
          tally.faultCount += 1;
          tally.faultsByKind.set(attempt.kind, (tally.faultsByKind.get(attempt.kind) ?? 0) + 1);
          if (tally.faults.length < MAX_FAULTS) tally.faults.push(`Attempt ${place}, ${attempt.kind}: ${what}`);
        };
        try {
          kept = await perform(attempt, kept, { note, fault, next: (more) => void attempts.push(...more) });
        } catch (error) {
          kept?.close();
          kept = undefined;
          fault(String(error));
        }
      }
    }
    kept?.close();
  }

  /** Makes one attempt, and returns the connection that can be used for the next. */
  async function perform(
    attempt: Attempt,
    kept: RawConnection | undefined,
    notes: Notes,
  ): Promise<RawConnection | undefined> {
    const port = ports[attempt.port];
    let connection = attempt.kept ? kept ?? await RawConnection.open(port) : await RawConnection.open(port);
    let isOpen = false;
    try {
      await connection.send(attempt.bytes);
      if (attempt.hangUp) {
        notes.note(attempt, "hung up");
        return kept;
      }
      let answer = await readFirst(connection, attempt);
      if (answer === undefined && attempt.kept && connection === kept) {
        // The gateway had hung up before: the same bytes may go again.
        connection = await RawConnection.open(port);
        await connection.send(attempt.bytes);
        answer = await readFirst(connection, attempt);
      }
      for (let at = 0;; at++) {
        if (answer === undefined) {
          notes.note(attempt, "no answer");
          if (at < (attempt.answers ?? 0)) notes.fault(`${at} answers of ${attempt.answers}`);
          break;
        }
        const verdict = await judge(answer, { port: attempt.port, exchange: attempt.exchanges?.[at] });
        count(attempt, answer, verdict, notes);
        isOpen = answer.isOpen;
        if (attempt.next !== undefined && isGood(verdict)) notes.next(await attempt.next(answer));
        if (at + 1 >= (attempt.answers ?? 1) || !isOpen) break;
        answer = await connection.read(PATIENCE_MS);
      }
      if (attempt.kept && isOpen) return connection;
      return attempt.kept ? undefined : kept;
    } finally {
      if (!attempt.kept || !isOpen) connection.close();
    }
  }

  function count(attempt: Attempt, answer: RawAnswer, verdict: Verdict, { note, fault }: Notes): void {
    const { outcome, ran, text = "" } = verdict;
    note(attempt, outcome);
    if (verdict.fault !== undefined) fault(verdict.fault);
    // Too many requests are turned away, whatever they are.
    const isTurnedAway = /429|503/.test(outcome);
    if (attempt.mustRepeat !== undefined) {
      if (answer.body !== attempt.mustRepeat && !isTurnedAway) fault(`Repeat got another answer: ${outcome}`);
      return;
    }
    if (ran !== undefined) tally.ran[ran] += 1;
    const { mustHaveStatus = answer.status } = attempt;
    if (answer.status !== mustHaveStatus) fault(`Status ${answer.status}, not ${mustHaveStatus}`);
    if (attempt.mustFail && isGood(verdict)) fault("It ran");
    if (isTurnedAway) return;
    if (attempt.mustSucceed && !isGood(verdict)) fault(`It did not run: ${outcome} ${text.slice(0, 200)}`);
    if (attempt.mustRefuse && verdict.isRefusal !== true) fault(`Not refused: ${outcome} ${text.slice(0, 200)}`);
    if (attempt.mustSay !== undefined && !text.includes(attempt.mustSay)) {
      fault(`Not refused with "${attempt.mustSay}": ${outcome} ${text.slice(0, 200)}`);
    }
  }

  await Promise.all(Array.from({ length: connections }, work));
}

/** Tells whether something ran. */
function isGood({ ran, outcome }: Verdict): boolean {
  return ran !== undefined || outcome === "200 connected";
}

async function readFirst(connection: RawConnection, { answers, ...expected }: Attempt) {
  try {
    return await connection.read(answers === undefined ? GLANCE_MS : PATIENCE_MS, expected);
  } catch (error) {
    // Nothing, or whatever comes back to what is no HTTP/1.1, such as frames of HTTP/2.
    if (answers === undefined) return undefined;
    throw error;
  }
}
