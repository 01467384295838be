/** A broker without a socket. */
import { type BrokerAddress, type BrokerConnection, BrokerError, type ReceiveMessage } from "../../src/mqtt/broker.ts";
import type { BrokerPoolOptions } from "../../src/mqtt/pool.ts";

/** A broker that grants everything and remembers what happened to it. */
export function makeBroker(overrides: Partial<BrokerConnection> = {}) {
  let lost = Promise.withResolvers<BrokerError>();
  const state = {
    addresses: [] as BrokerAddress[],
    /** Filters and qualities of service, of one request to subscribe each. */
    subscriptions: [] as (readonly [string, number])[][],
    unsubscribed: [] as string[],
    published: [] as string[],
    closed: 0,
    deliver: (() => undefined) as ReceiveMessage,
    lose: (message: string) => lost.resolve(new BrokerError(message)),
  };
  const connect: BrokerPoolOptions["connect"] = (address, { onMessage }) => {
    state.addresses.push(address);
    state.deliver = onMessage ?? state.deliver;
    const ended = lost = Promise.withResolvers<BrokerError>();
    return Promise.resolve({
      closed: ended.promise,
      packetsReceived: 0,
      publish({ topic }) {
        state.published.push(topic);
        return { acknowledged: Promise.resolve(), cancel: () => {} };
      },
      subscribe(requests) {
        state.subscriptions.push(requests.map(({ filter, qos }) => [filter, qos] as const));
        return Promise.resolve([]);
      },
      unsubscribe(filters) {
        state.unsubscribed.push(...filters);
        return Promise.resolve();
      },
      close(reason = new BrokerError("Closed")) {
        state.closed += 1;
        ended.resolve(reason);
        return Promise.resolve();
      },
      ...overrides,
    });
  };
  return { state, connect };
}
