/** Tries many things on one gateway, over some connections at a time. */
import type { Attempt } from "./attempt.ts";
import { judge, type Verdict } from "./judge.ts";
import { RawConnection } from "./raw_connection.ts";
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
}

/** Longest wait for an answer that must come, in milliseconds: longer than any deadline of the gateway. */
const PATIENCE_MS = 30_000;

/** Wait for an answer that need not come. */
const GLANCE_MS = 100;

const MAX_FAULTS = 20;

/** An empty tally. */
export function createTally(): Tally {
  return { attempts: 0, outcomes: new Map(), ran: { publish: 0, call: 0 }, faults: [], faultCount: 0 };
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
      const attempt = await make(place);
      const fault = (what: string) => {
        tally.faultCount += 1;
        if (tally.faults.length < MAX_FAULTS) tally.faults.push(`Attempt ${place}, ${attempt.kind}: ${what}`);
      };
      tally.attempts += 1;
      try {
        kept = await perform(attempt, kept, { note, fault });
      } catch (error) {
        kept?.close();
        kept = undefined;
        fault(String(error));
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
        count(attempt, verdict, notes);
        isOpen = answer.isOpen;
        if (attempt.twice && verdict.ran !== undefined) await again(connection, attempt, answer.body, notes);
        if (at + 1 >= (attempt.answers ?? 1) || !isOpen) break;
        answer = await connection.read(PATIENCE_MS);
      }
      if (attempt.kept && isOpen) return connection;
      return attempt.kept ? undefined : kept;
    } finally {
      if (!attempt.kept || !isOpen) connection.close();
    }
  }

  function count(attempt: Attempt, { outcome, ran, fault }: Verdict, notes: Notes): void {
    notes.note(attempt, outcome);
    if (fault !== undefined) notes.fault(fault);
    if (ran !== undefined) tally.ran[ran] += 1;
    const isGood = ran !== undefined || outcome === "200 connected";
    if (attempt.mustFail && isGood) notes.fault("It ran");
    if (attempt.mustSucceed && !isGood && !/429|503/.test(outcome)) notes.fault(`It did not run: ${outcome}`);
  }

  async function again(connection: RawConnection, attempt: Attempt, first: string, { fault }: Notes): Promise<void> {
    await connection.send(attempt.bytes);
    const answer = await connection.read(PATIENCE_MS);
    // Too many of one address are turned away in plain text, also where nothing would run.
    if (answer?.body !== first && answer?.status !== 429) fault(`Repeat got another answer: ${answer?.status}`);
  }

  await Promise.all(Array.from({ length: connections }, work));
}

async function readFirst(connection: RawConnection, { answers, headOnly }: Attempt) {
  try {
    return await connection.read(answers === undefined ? GLANCE_MS : PATIENCE_MS, headOnly);
  } catch (error) {
    // Nothing, or whatever comes back to what is no HTTP/1.1, such as frames of HTTP/2.
    if (answers === undefined) return undefined;
    throw error;
  }
}
