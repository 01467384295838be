/** Replicas with the writers of one log, and a publisher. */
import { assertEquals } from "@std/assert";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import type { BrokerAddress, BrokerConnection, ConnectBroker } from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import type { EventLog, StoredLogEntry } from "../../src/mqtt/replicas/event_log.ts";
import { LeaseHolder } from "../../src/mqtt/replicas/lease_holder.ts";
import { LogWriter } from "../../src/mqtt/replicas/log_writer.ts";
import { until } from "./deadline.ts";
import { MemoryLogServer } from "./memory_event_log.ts";

/** Opens connections to any broker. */
export const connect: ConnectBroker = createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined });
const utf8 = new TextDecoder();

/** Makes a writer without a lease. */
export function makeWriter(log: EventLog, address: BrokerAddress, interruptions: string[] = []): LogWriter {
  return new LogWriter({
    ...{ log, address, connect, clientId: () => "gateway", timeoutMs: 10_000, resumeSeconds: 120, clock: SYSTEM_CLOCK },
    random: Math.random,
    onLeftOut: () => {},
    onInterrupted: (reason) => void interruptions.push(String(reason)),
  });
}

/** Returns the payload of a message; nothing for another entry. */
export function payloadOf({ entry }: StoredLogEntry): readonly string[] {
  return entry.type === "message" ? [utf8.decode(entry.message.payload)] : [];
}

/** Asserts that the same messages were received as published, with a short message. */
export function assertSame(received: readonly string[], published: readonly string[]): void {
  const wrong = received.findIndex((payload, index) => payload !== published[index]);
  const around = (list: readonly string[]) => list.slice(Math.max(0, wrong - 5), wrong + 25).join(" ");
  if (wrong >= 0) assertEquals(around(received), around(published));
  assertEquals(received.length, published.length);
}

/** Replicas with one log, each of which has a writer. */
export class Replicas {
  readonly server = new MemoryLogServer();
  readonly interruptions: string[] = [];
  #terms = 0;

  /** Payloads in the log, in order. */
  get payloads(): readonly string[] {
    return this.server.model.read(0).entries
      .flatMap(payloadOf);
  }

  /** Asserts that the log has what was published. */
  assertHas(published: readonly string[]): void {
    assertSame(this.payloads, published);
  }

  /** Number of entries of a type in the log. */
  count(type: "gap" | "granted"): number {
    return this.server.model.read(0).entries.filter(({ entry }) => entry.type === type).length;
  }

  async want(...filters: readonly string[]): Promise<void> {
    const log = this.server.open();
    await log.renewReplica("replica");
    await log.want("replica", filters.map((filter) => [filter, 1] as const), undefined);
  }

  /** Gives the lease to the writer of a new replica, which begins. */
  async begin(address: BrokerAddress): Promise<LogWriter> {
    const log = this.server.open();
    const token = `${this.#terms += 1}`;
    await log.lease.take(token, await log.lease.read());
    const writer = makeWriter(log, address, this.interruptions);
    writer.held(token);
    return writer;
  }

  /** Starts a replica that takes the lease when it can. */
  start(address: BrokerAddress) {
    const log = this.server.open();
    const writer = makeWriter(log, address, this.interruptions);
    const holder = new LeaseHolder({
      lease: log.lease,
      clock: SYSTEM_CLOCK,
      newToken: () => crypto.randomUUID(),
      held: (token) => writer.held(token),
      lost: () => void writer.lost(),
    });
    return { log, writer, holder };
  }

  /** As `begin`, and waits until the broker has granted what replicas want. */
  async beginAndWait(address: BrokerAddress): Promise<LogWriter> {
    const granted = this.count("granted");
    const writer = await this.begin(address);
    await until("the grant", () => this.count("granted") > granted);
    return writer;
  }
}

/** Publishes numbers at QoS 1, one after the other. */
export class Publisher {
  readonly published: string[] = [];
  readonly #connection: BrokerConnection;

  constructor(connection: BrokerConnection) {
    this.#connection = connection;
  }

  async publish(count: number, topic = "a/b"): Promise<void> {
    const first = this.published.length;
    const payloads = Array.from({ length: count }, (_, index) => `${first + index}`);
    this.published.push(...payloads);
    for (const payload of payloads) {
      await this.#connection.publish({ topic, payload, qos: 1, retain: false }).acknowledged;
    }
  }
}
