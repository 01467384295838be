/** Lets everything happen that waits for nothing but its turn, or only so many turns of it. */
export async function settle(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}
