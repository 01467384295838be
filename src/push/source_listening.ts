/**
 * One key that listens to one source, for as long as its rules select something there.
 *
 * @module
 */
import { Backoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import type { Scope } from "../keys/rights.ts";
import type { Log } from "../observability/log.ts";
import type { AlertSource } from "./alert_source.ts";
import type { RuleEvent } from "./rules/rule_event.ts";

/** Parts of a listening. */
export interface SourceListeningOptions {
  /** The source. */
  readonly source: AlertSource;
  /** Name of the key. */
  readonly owner: string;
  /** Called with each event, once. */
  readonly onEvent: (event: RuleEvent) => void;
  /** Clock of the waits. */
  readonly clock: Pick<Clock, "after">;
  /** Random number from 0 up to but not including 1, for the waits. */
  readonly random: () => number;
  /** Logger for a source that ends. */
  readonly log: Pick<Log, "info" | "warn">;
}

/** Selection, and the rights that it was granted by. */
interface Wanted {
  readonly select: readonly string[];
  readonly scope: Scope;
}

/** Listener that is connected, or about to be. */
interface Connection {
  readonly select: readonly string[];
  stop: () => void;
  isReady: boolean;
}

/** Listens to a source, again after it has ended. */
export class SourceListening {
  readonly #options: SourceListeningOptions;
  readonly #backoff: Backoff;
  #wanted: Wanted | undefined;
  #current: Connection | undefined;
  /** Connection with the selection before, which passes events until the current one does. */
  #previous: Connection | undefined;
  /** Subjects whose events the previous connection passed meanwhile: they are part of the backlog of the current one. */
  #passed = new Set<string>();
  #stopRetry = () => {};
  #isFailing = false;

  /** Makes it without a selection. */
  constructor(options: SourceListeningOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  /**
   * Selects what is listened to; nothing for an empty selection. No event in between is missed, unless the rights have
   * changed and may not grant all of the selection before: then nothing is passed on until the new one is ready.
   *
   * @param select what the rights grant, if only in part
   */
  select(select: readonly string[], scope: Scope): void {
    const before = this.#wanted;
    if (select.length === 0) return this.stop();
    if (before?.scope === scope && isSame(before.select, select)) return;
    if (before?.scope !== scope && (this.#options.source.grantsInPart || !this.#isWithin(select))) this.stop();
    this.#wanted = { select, scope };
    // A retry that waits will take the new selection.
    if (this.#current !== undefined || before === undefined || before.scope !== scope) this.#listen();
  }

  /** Stops listening. */
  stop(): void {
    this.#wanted = undefined;
    this.#stopRetry();
    this.#end(this.#current);
    this.#end(this.#previous);
    this.#current = undefined;
    this.#previous = undefined;
    this.#isFailing = false;
    this.#backoff.reset();
  }

  /** Returns whether it listens, and all that it listens to is in a selection. */
  #isWithin(select: readonly string[]): boolean {
    if (this.#current === undefined) return false;
    return [this.#current, this.#previous].every((one) => one?.select.every((text) => select.includes(text)) ?? true);
  }

  #listen(): void {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const { source, owner } = this.#options;
    const connection: Connection = { select: wanted.select, stop: () => {}, isReady: false };
    // Of a chain of selections, the one that passes events stays.
    if (this.#current?.isReady) {
      this.#end(this.#previous);
      this.#previous = this.#current;
      this.#passed.clear();
    } else this.#end(this.#current);
    this.#current = connection;
    try {
      connection.stop = source.listen(wanted.select, {
        owner,
        scope: wanted.scope,
        onReady: () => this.#ready(connection),
        onEvent: (event, isBacklog) => this.#pass(connection, event, isBacklog),
        onEnded: (reason) => this.#ended(connection, reason),
      });
    } catch (error) {
      this.#ended(connection, errorText(error));
    }
  }

  #ready(connection: Connection): void {
    connection.isReady = true;
    if (connection !== this.#current) return;
    this.#end(this.#previous);
    this.#previous = undefined;
    // After the backlog.
    queueMicrotask(() => this.#passed.clear());
    if (this.#isFailing) this.#options.log.info("Alerts of {key} receive events of {source} again", this.#labels);
    this.#isFailing = false;
    this.#backoff.reset();
  }

  #pass(connection: Connection, event: RuleEvent, isBacklog: boolean): void {
    if (connection === this.#previous) this.#passed.add(event.subject);
    else if (connection !== this.#current || !connection.isReady || (isBacklog && this.#passed.has(event.subject))) {
      return;
    }
    this.#options.onEvent(event);
  }

  #ended(connection: Connection, reason: string): void {
    if (connection === this.#previous) this.#previous = undefined;
    if (connection !== this.#current) return;
    this.#current = undefined;
    const { clock, log } = this.#options;
    if (!this.#isFailing) {
      log.warn("Alerts of {key} receive no events of {source}: {reason}", { ...this.#labels, reason });
    }
    this.#isFailing = true;
    this.#stopRetry();
    this.#stopRetry = clock.after(this.#backoff.next(), () => this.#listen());
  }

  #end(connection: Connection | undefined): void {
    connection?.stop();
  }

  get #labels(): { readonly key: string; readonly source: string } {
    return { key: this.#options.owner, source: this.#options.source.kind };
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}
