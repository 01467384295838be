/** Many asynchronous steps, with a bound on how many run at a time. */

/** Runs a step for each of some values, in their order, at most `limit` of them at a time. */
export async function forEachConcurrent<T>(
  values: Iterable<T>,
  limit: number,
  step: (value: T) => Promise<void>,
): Promise<void> {
  const iterator = values[Symbol.iterator]();
  await Promise.all(Array.from({ length: limit }, async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await step(next.value);
  }));
}

/** Returns the whole numbers from `from` up to but not including `to`. */
export function* range(from: number, to: number): Generator<number, void> {
  for (let number = from; number < to; number++) yield number;
}
