/**
 * Whether all that the gateway needs is there: looked at in the background, and never because somebody asks.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { Dependency } from "../observability/telemetry.ts";

/** Asks a part for a sign of life; throws what it says instead, in words without secrets. Settles in any case. */
export type Check = () => Promise<void>;

/** All parts. */
export const DEPENDENCIES: readonly Dependency[] = ["broker", "jeedom", "replay_store"];

/** What to look at, and how often. */
export interface ReadinessOptions {
  /** How to ask each part. */
  readonly checks: Readonly<Record<Dependency, Check>>;
  /** The parts without which the gateway is not ready. */
  readonly needs: readonly Dependency[];
  /** Whether requests that are stamped right are refused, because the clock was wrong when the gateway started. */
  readonly isClockWrong: () => boolean;
  /** The time from one look to the next, in milliseconds. */
  readonly everyMs: number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Is told when a part is lost, and when it is back. */
  readonly log: Pick<Log, "info" | "warn">;
}

/** The longest wait for a part, in milliseconds: one that answers so late is of no use to anybody. */
export const CHECK_TIMEOUT_MS = 5000;

/** What is known of the parts. */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #up = new Map<Dependency, boolean>();
  readonly #checkedAt = new Map<Dependency, number>();
  readonly #timers = new Map<Dependency, ReturnType<typeof setTimeout>>();
  #isStopping = false;
  #isClosed = false;

  /** Makes it; nothing is known before {@linkcode start}. */
  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Begins to look at all parts: at once, and again and again. */
  start(): void {
    for (const part of DEPENDENCIES) this.#look(part);
  }

  /** Whether the gateway can do its work. */
  get isReady(): boolean {
    return this.failing.length === 0;
  }

  /** What keeps it from its work: parts that do not answer or were not asked yet, the clock, or that it stops. */
  get failing(): readonly (Dependency | "clock" | "stopping")[] {
    const failing: (Dependency | "clock" | "stopping")[] = this.#options.needs.filter((part) =>
      this.#up.get(part) !== true
    );
    if (this.#options.isClockWrong()) failing.push("clock");
    if (this.#isStopping) failing.push("stopping");
    return failing;
  }

  /** The parts by whether they answered the last time. */
  get up(): ReadonlyMap<Dependency, boolean> {
    return this.#up;
  }

  /** Seconds since the oldest of the parts' last checks; undefined before the first. */
  get ageSeconds(): number | undefined {
    const { size } = this.#checkedAt;
    return size === 0 ? undefined : (this.#options.monotonic() - Math.min(...this.#checkedAt.values())) / 1000;
  }

  /** From now on the gateway is not ready, whatever the parts say. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Looks no more. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Looks at a part, and again when the time has come: never twice at a time. */
  async #look(part: Dependency): Promise<void> {
    const { checks, everyMs } = this.#options;
    const answer = checks[part]();
    const fault = await faultOf(answer);
    if (this.#isClosed) return;
    this.#note(part, fault);
    // One that came too late is waited for as well.
    await answer.catch(() => {});
    if (this.#isClosed) return;
    this.#timers.set(part, setTimeout(() => this.#look(part), everyMs));
  }

  #note(part: Dependency, fault: string | undefined): void {
    const { log, monotonic } = this.#options;
    const before = this.#up.get(part);
    const isUp = fault === undefined;
    this.#up.set(part, isUp);
    this.#checkedAt.set(part, monotonic());
    if (before === isUp) return;
    if (!isUp) log.warn("Check of {part} failed: {reason}", { part, reason: fault });
    else if (before === false) log.info("Check of {part} succeeds again", { part });
  }
}

/** Waits for a part's answer. Says what is wrong; undefined where nothing is. */
async function faultOf(answer: Promise<void>): Promise<string | undefined> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`No answer within ${CHECK_TIMEOUT_MS / 1000} s`)), CHECK_TIMEOUT_MS);
  try {
    await Promise.race([answer, tooLate]);
    return undefined;
  } catch (error) {
    return errorText(error);
  } finally {
    clearTimeout(timer);
  }
}
