/** A broker without a socket. */
import { type BrokerAddress, type BrokerConnection, BrokerError, type ReceiveMessage } from "../../src/mqtt/broker.ts";
import type { GatewayOptions } from "../../src/gateway/handler.ts";

/** A broker that grants everything and remembers what happened to it. */
export function makeBroker(overrides: Partial<BrokerConnection> = {}) {
  const lost = Promise.withResolvers<BrokerError>();
  const state = {
    addresses: [] as BrokerAddress[],
    subscriptions: [] as unknown[],
    closed: 0,
    deliver: (() => undefined) as ReceiveMessage,
    lose: (message: string) => lost.resolve(new BrokerError(message)),
  };
  const connect: GatewayOptions["connect"] = (address, { onMessage }) => {
    state.addresses.push(address);
    state.deliver = onMessage ?? state.deliver;
    return Promise.resolve({
      lost: lost.promise,
      publish: () => Promise.resolve(),
      subscribe(filters, qos) {
        state.subscriptions.push([filters, qos]);
        return Promise.resolve();
      },
      close() {
        state.closed += 1;
        lost.resolve(new BrokerError("Closed"));
        return Promise.resolve();
      },
      ...overrides,
    });
  };
  return { state, connect };
}
