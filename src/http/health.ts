/**
 * Health of the gateway: responses of the routes `GET /health…`, which need no key, and background checks of its
 * dependencies. Requests never trigger a check.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { withDeadline } from "../lib/async.ts";
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";

const headers = { "Cache-Control": "no-store" };

/** Returns the response of `/health`, with the gateway's version. */
export function healthResponse(version: string): Response {
  return Response.json({ status: "ok", version }, { headers });
}

/** Returns the response of `/health/live`: it shows that the process is not stuck. */
export function aliveResponse(): Response {
  return Response.json({ status: "ok" }, { headers });
}

/** Returns the response of `/health/ready`, with further details where the port may show them. */
export function readyResponse(isReady: boolean, details: Readonly<Record<string, unknown>> = {}): Response {
  return Response.json({ status: isReady ? "ok" : "unavailable", ...details }, {
    status: isReady ? STATUS_CODE.OK : STATUS_CODE.ServiceUnavailable,
    headers,
  });
}

/** Checks a dependency. Rejects with a message without secrets if it fails; settles in any case. */
export type DependencyCheck = () => Promise<void> | undefined;

/** Checks and their interval. */
export interface ReadinessOptions {
  /** Check of each dependency, by its name. */
  readonly checks: Readonly<Record<string, DependencyCheck>>;
  /** Dependencies without which the gateway is not ready; those without a check do not count. */
  readonly needs: readonly string[];
  /** Returns whether requests with correct timestamps are refused, because the clock was wrong when the gateway started. */
  readonly isClockWrong: () => boolean;
  /** Interval between checks, in milliseconds. */
  readonly everyMs: number;
  /** Clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Logger for dependencies that fail and recover. */
  readonly log: Pick<Log, "info" | "warn">;
}

/** Time limit of a check, in milliseconds. */
export const CHECK_TIMEOUT_MS = 5000;

/**
 * Called when the result of a dependency's check is another one.
 *
 * @param isFirst true for the first check since the start
 */
export type HealthWatcher = (dependency: string, isUp: boolean, isFirst: boolean) => void;

/** State of the dependencies. */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #up = new Map<string, boolean>();
  readonly #checkedAt = new Map<string, number>();
  /** Dependencies of services that are not configured. */
  readonly #unused = new Set<string>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #watchers = new Set<HealthWatcher>();
  #isStopping = false;
  #isClosed = false;

  /** Creates the state; nothing is checked before {@linkcode start}. */
  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Begins to check all dependencies, at once and at each interval. */
  start(): void {
    for (const dependency of Object.keys(this.#options.checks)) this.#check(dependency);
  }

  /** Names of all dependencies. */
  get dependencies(): readonly string[] {
    return Object.keys(this.#options.checks).filter((dependency) => this.#isUsed(dependency));
  }

  /** Whether the gateway can serve requests. */
  get isReady(): boolean {
    return this.failing.length === 0;
  }

  /** Causes of not being ready: dependencies that fail or were not checked yet, the clock, or the stop. */
  get failing(): readonly string[] {
    const { needs } = this.#options;
    const failing = needs.filter((dependency) => this.#isUsed(dependency) && this.#up.get(dependency) !== true);
    if (this.#options.isClockWrong()) failing.push("clock");
    if (this.#isStopping) failing.push("stopping");
    return failing;
  }

  /** Result of the last check of each dependency. */
  get up(): ReadonlyMap<string, boolean> {
    return this.#up;
  }

  /** Seconds since the oldest of the last checks; undefined before the first. */
  get ageSeconds(): number | undefined {
    const { size } = this.#checkedAt;
    return size === 0 ? undefined : (this.#options.monotonic() - Math.min(...this.#checkedAt.values())) / 1000;
  }

  /**
   * Calls a function with each change.
   *
   * @returns the function that ends the calls
   */
  watch(watcher: HealthWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Makes the gateway not ready, whatever the checks show. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Ends all checks. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Checks a dependency, and again after the interval: never twice at a time. */
  async #check(dependency: string): Promise<void> {
    const { checks, everyMs } = this.#options;
    const result = checks[dependency]?.();
    if (result === undefined) this.#setUnused(dependency);
    else {
      this.#unused.delete(dependency);
      const fault = await faultOf(result);
      if (this.#isClosed) return;
      this.#update(dependency, fault);
      // A check that exceeded its time is waited for as well.
      await result.catch(() => {});
      if (this.#isClosed) return;
    }
    this.#timers.set(dependency, setTimeout(() => this.#check(dependency), everyMs));
  }

  #isUsed(dependency: string): boolean {
    return Object.hasOwn(this.#options.checks, dependency) && !this.#unused.has(dependency);
  }

  #setUnused(dependency: string): void {
    this.#unused.add(dependency);
    this.#up.delete(dependency);
    this.#checkedAt.delete(dependency);
  }

  #update(dependency: string, fault: string | undefined): void {
    const { log, monotonic } = this.#options;
    const before = this.#up.get(dependency);
    const isUp = fault === undefined;
    this.#up.set(dependency, isUp);
    this.#checkedAt.set(dependency, monotonic());
    if (before === isUp) return;
    if (!isUp) log.warn("Check of {part} failed: {reason}", { part: dependency, reason: fault });
    else if (before === false) log.info("Check of {part} succeeds again", { part: dependency });
    for (const watcher of this.#watchers) watcher(dependency, isUp, before === undefined);
  }
}

/** Registers the gauges of the dependencies and of readiness. */
export function registerReadinessGauges(metrics: MetricRegistry, readiness: Readiness): void {
  metrics.gauge({
    name: "e2e_gateway_up",
    help: "1 for a dependency whose last check passed, 0 for one whose check failed; absent before its first check",
    label: "part",
    read: () => [...readiness.up].map(([dependency, isUp]) => [dependency, Number(isUp)]),
  });
  metrics.gauge({
    name: "e2e_gateway_ready",
    help: "1 when the gateway is ready, 0 when a required dependency is unavailable or the gateway is stopping",
    read: () => Number(readiness.isReady),
  });
}

/** Waits for a check. Returns what is wrong; undefined if nothing is. */
async function faultOf(result: Promise<void>): Promise<string | undefined> {
  try {
    await withDeadline(() => result, {
      clock: SYSTEM_CLOCK,
      timeout: CHECK_TIMEOUT_MS,
      timeoutError: () => new Error(`No answer within ${CHECK_TIMEOUT_MS / 1000} s`),
    });
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}
