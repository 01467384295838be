/**
 * What the rest of the gateway knows of an MQTT broker: an address, a connection, and how either fails.
 *
 * @module
 */
import type { Duplex } from "node:stream";

/** Which broker, and as whom. */
export interface BrokerAddress {
  /** Host name or IP address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** User name, when the broker wants one. */
  readonly username?: string | undefined;
  /** Password, when the broker wants one. */
  readonly password?: string | undefined;
  /** Present for TLS. */
  readonly tls?: BrokerTls | undefined;
  /** Path of the WebSocket that MQTT goes through; plain TCP without it. */
  readonly webSocketPath?: string | undefined;
  /** What client identifiers begin with; a random end keeps those of one gateway, and of several, apart. */
  readonly clientIdPrefix?: string | undefined;
  /** Opens a stream to a broker in this process, in place of a socket to host and port. */
  readonly open?: (() => Duplex) | undefined;
}

/** How TLS with a broker differs from the usual, in PEM texts. */
export interface BrokerTls {
  /** Certificate of a private authority. */
  readonly ca?: string | undefined;
  /** The gateway's own certificate, where the broker wants one. */
  readonly cert?: string | undefined;
  /** The private key of that certificate. */
  readonly key?: string | undefined;
}

/** Quality of service: at most once, at least once, exactly once. */
export type QoS = 0 | 1 | 2;

/** One message as the broker delivered it. */
export interface BrokerMessage {
  /** The topic it was published to. */
  readonly topic: string;
  /** Its payload. */
  readonly payload: Uint8Array;
  /** Length of a payload that is larger than the connection takes, in bytes; `payload` is empty then. */
  readonly omittedBytes?: number | undefined;
  /** Quality of service of this delivery. */
  readonly qos: QoS;
  /** True when the broker had kept it from before the subscription. */
  readonly retain: boolean;
  /**
   * The ids of the subscriptions that this delivery is for; all that match, where the broker does not tell. One
   * message may come as several deliveries, each for other subscriptions (MQTT 5, section 3.3.4).
   */
  readonly subscriptions?: readonly number[] | undefined;
}

/** Takes a message. The broker is held back until the promise, if there is one, settles. */
export type ReceiveMessage = (message: BrokerMessage) => Promise<void> | undefined;

/** One message for the broker. */
export interface Publication {
  /** The topic to publish to, free of wildcards. */
  readonly topic: string;
  /** Its payload; empty clears a retained message. */
  readonly payload: string | Uint8Array;
  /** Quality of service. */
  readonly qos: QoS;
  /** Whether the broker shall keep it for later subscribers. */
  readonly retain: boolean;
}

/** A message on its way to the broker. */
export interface PendingPublish {
  /**
   * Settles when the broker has it (QoS 1 and 2), or the socket took it and the broker has not hung up on it (QoS 0, as
   * far as that shows at once). Rejects with a `BrokerError` if the broker refuses it, or the connection ends before.
   */
  readonly acknowledged: Promise<void>;
  /** Stops waiting: what was not sent yet is not sent, and nothing of it is kept. */
  cancel(): void;
}

/** One filter to ask the broker for. */
export interface FilterRequest {
  /** The topic filter. */
  readonly filter: string;
  /** Highest quality of service. */
  readonly qos: QoS;
  /** A number of its own, from 1 to 268,435,455, to tell in {@linkcode BrokerMessage.subscriptions}. */
  readonly id: number;
}

/** An open connection. It never reconnects by itself: a lost one is lost, and says so once. */
export interface BrokerConnection {
  /** Settles when the connection has ended, with the reason. */
  readonly closed: Promise<BrokerError>;
  /** How many packets came from the broker by now: tells a frozen one from a busy one. */
  readonly packetsReceived: number;
  /** Sends a message. */
  publish(publication: Publication): PendingPublish;
  /**
   * Asks for the messages that match some filters; they go to the connection's `onMessage`. A filter that was asked
   * for before is asked for anew: the broker sends what it retains once more.
   *
   * @returns the filters that the broker refused
   * @throws {BrokerError} if the connection ends before the broker answers
   */
  subscribe(requests: readonly FilterRequest[]): Promise<readonly string[]>;
  /**
   * Asks for no more of some filters.
   *
   * @throws {BrokerError} if the connection ends before the broker answers
   */
  unsubscribe(filters: readonly string[]): Promise<void>;
  /**
   * Says goodbye and ends the connection. Never throws; settles once the socket is closed.
   *
   * @param reason what to tell whoever still waits on the connection
   */
  close(reason?: BrokerError): Promise<void>;
}

/** What opening a connection takes besides the address. */
export interface ConnectOptions {
  /** Gives up, or abandons the attempt, when aborted. */
  readonly signal: AbortSignal;
  /** Called for each message, in the broker's order. */
  readonly onMessage?: ReceiveMessage;
  /** What the broker publishes when the connection ends without a goodbye. */
  readonly will?: Publication;
}

/** Opens a connection to a broker. */
export type ConnectBroker = (address: BrokerAddress, options: ConnectOptions) => Promise<BrokerConnection>;

/** Something went wrong with a broker. The message is for the client, and holds no secret. */
export class BrokerError extends Error {
  /** Makes the error from its message. */
  constructor(message: string) {
    super(message);
    this.name = "BrokerError";
  }
}

/** A broker leads to an address where nobody may be sent. */
export class BrokerForbiddenError extends BrokerError {
  /** Makes the error from its message. */
  constructor(message: string) {
    super(message);
    this.name = "BrokerForbiddenError";
  }
}
