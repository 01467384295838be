/** Fake broker that keeps one session, and sends again what was not acknowledged (MQTT 5, section 4.4). */
import { abortable } from "../../src/lib/async.ts";
import {
  BrokerError,
  type BrokerMessage,
  type ConnectBroker,
  type ConnectOptions,
  type FilterRequest,
  type QoS,
} from "../../src/mqtt/broker.ts";
import { TopicTrie } from "../../src/mqtt/topics/trie.ts";

const utf8 = new TextEncoder();

/** How a broker numbers its packets. */
export type PacketIds = "incrementing" | "lowest free";

/** Message in the session, and whether it was sent before. */
interface InFlight {
  readonly message: BrokerMessage;
  isSent: boolean;
}

/** Connection of the one client. */
interface Open {
  readonly options: ConnectOptions;
  readonly closed: PromiseWithResolvers<BrokerError>;
  /** Packet identifiers whose acknowledgements are under way. */
  readonly acknowledgements: number[];
  isOpen: boolean;
}

/** Broker with one session. */
export class SessionBroker {
  /** Requests of each SUBSCRIBE. */
  readonly requests: (readonly FilterRequest[])[] = [];
  /** Filters of all UNSUBSCRIBEs. */
  readonly unsubscribed: string[] = [];
  /** Filters that it refuses. */
  readonly refused: Set<string> = new Set();
  /** Client identifiers of all connections. */
  readonly clientIds: (string | undefined)[] = [];
  /** Number of connections so far. */
  connections = 0;
  /** True to keep acknowledgements under way, until they are taken or lost. */
  holdsAcknowledgements = false;
  /** True if it answers no UNSUBSCRIBE, and sends no packet. */
  isFrozen = false;
  /** Called after each filter of a SUBSCRIBE; the broker handles the next one once the promise settles. */
  subscribed: ((filter: string) => Promise<void>) | undefined;
  /** True if it answers no attempt to connect. */
  isSilent = false;
  /** Fails new connections with this text. */
  unreachable: string | undefined;
  readonly #packetIds: PacketIds;
  readonly #filters = new Map<string, FilterRequest>();
  readonly #inFlight = new Map<number, InFlight>();
  #queue: BrokerMessage[] = [];
  #lastId = 0;
  #hasSession = false;
  #open: Open | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(packetIds: PacketIds = "incrementing") {
    this.#packetIds = packetIds;
  }

  /** Number of messages that are not acknowledged. */
  get unacknowledged(): number {
    return this.#inFlight.size + this.#queue.filter(({ qos }) => qos > 0).length;
  }

  /** True while a client is connected. */
  get isConnected(): boolean {
    return this.#open !== undefined;
  }

  /** Filters of the session. */
  get filters(): readonly string[] {
    return [...this.#filters.keys()];
  }

  readonly connect: ConnectBroker = (_address, options) => {
    options.signal.throwIfAborted();
    if (this.unreachable !== undefined) return Promise.reject(new BrokerError(this.unreachable));
    if (this.isSilent) return abortable(new Promise<never>(() => {}), options.signal);
    this.drop("Session taken over");
    const closed = Promise.withResolvers<BrokerError>();
    const open: Open = { options, closed, acknowledgements: [], isOpen: true };
    this.#open = open;
    this.connections += 1;
    this.clientIds.push(options.session?.clientId);
    const sessionPresent = this.#hasSession;
    this.#hasSession = true;
    this.#sending = this.#send(open, [...this.#inFlight.keys()]);
    return Promise.resolve({
      closed: closed.promise,
      sessionPresent,
      silentMs: Infinity,
      publish: () => ({ acknowledged: Promise.reject(new BrokerError("Not for messages")), cancel: () => {} }),
      subscribe: async (requests) => {
        if (!open.isOpen) throw await closed.promise;
        this.requests.push(requests);
        for (const request of requests) {
          if (!this.refused.has(request.filter)) this.#filters.set(request.filter, request);
          await this.subscribed?.(request.filter);
        }
        return requests.map(({ filter }) => filter).filter((filter) => this.refused.has(filter));
      },
      unsubscribe: (filters) => {
        if (this.isFrozen) return new Promise(() => {});
        this.unsubscribed.push(...filters);
        for (const filter of filters) this.#filters.delete(filter);
        return Promise.resolve();
      },
      close: (reason = new BrokerError("Closed")) => {
        if (this.#open === open) this.drop(reason.message);
        return Promise.resolve();
      },
    });
  };

  /** Publishes a message: one delivery for each filter that matches. */
  publish(topic: string, payload: string | Uint8Array, { qos = 1, retain = false }: {
    readonly qos?: QoS;
    readonly retain?: boolean;
  } = {}): void {
    const trie = new TopicTrie<FilterRequest>();
    for (const [filter, request] of this.#filters) trie.add(filter, request);
    const bytes = typeof payload === "string" ? utf8.encode(payload) : payload;
    for (const { id, qos: granted } of trie.match(topic)) {
      const message = { topic, payload: bytes, qos: qos < granted ? qos : granted, retain, subscriptions: [id] };
      if (message.qos > 0 || this.#open !== undefined) this.#queue.push(message);
    }
    this.#continue();
  }

  /** Takes the first acknowledgements under way. */
  takeAcknowledgements(count = Infinity): void {
    for (const id of this.#open?.acknowledgements.splice(0, count) ?? []) this.#inFlight.delete(id);
    this.#continue();
  }

  /** Closes the connection; acknowledgements under way are lost. */
  drop(reason: string): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    open.isOpen = false;
    this.#queue = this.#queue.filter(({ qos }) => qos > 0);
    open.closed.resolve(new BrokerError(reason));
  }

  /** Ends the session, and the connection. */
  forget(): void {
    this.drop("Broker restarted");
    this.#filters.clear();
    this.#inFlight.clear();
    this.#queue = [];
    this.#hasSession = false;
    this.#lastId = 0;
  }

  #continue(): void {
    const open = this.#open;
    if (open !== undefined) this.#sending = this.#sending.then(() => this.#send(open, []));
  }

  async #send(open: Open, again: readonly number[]): Promise<void> {
    for (const id of again) {
      const inFlight = this.#inFlight.get(id);
      if (inFlight !== undefined && open.isOpen) await this.#deliver(open, id, inFlight);
    }
    const window = open.options.session?.receiveMaximum ?? Infinity;
    for (let [next] = this.#queue; next !== undefined && open.isOpen; [next] = this.#queue) {
      if (next.qos === 0) {
        this.#queue.shift();
        await open.options.onMessage?.(next);
        continue;
      }
      if (this.#inFlight.size >= window) return;
      this.#queue.shift();
      const inFlight = { message: next, isSent: false };
      const id = this.#nextId();
      this.#inFlight.set(id, inFlight);
      await this.#deliver(open, id, inFlight);
    }
  }

  async #deliver(open: Open, id: number, inFlight: InFlight): Promise<void> {
    const isDuplicate = inFlight.isSent;
    inFlight.isSent = true;
    try {
      await open.options.onMessage?.({ ...inFlight.message, packetId: id, isDuplicate });
    } catch {
      if (this.#open === open) this.drop("Message not taken");
      return;
    }
    if (!open.isOpen) return;
    if (this.holdsAcknowledgements) open.acknowledgements.push(id);
    else this.#inFlight.delete(id);
  }

  #nextId(): number {
    if (this.#packetIds === "incrementing") return this.#lastId = this.#lastId % 65_535 + 1;
    let id = 1;
    while (this.#inFlight.has(id)) id += 1;
    return id;
  }
}
