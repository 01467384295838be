/**
 * Reads what a broker retains on one topic, by a short subscription.
 *
 * @module
 */
import { type BrokerAddress, BrokerError } from "../../mqtt/broker.ts";
import type { Deadlines } from "../../lib/deadlines.ts";
import type { ReceivedMessage } from "../../mqtt/hub/received_message.ts";
import { ServiceError } from "../service.ts";
import { brokerCode, brokerFailure } from "./stream_listener.ts";
import type { Brokers } from "./service.ts";

/** Longest payload to answer, in bytes: a state, not a picture. */
export const MAX_RETAINED_BYTES = 16 * 1024;

/** Longest wait for the message after the grant, in milliseconds: brokers send it right after, but never say that there is none. */
const RETAINED_WAIT_MS = 500;

/** A message that a broker retains. */
export interface RetainedRequest {
  /** Its topic. */
  readonly topic: string;
  /** Name of the key whose connections are counted together. */
  readonly owner: string;
}

/**
 * Reads the message that a broker retains on a topic, or one that arrives meanwhile.
 *
 * @returns undefined if there is none
 * @throws {ServiceError} if the broker fails, or the message is too large
 */
export async function readRetained(
  address: BrokerAddress,
  { topic, owner }: RetainedRequest,
  { brokers, deadlines }: { readonly brokers: Pick<Brokers, "listen">; readonly deadlines: Pick<Deadlines, "add"> },
): Promise<ReceivedMessage | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<ReceivedMessage | undefined>();
  let clearDeadline = () => {};
  let stop = () => {};
  try {
    stop = brokers.listen(address, {
      owner,
      filters: [topic],
      qos: 0,
      keep: false,
      since: undefined,
      connected() {
        const deadline = deadlines.add(RETAINED_WAIT_MS, () => resolve(undefined));
        clearDeadline = () => deadline.clear();
      },
      message: (message) => resolve(message),
      gap() {},
      offline: reject,
      online() {},
      ended: reject,
    });
    const message = await promise;
    if (message === undefined || (!message.isOmitted && message.payloadBytes <= MAX_RETAINED_BYTES)) return message;
    const limit = `${MAX_RETAINED_BYTES} bytes`;
    throw new ServiceError(502, `The message is larger than ${limit}: subscribe to its topic`, { code: "broker" });
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw new ServiceError(500, brokerFailure(error), { code: brokerCode(error) });
  } finally {
    clearDeadline();
    stop();
  }
}
