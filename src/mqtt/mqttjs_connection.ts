/**
 * An open connection to a broker, as far as MQTT.js is asked for anything on it.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { IClientSubscribeOptions, MqttClient } from "mqtt";
import { Buffer } from "node:buffer";
import {
  type BrokerConnection,
  BrokerError,
  type FilterRequest,
  type PendingPublish,
  type Publication,
} from "./broker.ts";
import { errorCode } from "./errors.ts";
import { FIRST_FAILURE, reasonText } from "./reason_code.ts";
import { SendWindow } from "./send_window.ts";
import { isShared } from "./topics/rules.ts";

/** What is known of a connection, from its first moment on. */
export interface ConnectionState {
  /** Settles when it has ended. */
  readonly closed: Promise<BrokerError>;
  /** Why it ends, as soon as that is known; it is lost a little later. */
  closeReason: BrokerError | undefined;
  /** How many packets came from the broker. */
  packetsReceived: number;
  /** What the broker can do. */
  limits: BrokerLimits;
}

/** What a broker told of itself in its welcome (MQTT 5, section 3.2.2.3). */
export interface BrokerLimits {
  /** How many messages it takes before it acknowledges the first. */
  readonly receiveMaximum?: number | undefined;
  /** Highest quality of service. */
  readonly maximumQoS?: number | undefined;
  /** Whether it keeps messages for later subscribers. */
  readonly retainAvailable?: boolean | undefined;
  /** Largest packet, in bytes. */
  readonly maximumPacketSize?: number | undefined;
  /** Whether it tells which subscriptions a message is for. */
  readonly subscriptionIdentifiersAvailable?: boolean | undefined;
  /** Whether it has shared subscriptions. */
  readonly sharedSubscriptionAvailable?: boolean | undefined;
}

/** The first of SUBACK's words for "refused" (MQTT 3.1.1, section 3.9.3; MQTT 5, section 3.9.3). */
const SUBSCRIPTION_REFUSED = 128;

/** As many as there are message identifiers: what a broker of MQTT 5 takes at a time that names no bound. */
const ANY_NUMBER = 65_535;

/**
 * What a broker of 3.1.1, which cannot name a bound, takes at a time: Mosquitto acknowledges more than 20 messages of QoS 2
 * by default, and drops them; EMQX keeps 100, aedes ends the connection beyond 1,000.
 */
const CAUTIOUS_NUMBER = 20;

/**
 * Longest wait for a sign that the broker has read a message of QoS 0 and not hung up on it, in milliseconds: most
 * brokers answer within one. One that answers nothing leaves open what became of it, as QoS 0 does.
 */
const SIGN_MS = 250;

/** More than the head of a packet with a topic and the fields that we send takes beside topic and payload, in bytes. */
const PACKET_HEAD_BYTES = 32;

/** Largest packet of filters, in bytes, for brokers that name no bound. */
const MAX_FILTER_PACKET_BYTES = 64 * 1024;

/** How long a farewell may take before the socket is cut, in milliseconds: a frozen broker never answers it. */
const CLOSE_TIMEOUT_MS = 1000;

const utf8 = new TextEncoder();

/** An open connection. */
export class MqttJsConnection implements BrokerConnection {
  readonly #client: MqttClient;
  readonly #state: ConnectionState;
  readonly #window: SendWindow;
  readonly #windowSize: number;
  readonly #unsettled = new Set<(reason: BrokerError) => void>();
  /** Called at the answer to the PINGREQ that is under way, and to the next one. */
  #pinged: (() => void)[] = [];
  #toPing: (() => void)[] = [];
  #signTimer: ReturnType<typeof setTimeout> | undefined;
  #underWay = 0;
  #abandoned = 0;

