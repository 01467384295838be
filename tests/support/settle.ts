/** Runs pending microtasks. */
export async function settle(rounds = 50): Promise<void> {
  for (let round = 0; round < rounds; round++) await Promise.resolve();
}
