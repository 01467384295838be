/**
 * Open connection to a broker, on top of a client of MQTT.js.
 *
 * @module
 */
import type { IClientSubscribeOptions, MqttClient } from "mqtt";
import { Buffer } from "node:buffer";
import { Mutex, settledWithin } from "../lib/async.ts";
import { errorText } from "../lib/errors.ts";
import {
  type BrokerConnection,
  BrokerError,
  type FilterRequest,
  type PendingPublish,
  type Publication,
} from "./broker.ts";
import { errorCode, FIRST_FAILURE, reasonText } from "./errors.ts";
import { SendWindow } from "./send_window.ts";
import { isShared } from "./topics/rules.ts";

/** State of a connection from its first event on. */
export interface ConnectionState {
  /** Resolves with the reason when the connection has closed. */
  readonly closed: Promise<BrokerError>;
  /** Reason for the end of the connection, which is set a little before it has closed. */
  closeReason: BrokerError | undefined;
  /** Time at which bytes were last received, of `performance.now()`. */
  lastReceivedAt: number;
  /** True while a message is not taken: nothing is read behind it. */
  isHeld: boolean;
  /** Limits of the broker. */
  limits: BrokerLimits;
  /** True if the broker continued a session. */
  sessionPresent: boolean;
}

/** Returns the time since bytes were last received, in milliseconds; 0 while none are read. */
export function silentMsOf({ lastReceivedAt, isHeld }: Pick<ConnectionState, "lastReceivedAt" | "isHeld">): number {
  return isHeld ? 0 : performance.now() - lastReceivedAt;
}

/** Limits of a broker, from its CONNACK (MQTT 5, section 3.2.2.3). */
export interface BrokerLimits {
  /** Most unacknowledged messages. */
  readonly receiveMaximum?: number | undefined;
  /** Highest quality of service. */
  readonly maximumQoS?: number | undefined;
  /** True if it supports retained messages. */
  readonly retainAvailable?: boolean | undefined;
  /** Largest packet, in bytes. */
  readonly maximumPacketSize?: number | undefined;
  /** True if its deliveries have subscription identifiers. */
  readonly subscriptionIdentifiersAvailable?: boolean | undefined;
  /** True if it supports shared subscriptions. */
  readonly sharedSubscriptionAvailable?: boolean | undefined;
}

/** Retain handling of a subscription (MQTT 5, section 3.8.3.1). */
const RETAIN_HANDLING = { never: 2 } as const;

/** First SUBACK code of a refused filter (MQTT 3.1.1, section 3.9.3; MQTT 5, section 3.9.3). */
const SUBSCRIPTION_REFUSED = 128;

/** Most unacknowledged messages for an MQTT 5 broker without a receive maximum: the number of message identifiers. */
const MAX_UNACKNOWLEDGED = 65_535;

/**
 * Most unacknowledged messages for an MQTT 3.1.1 broker, which cannot send a receive maximum: by default, Mosquitto
 * acknowledges and drops more than 20 messages of QoS 2, EMQX keeps 100, and aedes closes the connection beyond 1,000.
 */
const MAX_UNACKNOWLEDGED_V3 = 20;

/**
 * Longest wait for the PINGRESP that confirms messages of QoS 0, in milliseconds: most brokers respond within one. After
 * it, the message counts as sent.
 */
const CONFIRM_TIMEOUT_MS = 250;

/** Upper bound of a packet beside topic and payload, with the fields that are sent here, in bytes. */
const PACKET_HEAD_BYTES = 32;

/** Largest packet of filters for brokers without a maximum packet size, in bytes. */
const MAX_FILTER_PACKET_BYTES = 64 * 1024;

/** Most filters that are sent without a pause, in which everything else runs. */
const FILTERS_PER_PORTION = 100;

/** Most portions of filters that the broker has not acknowledged. */
const MAX_PENDING_PORTIONS = 10;