  /** Takes over a client that the broker has welcomed. */
  constructor(client: MqttClient, state: ConnectionState) {
    this.#client = client;
    this.#state = state;
    const unnamed = client.options.protocolVersion === 5 ? ANY_NUMBER : CAUTIOUS_NUMBER;
    this.#windowSize = state.limits.receiveMaximum ?? unnamed;
    this.#window = new SendWindow(this.#windowSize);
    client.on("packetreceive", ({ cmd }) => cmd === "pingresp" && this.#gotSign());
    // MQTT.js never settles a QoS 0 publish that waits for the socket to take it.
    state.closed.then((reason) => {
      clearTimeout(this.#signTimer);
      this.#unsettled.forEach((reject) => reject(reason));
    });
  }

  /** Settles when the connection has ended, with the reason. */
  get closed(): Promise<BrokerError> {
    return this.#state.closed;
  }

  /** How many packets came from the broker by now. */
  get packetsReceived(): number {
    return this.#state.packetsReceived;
  }

  /** Sends a message, as {@linkcode BrokerConnection.publish} says. */
  publish(publication: Publication): PendingPublish {
    const { topic, payload, qos, retain } = publication;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settled = () => void this.#unsettled.delete(reject);
    this.#unsettled.add(reject);
    // This also takes note of the failure where nobody waits for it any more.
    promise.then(settled, settled);
    const fault = this.#faultOf(publication);
    if (fault !== undefined) {
      reject(new BrokerError(fault));
      return { acknowledged: promise, cancel: () => {} };
    }
    let messageId: number | undefined;
    let isAbandoned = false;
    const send = () => {
      if (!this.#client.connected) {
        if (qos > 0) this.#window.leave();
        this.#failed(undefined).catch(reject);
        return;
      }
      this.#underWay += 1;
      this.#client.publish(topic, toBuffer(payload), { qos, retain }, (error, packet) => {
        this.#underWay -= 1;
        // The broker goes on counting what was abandoned.
        if (qos > 0 && !isAbandoned) this.#window.leave();
        const code = errorCode(error);
        if (typeof code === "number" && code >= FIRST_FAILURE) {
          const isAnswer = packet?.cmd === "puback" || packet?.cmd === "pubrec" || packet?.cmd === "pubcomp";
          const detail = isAnswer ? packet.properties?.reasonString : undefined;
          reject(new BrokerError(`Publish error: ${reasonText(code, detail)}`));
        } else if (error) this.#failed(error).catch(reject);
        else if (qos === 0) this.#awaitSign(resolve);
        else resolve();
      });
      if (qos > 0) messageId = this.#client.getLastMessageId();
    };
    if (qos === 0) send();
    else this.#window.enter(send);
    return {
      acknowledged: promise,
      cancel: () => {
        if (this.#window.cancel(send)) reject(new BrokerError("Message removed"));
        else if (messageId !== undefined && !isAbandoned) {
          isAbandoned = true;
          this.#abandon(messageId);
        }
      },
    };
  }

  /** Asks for filters, as {@linkcode BrokerConnection.subscribe} says. */
  async subscribe(requests: readonly FilterRequest[]): Promise<readonly string[]> {
    // A packet has room for one id, and one for each quality of service is enough where there are none.
    const takesIds = this.#client.options.protocolVersion === 5 &&
      this.#state.limits.subscriptionIdentifiersAvailable !== false;
    const { maximumPacketSize = Infinity, sharedSubscriptionAvailable = true } = this.#state.limits;
    // For another one the broker would hang up.
    const fits = ({ filter }: FilterRequest) =>
      filterBytes(filter) + PACKET_HEAD_BYTES <= maximumPacketSize &&
      (sharedSubscriptionAvailable || !isShared(filter));
    const fitting = requests.filter(fits);
    const packets = takesIds
      ? fitting.map(({ filter, qos, id }) => () =>
        this.#ask([filter], { qos, properties: { subscriptionIdentifier: id } })
      )
      : [...Map.groupBy(fitting, ({ qos }) => qos)].flatMap(([qos, group]) =>
        this.#inPackets(group.map(({ filter }) => filter)).map((filters) => () => this.#ask(filters, { qos }))
      );
    const refused = (await this.#run(() => Promise.all(packets.map((send) => send())))).flat();
    return [...refused, ...requests.filter((request) => !fits(request)).map(({ filter }) => filter)];
  }

  /** Asks for no more of filters, as {@linkcode BrokerConnection.unsubscribe} says. */
  async unsubscribe(filters: readonly string[]): Promise<void> {
    const packets = this.#inPackets(filters);
    await this.#run(() => Promise.all(packets.map((some) => this.#client.unsubscribeAsync(some))));
  }

  /** Says goodbye, as {@linkcode BrokerConnection.close} says. */
  async close(reason: BrokerError = new BrokerError("Connection closed")): Promise<void> {
    this.#state.closeReason ??= reason;
    // A polite end waits for answers that may never come, and MQTT.js would then never settle the commands.
    this.#client.end(this.#underWay > 0 || !this.#client.connected);
    const cut = setTimeout(() => this.#client.stream.destroy(), CLOSE_TIMEOUT_MS);
    await this.closed;
    clearTimeout(cut);
  }

  /** Says why the broker would hang up on a message, and with it on everybody else. */
  #faultOf({ topic, payload, qos, retain }: Publication): string | undefined {
    const { maximumQoS = 2, retainAvailable = true, maximumPacketSize = Infinity } = this.#state.limits;
    if (qos > maximumQoS) return `Broker takes no more than qos ${maximumQoS}`;
    if (retain && !retainAvailable) return "Broker retains no messages";
    if (maximumPacketSize === Infinity) return undefined;
    const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload) + PACKET_HEAD_BYTES;
    return bytes > maximumPacketSize ? `Broker takes no messages of more than ${maximumPacketSize} bytes` : undefined;
  }

  /** Calls a function once the broker shows that it goes on after what was sent by now, or says nothing for long. */
  #awaitSign(settle: () => void): void {
    this.#toPing.push(settle);
    if (this.#pinged.length === 0) this.#askForSign();
  }

  #askForSign(): void {
    if (this.#toPing.length === 0 || !this.#client.connected) return;
    this.#pinged = this.#toPing;
    this.#toPing = [];
    this.#client.sendPing();
    this.#signTimer = setTimeout(() => this.#gotSign(), SIGN_MS);
  }

  #gotSign(): void {
    clearTimeout(this.#signTimer);
    const answered = this.#pinged;
    this.#pinged = [];
    for (const settle of answered) settle();
    this.#askForSign();
  }

  /** Shares filters out among packets that the broker takes. */
  #inPackets(filters: readonly string[]): string[][] {
    const { maximumPacketSize = Infinity } = this.#state.limits;
    const most = Math.min(maximumPacketSize, MAX_FILTER_PACKET_BYTES) - PACKET_HEAD_BYTES;
    const packets: string[][] = [];
    let bytes = Infinity;
    for (const filter of filters) {
      bytes += filterBytes(filter);
      if (bytes > most) {
        packets.push([]);
        bytes = filterBytes(filter);
      }
      packets.at(-1)?.push(filter);
    }
    return packets;
  }

