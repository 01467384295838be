/** Interface of a fault. */
import { until } from "../../tests/support/deadline.ts";
import type { ChaosEnvironment, ChaosEnvironmentOptions } from "./environment.ts";
import type { Load } from "./load.ts";

/** Context in which a fault is injected. */
export interface FaultContext {
  /** Gateway and its dependencies. */
  readonly environment: ChaosEnvironment;
  /** Running clients. */
  readonly load: Load;
  /** True for the short form, which takes a few seconds. */
  readonly isShort: boolean;
  /** Records a violation. */
  readonly fail: (violation: string) => void;
}

/** Requirement of a fault. */
export type Need = "mosquitto" | "redis" | "root" | "libfaketime" | "prlimit";

/** One fault. */
export interface Fault {
  /** Name on the command line. */
  readonly name: string;
  /** One-line description. */
  readonly title: string;
  /** Requirements. */
  readonly needs?: readonly Need[];
  /** Options of its environment. */
  readonly environment?: ChaosEnvironmentOptions;
  /** True if the gateway must report that it is not ready. */
  readonly isUnready?: boolean;
  /** Injects the fault under load and waits for its effect; returns the function that ends it. */
  readonly inject: (context: FaultContext) => Promise<() => Promise<void>>;
}

/** Failed requests after which a fault has taken effect. */
const MIN_FAILURES = { full: 12, short: 4 };

/** Waits until enough requests have failed. */
export async function untilFailing(
  { environment, isShort }: FaultContext,
  kind: "messages" | "commands",
  { code }: { readonly code?: string } = {},
): Promise<void> {
  const expected = isShort ? MIN_FAILURES.short : MIN_FAILURES.full;
  const count = () => {
    const failures = environment[kind].failures();
    return code === undefined ? [...failures.values()].reduce((sum, one) => sum + one, 0) : failures.get(code) ?? 0;
  };
  await until(`${expected} ${kind} have failed`, () => count() >= expected);
}
