/** Many asynchronous steps, only some of them at a time. */

/** How many connections are opened at a time: fewer than a server's queue for new ones holds. */
const AT_A_TIME = 64;

/** Runs a step for each number below `count`. */
export async function inTurns(count: number, step: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
    while (next < count) await step(next++);
  }));
}