  #abandon(messageId: number): void {
    this.#client.removeOutgoingMessage(messageId);
    this.#abandoned += 1;
    // Soon it would take nothing at all any more.
    if (this.#abandoned > this.#windowSize / 2) this.close(new BrokerError("Broker acknowledges too little"));
  }

  /** Tells a failure by the end of the connection where that was its cause. */
  async #failed(error: unknown): Promise<never> {
    // MQTT.js settles what is under way just before it tells why the connection ends.
    await undefined;
    if (this.#state.closeReason !== undefined || !this.#client.connected) throw await this.closed;
    throw new BrokerError(errorText(error));
  }

  /** Runs a command. */
  async #run<T>(command: () => Promise<T>): Promise<T> {
    // MQTT.js would keep the command for later.
    if (!this.#client.connected) throw await this.closed;
    this.#underWay += 1;
    try {
      return await command();
    } catch (error) {
      return await this.#failed(error);
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Sends one packet with filters; answers those that the broker refused. */
  #ask(filters: string[], options: IClientSubscribeOptions): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#client.subscribe(filters, options, (error, _, packet) => {
        // MQTT.js takes one refusal for the failure of all.
        const codes = packet?.granted.map(Number) ?? [];
        if (codes.length !== filters.length) reject(error);
        else resolve(filters.filter((_, index) => (codes[index] ?? 0) >= SUBSCRIPTION_REFUSED));
      });
    });
  }
}

/** Makes a payload what MQTT.js sends, without a copy of bytes. */
export function toBuffer(payload: string | Uint8Array): string | Buffer {
  return typeof payload === "string" ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** What a filter takes in a packet: its length in two bytes, itself, and its options. */
function filterBytes(filter: string): number {
  return utf8.encode(filter).length + 3;
}
