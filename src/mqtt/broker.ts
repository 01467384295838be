/**
 * Types of a broker connection, and its errors.
 *
 * @module
 */
import type { Duplex } from "node:stream";

/** Address of a broker, and the login. */
export interface BrokerAddress {
  /** Host name or IP address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** User name, if the broker requires one. */
  readonly username?: string | undefined;
  /** Password, if the broker requires one. */
  readonly password?: string | undefined;
  /** Certificates; present for TLS. */
  readonly tls?: BrokerTls | undefined;
  /** Path of the WebSocket that carries MQTT; plain TCP without it. */
  readonly webSocketPath?: string | undefined;
  /** Prefix of client identifiers; a random suffix makes those of several connections and gateways differ. */
  readonly clientIdPrefix?: string | undefined;
  /** Opens a stream to a broker in this process, instead of a socket to host and port. */
  readonly open?: (() => Duplex) | undefined;
}

/** Certificates and keys for TLS with a broker, in PEM format. */
export interface BrokerTls {
  /** Certificate of a private authority. */
  readonly ca?: string | undefined;
  /** Client certificate of the gateway, if the broker requires one. */
  readonly cert?: string | undefined;
  /** Private key of the client certificate. */
  readonly key?: string | undefined;
}

/** Quality of service: at most once, at least once, exactly once. */
export type QoS = 0 | 1 | 2;

/** Message as the broker delivered it. */
export interface BrokerMessage {
  /** Topic it was published to. */
  readonly topic: string;
  /** Payload. */
  readonly payload: Uint8Array;
  /** Length of a payload beyond the connection's limit, in bytes; `payload` is empty then. */
  readonly omittedBytes?: number | undefined;
  /** Quality of service of this delivery. */
  readonly qos: QoS;
  /** True for a retained message, which the broker stored before the subscription. */
  readonly retain: boolean;
  /**
   * Ids of the subscriptions that this delivery is for; undefined for all that match. A broker may send one message as
   * several deliveries with different ids (MQTT 5, section 3.3.4).
   */
  readonly subscriptions?: readonly number[] | undefined;
  /** Packet identifier of a delivery of QoS 1 or 2 in a session; undefined without a session. */
  readonly packetId?: number | undefined;
  /** True if the broker says that it sent this delivery before, in a session. */
  readonly isDuplicate?: boolean | undefined;
}

/**
 * Receives a message. The connection acknowledges it once the promise, if there is one, resolves, and reads no further
 * before; in a session, it reads on while fewer than `receiveMaximum` messages of QoS 1 wait. If the promise rejects, the
 * connection is closed without the acknowledgement.
 */
export type ReceiveMessage = (message: BrokerMessage) => Promise<void> | undefined;

/** Message to publish. */
export interface Publication {
  /** Topic to publish to, without wildcards. */
  readonly topic: string;
  /** Payload; an empty one clears a retained message. */
  readonly payload: string | Uint8Array;
  /** Quality of service. */
  readonly qos: QoS;
  /** True if the broker stores it for later subscribers. */
  readonly retain: boolean;
}

/** Message that was passed to a connection. */
export interface PendingPublish {
  /**
   * Resolves with the broker's acknowledgement (QoS 1 and 2), or once the socket took the message and the broker did
   * not close the connection at once (QoS 0). Rejects with a `BrokerError` if the broker refuses the message, or the
   * connection closes before.
   */
  readonly acknowledged: Promise<void>;
  /** Stops waiting: a message that is not sent yet is never sent, and its memory is freed. */
  cancel(): void;
}

/** Filter to request from the broker. */
export interface FilterRequest {
  /** Topic filter. */
  readonly filter: string;
  /** Highest quality of service. */
  readonly qos: QoS;
  /** Unique subscription identifier from 1 to 268,435,455, as in {@linkcode BrokerMessage.subscriptions}. */
  readonly id: number;
  /** "never" requests no retained messages, which only MQTT 5 can; a broker of MQTT 3.1.1 sends them. */
  readonly retained?: "never" | undefined;
}

/** Open connection, which never reconnects by itself. */
export interface BrokerConnection {
  /** Resolves with the reason when the connection has closed. */
  readonly closed: Promise<BrokerError>;
  /** True if the broker had kept the session, with its subscriptions and unacknowledged messages. */
  readonly sessionPresent?: boolean | undefined;
  /** Milliseconds since bytes were last received, also those of a packet that is not complete; 0 while none are read. */
  readonly silentMs: number;
  /** Sends a message. */
  publish(publication: Publication): PendingPublish;
  /**
   * Subscribes to filters, whose messages go to the connection's `onMessage`. For a filter that is subscribed already,
   * the broker sends its retained messages again.
   *
   * @returns the filters that the broker refused
   * @throws {BrokerError} if the connection closes before the broker responds
   */
  subscribe(requests: readonly FilterRequest[]): Promise<readonly string[]>;
  /**
   * Unsubscribes from filters.
   *
   * @throws {BrokerError} if the connection closes before the broker responds
   */
  unsubscribe(filters: readonly string[]): Promise<void>;
  /**
   * Sends DISCONNECT and closes the connection; the broker keeps a session. Never throws; settles once the socket is
   * closed.
   *
   * @param reason error of pending commands
   */
  close(reason?: BrokerError): Promise<void>;
}

/**
 * Session that the broker keeps while no client is connected: subscriptions, and messages of QoS 1 and 2 (MQTT 5,
 * section 4.1). A new connection with the same identifier ends the one before.
 */
export interface BrokerSession {
  /** Client identifier, the same for each connection. */
  readonly clientId: string;
  /**
   * Time for which the broker keeps it after a connection has closed, in seconds. A broker of MQTT 3.1.1 cannot be told
   * one.
   */
  readonly expirySeconds: number;
  /** Most messages that the broker sends without their acknowledgement, from 1 to 65,535; unlimited in MQTT 3.1.1. */
  readonly receiveMaximum: number;
}

/** Options of one connection. */
export interface ConnectOptions {
  /** Aborts the attempt to connect. */
  readonly signal: AbortSignal;
  /** Called for each message, in the broker's order. */
  readonly onMessage?: ReceiveMessage;
  /** Message that the broker publishes when the connection closes without DISCONNECT. */
  readonly will?: Publication;
  /** Session to continue, or to begin; by default, the connection has one of its own that ends with it. */
  readonly session?: BrokerSession | undefined;
}

/**
 * Returns whether a broker that did not respond in time is frozen: it sent nothing in the second half of that time. What
 * it sent before may be the response to an earlier command.
 */
export function isFrozen({ silentMs }: Pick<BrokerConnection, "silentMs">, timeoutMs: number): boolean {
  return silentMs >= timeoutMs / 2;
}

/** Opens a connection to a broker. */
export type ConnectBroker = (address: BrokerAddress, options: ConnectOptions) => Promise<BrokerConnection>;

/** Failure of a broker or its connection. The message goes to clients, and contains no secret. */
export class BrokerError extends Error {
  /** Makes the error from its message. */
  constructor(message: string) {
    super(message);
    this.name = "BrokerError";
  }
}

/** Broker that does not accept a login. */
export class BrokerLoginError extends BrokerError {
  /** Makes the error from its message. */
  constructor(message: string) {
    super(message);
    this.name = "BrokerLoginError";
  }
}

/** Broker at an address to which no client may connect. */
export class BrokerForbiddenError extends BrokerError {
  /** Makes the error from its message. */
  constructor(message: string) {
    super(message);
    this.name = "BrokerForbiddenError";
  }
}
