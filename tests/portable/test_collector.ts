/** A test as modules declare it. */
interface CollectedTest {
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** What became of a test; a message says that it failed. */
export interface Outcome {
  /** The test's name. */
  readonly name: string;
  /** Why it failed. */
  readonly failure?: string;
}

/**
 * Stands in for Deno's test runner on other platforms: collects the tests that modules declare while they are
 * imported, and runs them one after the other.
 */
export class TestCollector {
  readonly #tests: CollectedTest[] = [];

  /** Becomes the `Deno` of all modules that are imported from now on; nothing else of Deno is there any more. */
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
        outcomes.push({ name, failure: told(error) });
      }
    }
    return outcomes;
  }
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? error.message;
  // Where a property fails, the cause tells why.
  return error.cause === undefined ? text : `${text}\nCaused by: ${told(error.cause)}`;
}
