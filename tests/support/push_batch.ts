/** Batches of one alert for the stores of push messages. */
import type { AlertBatch, NewMessage, StoredAlert } from "../../src/store/state/push_store.ts";

/** Makes the batch of an alert with its messages. */
export function batchOf(
  { key, keyCreated, ...alert }: StoredAlert,
  messages: readonly NewMessage[],
  ruleStates?: string,
): AlertBatch {
  return { key, keyCreated, alerts: [{ ...alert, messages }], ruleStates, isListened: false };
}
