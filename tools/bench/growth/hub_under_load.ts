/** Hub of the growth cases, with a broker and a clock that do nothing by themselves. */
import type { BrokerConnection, BrokerMessage, FilterRequest } from "../../../src/mqtt/broker.ts";
import { BrokerError } from "../../../src/mqtt/broker.ts";
import { Hub } from "../../../src/mqtt/hub/hub.ts";
import { MemoryHistory } from "../../../src/mqtt/hub/memory_history.ts";
import { ConnectionSource } from "../../../src/mqtt/hub/source.ts";
import type { Subscriber } from "../../../src/mqtt/hub/subscriber.ts";
import { SharedConnection } from "../../../src/mqtt/shared_connection.ts";
import { ManualClock } from "../../../tests/support/manual_clock.ts";

/** Subscriber that ignores its events. */
export function makeSubscriber(
  filters: readonly string[],
  rest: Partial<Pick<Subscriber, "owner" | "keep" | "since">> = {},
): Subscriber {
  return {
    owner: "phone",
    qos: 0,
    keep: false,
    since: undefined,
    ...rest,
    filters,
    connected: () => {},
    gap: () => {},
    message: () => {},
    offline: () => {},
    online: () => {},
    ended: () => {},
  };
}

/** Returns distinct filters that begin with a name. */
export function filtersOf(name: string, length: number): string[] {
  return Array.from({ length }, (_, index) => `${name}/${index}`);
}

/** Hub with a broker that grants everything. */
export class HubUnderLoad implements Disposable {
  /** History of the hub. */
  readonly history: MemoryHistory;
  /** The hub. */
  readonly hub: Hub;
  /** Clock of the hub. */
  readonly clock = new ManualClock();
  /** Requests to the broker. */
  readonly requests: (readonly FilterRequest[])[] = [];
  #closed = Promise.withResolvers<BrokerError>();

  constructor({ resumeBytes = 8 * 2 ** 20 } = {}) {
    this.history = new MemoryHistory({ epoch: "bench", limits: { resumeBytes } });
    const connection = new SharedConnection({ host: "broker", port: 1883 }, {
      connect: () => Promise.resolve(this.#connection()),
      timeoutMs: 10_000,
      onMessage: (message) => this.hub.receive(message),
      onClosed: (reason) => this.hub.connectionClosed(reason),
      clock: this.clock,
    });
    this.hub = new Hub({
      source: new ConnectionSource(connection),
      config: {
        history: this.history,
        limits: { resumeSeconds: 60 },
        backpressure: () => undefined,
        random: () => 0,
        onFault: (error) => {
          throw error;
        },
      },
      clock: this.clock,
    });
  }

  /** Lets the hub send its requests and get the responses; advances the clock, in milliseconds. */
  async settle(ms = 5): Promise<void> {
    this.clock.pass(ms);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
  }

  /** Lets the time pass in which the broker may send retained messages: until then, nothing resumes. */
  finishRetained(): void {
    this.clock.pass(6_000);
    this.hub.sweep();
  }

  /** Delivers a message of the broker. */
  publish(topic: string, rest: Partial<BrokerMessage> = {}): void {
    this.hub.receive({ topic, payload: new Uint8Array(4), qos: 0, retain: false, ...rest });
  }

  /** Closes the connection to the broker. */
  loseBroker(): void {
    this.#closed.resolve(new BrokerError("Connection reset"));
  }

  #connection(): BrokerConnection {
    const closed = this.#closed = Promise.withResolvers<BrokerError>();
    return {
      closed: closed.promise,
      silentMs: Infinity,
      publish: () => ({ acknowledged: Promise.resolve(), cancel: () => {} }),
      subscribe: (requests) => {
        this.requests.push(requests);
        return Promise.resolve([]);
      },
      unsubscribe: () => Promise.resolve(),
      close: (reason = new BrokerError("Closed")) => {
        closed.resolve(reason);
        return Promise.resolve();
      },
    };
  }

  [Symbol.dispose](): void {
    this.hub.close(new BrokerError("End of the case"));
  }
}
