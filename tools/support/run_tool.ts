/** Runs a benchmark, and ends everything that it started, however it ends. */
import { EXIT_INTERRUPTED } from "../../src/cli/exit_codes.ts";

/** A terminal sends a signal to all processes, and `deno task` sends it on: within so many milliseconds it is the same. */
const SAME_SIGNAL_MS = 500;

/**
 * Runs a benchmark; `started` takes everything that has to be stopped. Its report, if it returns one, is printed. A signal stops what was
 * started and exits with 130; a further one exits at once.
 */
export async function runBench(bench: (started: AsyncDisposableStack) => Promise<string | void>): Promise<void> {
  const started = new AsyncDisposableStack();
  let interruption: { readonly at: number; readonly end: Promise<never> } | undefined;
  const interrupt = () => {
    const now = performance.now();
    if (interruption !== undefined && now - interruption.at > SAME_SIGNAL_MS) Deno.exit(EXIT_INTERRUPTED);
    interruption ??= {
      at: now,
      end: started.disposeAsync().then(() => Deno.exit(EXIT_INTERRUPTED), () => Deno.exit(EXIT_INTERRUPTED)),
    };
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  try {
    const report = await bench(started);
    // deno-lint-ignore no-console
    if (report !== undefined) console.log(report);
  } finally {
    // What was interrupted fails as well, which tells nothing.
    await (interruption?.end ?? started.disposeAsync());
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  }
}

/** A part of a benchmark: what it starts ends with it, or with the whole. */
export async function inScope<T>(
  started: AsyncDisposableStack,
  part: (scope: AsyncDisposableStack) => Promise<T>,
): Promise<T> {
  const scope = started.use(new AsyncDisposableStack());
  try {
    return await part(scope);
  } finally {
    await scope.disposeAsync();
  }
}