/** Longest wait for a graceful close before the socket is destroyed, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;

const utf8 = new TextEncoder();

/** Connection on a client of MQTT.js. */
export class MqttJsConnection implements BrokerConnection {
  readonly #client: MqttClient;
  readonly #state: ConnectionState;
  readonly #window: SendWindow;
  readonly #windowSize: number;
  /** Keeps the portions of successive commands in order. */
  readonly #sending = new Mutex();
  /** Functions that reject the publishes that are not settled. */
  readonly #unsettled = new Set<(reason: BrokerError) => void>();
  /** Called with the response to the pending PINGREQ. */
  #onPingResponse: (() => void)[] = [];
  /** Called with the response to the PINGREQ after the pending one. */
  #onNextPingResponse: (() => void)[] = [];
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #pendingCommands = 0;
  /** Number of messages that were canceled before their acknowledgement. */
  #canceled = 0;

  /** Takes over a connected client. */
  constructor(client: MqttClient, state: ConnectionState) {
    this.#client = client;
    this.#state = state;
    const defaultSize = client.options.protocolVersion === 5 ? MAX_UNACKNOWLEDGED : MAX_UNACKNOWLEDGED_V3;
    this.#windowSize = state.limits.receiveMaximum ?? defaultSize;
    this.#window = new SendWindow(this.#windowSize);
    client.on("packetreceive", ({ cmd }) => cmd === "pingresp" && this.#confirmPing());
    // MQTT.js never settles a QoS 0 publish that waits for the socket.
    state.closed.then((reason) => {
      clearTimeout(this.#pingTimer);
      this.#unsettled.forEach((reject) => reject(reason));
    });
  }

  /** Resolves with the reason when the connection has closed. */
  get closed(): Promise<BrokerError> {
    return this.#state.closed;
  }

  /** True if the broker had kept the session. */
  get sessionPresent(): boolean {
    return this.#state.sessionPresent;
  }

  /** Milliseconds since bytes were last received, as {@linkcode BrokerConnection.silentMs}. */
  get silentMs(): number {
    return silentMsOf(this.#state);
  }

  /** Sends a message, as {@linkcode BrokerConnection.publish}. */
  publish(publication: Publication): PendingPublish {
    const { topic, payload, qos, retain } = publication;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settled = () => void this.#unsettled.delete(reject);
    this.#unsettled.add(reject);
    // Also handles a rejection after the caller stopped waiting.
    promise.then(settled, settled);
    const fault = this.#unsupported(publication);
    if (fault !== undefined) {
      reject(new BrokerError(fault));
      return { acknowledged: promise, cancel: () => {} };
    }
    let messageId: number | undefined;
    let isCanceled = false;
    /** Conditions of success at QoS 0: the socket took the message, and the broker responds to the ping after it. */
    let missing = 2;
    const settleUnacknowledged = () => {
      missing -= 1;
      if (missing === 0) resolve();
    };
    const send = () => {
      if (!this.#client.connected) {
        if (qos > 0) this.#window.release();
        this.#throwFailure(undefined).catch(reject);
        return;
      }
      this.#pendingCommands += 1;
      this.#client.publish(topic, toBuffer(payload), { qos, retain }, (error, packet) => {
        this.#pendingCommands -= 1;
        // A canceled message still counts for the broker.
        if (qos > 0 && !isCanceled) this.#window.release();
        const code = errorCode(error);
        if (typeof code === "number" && code >= FIRST_FAILURE) {
          const isAnswer = packet?.cmd === "puback" || packet?.cmd === "pubrec" || packet?.cmd === "pubcomp";
          const reasonString = isAnswer ? packet.properties?.reasonString : undefined;
          reject(new BrokerError(`Publish error: ${reasonText(code, reasonString)}`));
        } else if (error) this.#throwFailure(error).catch(reject);
        else if (qos === 0) settleUnacknowledged();
        else resolve();
      });
      // In the same write as the message.
      if (qos === 0) this.#confirmByPing(settleUnacknowledged);
      else messageId = this.#client.getLastMessageId();
    };
    if (qos === 0) send();
    else this.#window.enqueue(send);
    return {
      acknowledged: promise,
      cancel: () => {
        if (this.#window.cancel(send)) reject(new BrokerError("Message removed"));
        else if (messageId !== undefined && !isCanceled) {
          isCanceled = true;
          this.#cancelSent(messageId);
        }
      },
    };
  }

  /** Subscribes to filters, as {@linkcode BrokerConnection.subscribe}. */
  async subscribe(requests: readonly FilterRequest[]): Promise<readonly string[]> {
    const usesIds = this.#client.options.protocolVersion === 5 &&
      this.#state.limits.subscriptionIdentifiersAvailable !== false;
    const { maximumPacketSize = Infinity, sharedSubscriptionAvailable = true } = this.#state.limits;
    // The broker would close the connection on any other request.
    const isSupported = ({ filter }: FilterRequest) =>
      filterBytes(filter) + PACKET_HEAD_BYTES <= maximumPacketSize &&
      (sharedSubscriptionAvailable || !isShared(filter));
    const supported = requests.filter(isSupported);
    // A packet has one identifier for all of its filters; without identifiers, filters of one QoS share packets.
    const packets = usesIds
      ? supported.map((request) => () =>
        this.#sendSubscribe([request.filter], {
          ...subscribeOptions(request),
          properties: { subscriptionIdentifier: request.id },
        })
      )
      : [...Map.groupBy(supported, ({ retained }) => retained)].flatMap(([retained, alike]) =>
        [...Map.groupBy(alike, ({ qos }) => qos)].flatMap(([qos, group]) =>
          this.#splitIntoPackets(group.map(({ filter }) => filter))
            .map((filters) => () => this.#sendSubscribe(filters, subscribeOptions({ qos, retained })))
        )
      );
    const refused = (await this.#run(() => this.#sendInPortions(packets, usesIds ? FILTERS_PER_PORTION : 1))).flat();
    return [...refused, ...requests.filter((request) => !isSupported(request)).map(({ filter }) => filter)];
  }

  /** Unsubscribes from filters, as {@linkcode BrokerConnection.unsubscribe}. */
  async unsubscribe(filters: readonly string[]): Promise<void> {
    const packets = this.#splitIntoPackets(filters).map((packet) => () => this.#client.unsubscribeAsync(packet));
    await this.#run(() => this.#sendInPortions(packets, 1));
  }

  /** Closes the connection, as {@linkcode BrokerConnection.close}. */
  async close(reason: BrokerError = new BrokerError("Connection closed")): Promise<void> {
    this.#state.closeReason ??= reason;
    // A graceful end waits for responses that may never come, and then MQTT.js would never settle the commands.
    this.#client.end(this.#pendingCommands > 0 || !this.#client.connected);
    await settledWithin(this.closed, CLOSE_TIMEOUT_MS);
    this.#client.stream.destroy();
    await this.closed;
  }

  /** Returns why the broker would close the connection on a message, and so affect all that share it. */
  #unsupported({ topic, payload, qos, retain }: Publication): string | undefined {
    const { maximumQoS = 2, retainAvailable = true, maximumPacketSize = Infinity } = this.#state.limits;
    if (qos > maximumQoS) return `Broker takes no more than qos ${maximumQoS}`;
    if (retain && !retainAvailable) return "Broker retains no messages";
    if (maximumPacketSize === Infinity) return undefined;
    const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload) + PACKET_HEAD_BYTES;
    return bytes > maximumPacketSize ? `Broker takes no messages of more than ${maximumPacketSize} bytes` : undefined;
  }

