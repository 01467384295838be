/**
 * Polls that overlap, so that nothing is lost between two of them, and what came twice then.
 *
 * @module
 */
import type { JeedomEvent } from "./jeedom_events.ts";

/** How far each poll goes back, in seconds: Jeedom writes some events a little after their time. */
const OVERLAP_SECONDS = 2;

/** Where the polls are, and what they brought lately. */
export class Overlap {
  readonly #begin: number;
  #from: number;
  /** What was handed over and may come again: when it happened, by what it is. */
  #seen: ReadonlyMap<string, number> = new Map();

  /** Begins after a time of Jeedom's, in seconds. */
  constructor(begin: number) {
    this.#begin = begin;
    this.#from = begin;
  }

  /** After which time to ask, in seconds. */
  get from(): number {
    return this.#from;
  }

  /**
   * Takes what a poll brought, and moves on.
   *
   * @param datetime where Jeedom says to go on, in seconds
   * @returns what is new, in its order
   */
  advance(
    { datetime, events }: { readonly datetime: number; readonly events: readonly JeedomEvent[] },
  ): readonly JeedomEvent[] {
    const seen = new Map(this.#seen);
    const news = events.filter(({ datetime: at, name, option }) => {
      const what = identity({ datetime: at, name, option });
      // Jeedom may bring the event at the beginning itself again.
      if (at <= this.#begin || seen.has(what)) return false;
      seen.set(what, at);
      return true;
    });
    // Jeedom tells the time of its last event, and that may be long ago: never further back.
    this.#from = Math.max(this.#from, datetime - OVERLAP_SECONDS);
    this.#seen = new Map([...seen].filter(([, at]) => at >= this.#from));
    return news;
  }
}

/** What tells an event from all others. */
function identity({ datetime, name, option }: JeedomEvent): string {
  try {
    return JSON.stringify([datetime, name, option]);
  } catch {
    // Nested so deeply that it cannot be written: its time and its name must do.
    return JSON.stringify([datetime, name]);
  }
}
