/** Runs a tool and stops everything that it started, however it ends. */
import { EXIT_INTERRUPTED } from "../../src/cli/exit_codes.ts";

/** Time in which a repeated signal counts as the same, in milliseconds: `deno task` forwards those of the terminal. */
const SAME_SIGNAL_MS = 500;

/**
 * Runs a tool and prints its report, if it returns one. The first signal stops what was started and exits with 130; a
 * further one exits at once.
 *
 * @param tool its argument takes everything that must be stopped
 */
export async function runTool(tool: (started: AsyncDisposableStack) => Promise<string | void>): Promise<void> {
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
    const report = await tool(started);
    // deno-lint-ignore no-console
    if (report !== undefined) console.log(report);
  } finally {
    // Once interrupted, the tool itself fails as well; that error is ignored.
    await (interruption?.end ?? started.disposeAsync());
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  }
}

/** Runs a part of a tool; what it starts is stopped at its end, or with the whole tool. */
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
