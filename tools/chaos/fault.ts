/** What can be broken, and what has to hold then. */
import { until } from "../../tests/support/deadline.ts";
import type { TestEnvironment, TestEnvironmentOptions } from "./environment.ts";
import type { Load } from "./load.ts";

/** What a fault works on. */
export interface Scene {
  /** All that can be broken. */
  readonly house: TestEnvironment;
  /** All that runs. */
  readonly load: Load;
  /** Whether there is time for a few seconds only. */
  readonly isShort: boolean;
  /** Notes that something is not as it must be. */
  readonly complain: (what: string) => void;
}

/** What a fault cannot do without. */
export type Need = "mosquitto" | "redis" | "root" | "libfaketime" | "prlimit";

/** One way in which a house breaks. */
export interface Fault {
  /** Its name on the command line. */
  readonly name: string;
  /** What happens, in words. */
  readonly title: string;
  /** What it cannot do without. */
  readonly needs?: readonly Need[];
  /** The house that it needs. */
  readonly house?: TestEnvironmentOptions;
  /** Whether the gateway has to say that it is not ready. */
  readonly isUnready?: boolean;
  /**
   * Breaks something while the load runs, waits until that has shown, and gives back how to mend it. What it does not
   * mend is right again by itself.
   */
  readonly break: (scene: Scene) => Promise<() => Promise<void>>;
}

/** How many requests must have failed before a fault is taken for noticed. */
const NOTICED = { full: 12, short: 4 };

/** Waits until enough has failed. */
export async function untilFailing(
  { house, isShort }: Scene,
  kind: "messages" | "commands",
  { code }: { readonly code?: string } = {},
): Promise<void> {
  const wanted = isShort ? NOTICED.short : NOTICED.full;
  const count = () => {
    const failures = house[kind].failures();
    return code === undefined ? [...failures.values()].reduce((sum, one) => sum + one, 0) : failures.get(code) ?? 0;
  };
  await until(`${wanted} ${kind} have failed`, () => count() >= wanted);
}
