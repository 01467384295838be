/** Declared test. */
interface CollectedTest {
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** Outcome of a test. */
export interface Outcome {
  /** Name of the test. */
  readonly name: string;
  /** Reason of a failure; absent if the test passed. */
  readonly failure?: string;
}

/**
 * Stands in for Deno's test runner on other platforms: collects the tests that modules declare while they are
 * imported, and runs them one after the other.
 */
export class TestCollector {
  readonly #tests: CollectedTest[] = [];

  /** Replaces `Deno` for all modules that are imported from now on; no other function of Deno is available. */
  install(): void {
    const test = (name: string, run: () => void | Promise<void>) => this.#tests.push({ name, run });
    Object.defineProperty(globalThis, "Deno", { value: { test } });
  }

  /** Runs all tests, in the order of their declaration. */
  async run(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const { name, run } of this.#tests) {
      try {
        await run();
        outcomes.push({ name });
      } catch (error) {
        outcomes.push({ name, failure: errorText(error) });
      }
    }
    return outcomes;
  }
}

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? error.message;
  // For a failed property, the cause has the reason.
  return error.cause === undefined ? text : `${text}\nCaused by: ${errorText(error.cause)}`;
}