  /** Calls a function once the broker responds to a PINGREQ after all messages sent so far, or after a timeout. */
  #confirmByPing(confirm: () => void): void {
    this.#onNextPingResponse.push(confirm);
    if (this.#onPingResponse.length === 0) this.#sendPing();
  }

  #sendPing(): void {
    if (this.#onNextPingResponse.length === 0 || !this.#client.connected) return;
    this.#onPingResponse = this.#onNextPingResponse;
    this.#onNextPingResponse = [];
    this.#client.sendPing();
    this.#pingTimer = setTimeout(() => this.#confirmPing(), CONFIRM_TIMEOUT_MS);
  }

  #confirmPing(): void {
    clearTimeout(this.#pingTimer);
    const confirmed = this.#onPingResponse;
    this.#onPingResponse = [];
    for (const confirm of confirmed) confirm();
    this.#sendPing();
  }

  /**
   * Sends packets of filters in portions, so that many filters hold up nothing else.
   *
   * @param perPortion number of packets
   * @returns the broker's responses
   */
  async #sendInPortions<T>(packets: readonly (() => Promise<T>)[], perPortion: number): Promise<T[]> {
    const responses: Promise<T[]>[] = [];
    await this.#sending.runExclusive(async () => {
      for (let from = 0; from < packets.length; from += perPortion) {
        if (from > 0) {
          await new Promise((resolve) => setTimeout(resolve));
          await responses.at(-MAX_PENDING_PORTIONS);
        }
        // MQTT.js would queue the packets.
        if (!this.#client.connected) throw await this.closed;
        const response = Promise.all(packets.slice(from, from + perPortion).map((send) => send()));
        // A failure is reported below, after the portions that are sent meanwhile.
        response.catch(() => {});
        responses.push(response);
      }
    });
    return (await Promise.all(responses)).flat();
  }

  /** Distributes filters over packets within the broker's limit, and of one portion at most. */
  #splitIntoPackets(filters: readonly string[]): string[][] {
    const { maximumPacketSize = Infinity } = this.#state.limits;
    const maxBytes = Math.min(maximumPacketSize, MAX_FILTER_PACKET_BYTES) - PACKET_HEAD_BYTES;
    const packets: string[][] = [];
    let bytes = Infinity;
    for (const filter of filters) {
      bytes += filterBytes(filter);
      if (bytes > maxBytes || packets.at(-1)?.length === FILTERS_PER_PORTION) {
        packets.push([]);
        bytes = filterBytes(filter);
      }
      packets.at(-1)?.push(filter);
    }
    return packets;
  }

  #cancelSent(messageId: number): void {
    this.#client.removeOutgoingMessage(messageId);
    this.#canceled += 1;
    // Canceled messages fill the window until nothing can be sent.
    if (this.#canceled > this.#windowSize / 2) this.close(new BrokerError("Broker acknowledges too little"));
  }

  /** Throws the reason for the end of the connection if it is closing, or an error of the command. */
  async #throwFailure(error: unknown): Promise<never> {
    // MQTT.js settles pending commands just before it reports why the connection ends.
    await undefined;
    if (this.#state.closeReason !== undefined || !this.#client.connected) throw await this.closed;
    throw new BrokerError(errorText(error));
  }

  async #run<T>(command: () => Promise<T>): Promise<T> {
    // MQTT.js would queue the command.
    if (!this.#client.connected) throw await this.closed;
    this.#pendingCommands += 1;
    try {
      return await command();
    } catch (error) {
      return await this.#throwFailure(error);
    } finally {
      this.#pendingCommands -= 1;
    }
  }

  /** Sends one SUBSCRIBE packet, and returns the filters that the broker refused. */
  #sendSubscribe(filters: string[], options: IClientSubscribeOptions): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#client.subscribe(filters, options, (error, _, packet) => {
        // MQTT.js reports one refused filter as failure of all.
        const codes = packet?.granted.map(Number) ?? [];
        if (codes.length !== filters.length) reject(error);
        else resolve(filters.filter((_, index) => (codes[index] ?? 0) >= SUBSCRIPTION_REFUSED));
      });
    });
  }
}

/** Returns the options of a subscription for MQTT.js, which leaves out what 3.1.1 lacks. */
function subscribeOptions({ qos, retained }: Pick<FilterRequest, "qos" | "retained">): IClientSubscribeOptions {
  return retained === undefined ? { qos } : { qos, rh: RETAIN_HANDLING[retained] };
}

/** Converts a payload for MQTT.js, without copying bytes. */
export function toBuffer(payload: string | Uint8Array): string | Buffer {
  return typeof payload === "string" ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** Returns the bytes of a filter in a packet, with its length field and options. */
function filterBytes(filter: string): number {
  return utf8.encode(filter).length + 3;
}
