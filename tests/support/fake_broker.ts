/** Fake broker without a socket. */
import { type BrokerAddress, type BrokerConnection, BrokerError, type ReceiveMessage } from "../../src/mqtt/broker.ts";
import type { BrokerPoolOptions } from "../../src/mqtt/pool.ts";

/** Makes a broker that grants every filter and records what it receives. */
export function makeBroker(overrides: Partial<BrokerConnection> = {}) {
  let closed = Promise.withResolvers<BrokerError>();
  const state = {
    addresses: [] as BrokerAddress[],
    /** Filters and qualities of service of each SUBSCRIBE request. */
    subscriptions: [] as (readonly [string, number])[][],
    unsubscribed: [] as string[],
    published: [] as string[],
    closed: 0,
    deliver: (() => undefined) as ReceiveMessage,
    lose: (message: string) => closed.resolve(new BrokerError(message)),
  };
  const connect: BrokerPoolOptions["connect"] = (address, { onMessage }) => {
    state.addresses.push(address);
    state.deliver = onMessage ?? state.deliver;
    const current = closed = Promise.withResolvers<BrokerError>();
    return Promise.resolve({
      closed: current.promise,
      silentMs: Infinity,
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
        current.resolve(reason);
        return Promise.resolve();
      },
      ...overrides,
    });
  };
  return { state, connect };
}
