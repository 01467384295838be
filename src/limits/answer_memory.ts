/**
 * Memory of the large answers of one service, from reading to sealing.
 *
 * @module
 */
import { FairSemaphore } from "./fair_semaphore.ts";

/** Maximum number of answers of the largest size in memory. */
const ANSWERS_IN_MEMORY = 2;

/** The same for one key; others wait at the server that sends them. */
const ANSWERS_IN_MEMORY_PER_KEY = 1;

/**
 * Makes the semaphore in which a service reserves memory for its large answers, by key.
 *
 * @param maxBytes size of the service's largest answer
 */
export function createAnswerMemory(maxBytes: number): FairSemaphore {
  return new FairSemaphore({
    total: ANSWERS_IN_MEMORY * maxBytes,
    each: ANSWERS_IN_MEMORY_PER_KEY * maxBytes,
  });
}
