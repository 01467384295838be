/** Runs a benchmark, and ends everything that it started, however it ends. */

/** Runs a benchmark; `started` takes everything that has to be stopped. Its report is printed. */
export async function runBench(bench: (started: AsyncDisposableStack) => Promise<string>): Promise<void> {
  const started = new AsyncDisposableStack();
  const abort = () => {
    started.disposeAsync().finally(() => Deno.exit(130));
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, abort);
  try {
    const report = await bench(started);
    // deno-lint-ignore no-console
    console.log(report);
  } finally {
    await started.disposeAsync();
    for (const signal of signals) Deno.removeSignalListener(signal, abort);
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
