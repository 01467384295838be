/**
 * Opens connections to MQTT brokers. Only this file and `mqttjs_connection.ts` import MQTT.js.
 *
 * @module
 */
import { type IClientOptions, MqttClient } from "mqtt";
import { writeToStream } from "mqtt-packet";
import constants from "mqtt-packet/constants.js";
import type { Duplex } from "node:stream";
import { Acknowledgements } from "./acknowledgements.ts";
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  BrokerForbiddenError,
  type BrokerSession,
  type ConnectBroker,
  type ConnectOptions,
} from "./broker.ts";
import { connectionError, errorCode, FIRST_FAILURE, REASONS, reasonText } from "./errors.ts";
import { KeepaliveTimer } from "./keepalive_timer.ts";
import { type ConnectionState, MqttJsConnection, silentMsOf, toBuffer } from "./mqttjs_connection.ts";
import { MARKER_BYTES, omittedBytes, PacketLimit } from "./packet_limit.ts";
import { openSocket, readThrough, webSocketTarget } from "./transport.ts";

/** CONNACK codes for an unsupported protocol version, of MQTT 3.1.1 and of MQTT 5. */
const UNSUPPORTED_VERSION: readonly unknown[] = [1, 132];

/** Socket errors after a broker reset the connection because of a CONNECT that it cannot parse. */
const CONNECTION_RESET: readonly unknown[] = ["ECONNRESET", "EPIPE"];

/** Prefix of client identifiers if the address has none. */
const CLIENT_ID_PREFIX = "e2e-gateway";

/** Random suffix of a client identifier, in bytes: with the prefix above, short enough for every broker. */
const CLIENT_ID_BYTES = 4;

/** Most bytes of a packet beside its payload: a topic of any length, and some properties. */
const PACKET_SLACK_BYTES = 128 * 1024;

/** Largest payload by default, in bytes. */
const MAX_PAYLOAD_BYTES = 8 * 2 ** 20;

/** Most bytes of a WebSocket frame beside one packet: a frame may contain several packets, or a part of one. */
const FRAME_SLACK_BYTES = 2 ** 20;

/** Makes MQTT.js go on with the next message, without an acknowledgement of this one. */
const ACKNOWLEDGED_LATER = new Error("Acknowledged later");

const EMPTY = new Uint8Array(0);

const utf8 = new TextEncoder();

/** Configuration of all connections. */
export interface ConnectBrokerOptions {
  /** Interval of pings on a silent connection, in seconds. */
  readonly keepaliveSeconds: number;
  /** Returns why no client may connect to an IP address, as text that follows it; undefined if one may. */
  readonly addressFault: (address: string) => string | undefined;
  /**
   * Largest payload to receive, in bytes; 8 MiB by default. An MQTT 5 broker is asked not to send larger packets; of
   * those that arrive all the same, only the header is buffered.
   */
  readonly maxPayloadBytes?: number;
}

/** Makes the function that opens connections: with MQTT 5, or with 3.1.1 if the broker does not speak 5. */
export function createConnectBroker(options: ConnectBrokerOptions): ConnectBroker {
  acceptAllReasonCodes();
  // MQTT.js would keep a buffer for each of 65,536 numbers: 8 MB, filled at the first packet.
  writeToStream.cacheNumbers = false;
  return async (address, connectOptions) => {
    const result = await openConnection(address, { protocolVersion: 5, options, connectOptions });
    if (!(result instanceof BrokerError)) return result;
    const older = await openConnection(address, { protocolVersion: 4, options, connectOptions });
    if (!(older instanceof BrokerError)) return older;
    throw older;
  };
}

/** One attempt to connect. */
interface Attempt {
  readonly protocolVersion: 4 | 5;
  readonly options: ConnectBrokerOptions;
  readonly connectOptions: ConnectOptions;
}

/**
 * Opens a connection with one protocol version.
 *
 * @returns an error if the broker may require another version
 * @throws {BrokerError} if it fails for any other reason
 */
async function openConnection(
  address: BrokerAddress,
  { protocolVersion, options, connectOptions: { signal, onMessage, will, session } }: Attempt,
): Promise<BrokerConnection | BrokerError> {
  signal.throwIfAborted();
  // Loaded only for brokers that are reached through one.
  const openWebSocket = address.webSocketPath === undefined ? undefined : await loadWebSocket();
  const endpoint = `${address.host}:${address.port}`;
  const maxBytes = (options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES) + PACKET_SLACK_BYTES;
  const marker = crypto.getRandomValues(new Uint8Array(MARKER_BYTES));
  const client: MqttClient = new MqttClient(() => {
    const stream = openStream();
    const onFault = (message: string) => {
      state.closeReason ??= new BrokerError(message);
      stream.destroy();
    };
    const onBytes = () => void (state.lastReceivedAt = performance.now());
    return readThrough(stream, new PacketLimit({ maxBytes, version: protocolVersion, marker, onFault, onBytes }));
  }, {
    ...clientOptions(address, options.keepaliveSeconds),
    ...will && { will: { ...will, payload: toBuffer(will.payload) } },
    ...session && { clientId: session.clientId, clean: false },
    protocolVersion,
    ...protocolVersion === 5 ? { properties: { maximumPacketSize: maxBytes, ...sessionProperties(session) } } : {},
  });
  function openStream(): Duplex {
    if (address.open !== undefined) return address.open();
    const socket = openSocket(address);
    // The socket resolves the name once, and emits this before it connects: the checked address is the one that is
    // connected to, even if the name server changes its answer.
    socket.on("lookup", (error: unknown, ip: unknown) => {
      const fault = options.addressFault(String(ip));
      if (error || fault === undefined) return;
      state.closeReason ??= new BrokerForbiddenError(`Broker not allowed: ${endpoint} leads to ${ip}, which ${fault}`);
      socket.destroy(state.closeReason);
    });
    const { webSocketPath: path } = address;
    if (path === undefined || openWebSocket === undefined) return socket;
    const maxFrameBytes = maxBytes + FRAME_SLACK_BYTES;
    const webSocket = openWebSocket(client, webSocketTarget(socket, { address, path, maxFrameBytes }));
    // MQTT.js reports no errors without a code, such as an HTTP status instead of a WebSocket.
    return webSocket.once("error", (error: unknown) => void (state.closeReason ??= connectionError(error, endpoint)));
  }
  const closed = Promise.withResolvers<BrokerError>();
  const connected = Promise.withResolvers<undefined>();
  const state: ConnectionState = {
    closed: closed.promise,
    closeReason: undefined,
    lastReceivedAt: 0,
    isHeld: false,
    limits: {},
    sessionPresent: false,
  };
  let mayNeedOtherVersion = false;
  const onAbort = () => {
    state.closeReason ??= signal.reason instanceof BrokerError
      ? signal.reason
      : new BrokerError(`Broker ${endpoint} not awaited`);
    client.end(true);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  const onNotTaken = (error: unknown) => {
    state.closeReason ??= error instanceof BrokerError ? error : new BrokerError("Message not taken");
    client.end(true);
  };
  const acknowledgements = session && new Acknowledgements({
    max: session.receiveMaximum,
    acknowledge(messageId) {
      if (!client.connected || client.disconnecting) return;
      writeToStream({ cmd: "puback", messageId, reasonCode: 0 }, client.stream, { protocolVersion });
    },
    onNotTaken,
  });
  client.once("connect", ({ properties, sessionPresent }) => {
    state.limits = properties ?? {};
    state.sessionPresent = sessionPresent;
    connected.resolve(undefined);
  });
  client.on("error", (error) => {
    mayNeedOtherVersion ||= [...UNSUPPORTED_VERSION, ...CONNECTION_RESET].includes(errorCode(error));
    state.closeReason ??= connectionError(error, endpoint);
    client.end(true);
  });
  client.on("close", () => {
    // Some older brokers close the connection on a CONNECT that they cannot parse.
    mayNeedOtherVersion ||= state.closeReason === undefined;
    closed.resolve(state.closeReason ?? new BrokerError(`Broker ${endpoint} closed the connection`));
    // Without this, MQTT.js would never settle pending publishes.
    client.end(true);
  });
  client.on("disconnect", ({ reasonCode = 0, properties }) => {
    const reason = reasonText(reasonCode, properties?.reasonString);
    state.closeReason ??= new BrokerError(`Broker ${endpoint} ended the connection: ${reason}`);
    client.end(true);
  });
  client.onKeepaliveTimeout = () => {
    // The PINGRESP may wait behind messages that are not taken yet.
    if (silentMsOf(state) < client.keepalive * 1000) client.sendPing();
    else MqttClient.prototype.onKeepaliveTimeout.call(client);
  };
  /** Reads on once there is room. Until then silence says nothing about the broker. */
  const resumeWhen = (room: Promise<void>, resume: () => void) => {
    state.isHeld = true;
    room.then(() => {
      state.isHeld = false;
      state.lastReceivedAt = performance.now();
      resume();
    }, onNotTaken);
  };
  client.handleMessage = ({ topic, payload, qos, retain, properties, messageId, dup }, done) => {
    const bytes = typeof payload === "string" ? utf8.encode(payload) : payload;
    const omitted = omittedBytes(bytes, marker);
    const id = properties?.subscriptionIdentifier;
    const backpressure = onMessage?.({
      topic,
      payload: omitted === undefined ? bytes : EMPTY,
      omittedBytes: omitted,
      qos,
      retain,
      subscriptions: typeof id === "number" ? [id] : id,
      ...session && { packetId: messageId, isDuplicate: dup },
    });
    if (acknowledgements !== undefined && qos === 1 && messageId !== undefined) {
      const room = acknowledgements.add({ packetId: messageId, bytes: bytes.length, taken: backpressure });
      if (room === undefined) done(ACKNOWLEDGED_LATER);
      else resumeWhen(room, () => done(ACKNOWLEDGED_LATER));
    } else if (backpressure === undefined) done();
    // `done` with an error would go on with the next message.
    else resumeWhen(backpressure, () => done());
  };
  try {
    client.connect();
  } catch (error) {
    state.closeReason ??= connectionError(error, endpoint);
    closed.resolve(state.closeReason);
    client.stream?.destroy();
  }

  const failure = await Promise.race([connected.promise, closed.promise]);
  signal.removeEventListener("abort", onAbort);
  if (failure === undefined) return new MqttJsConnection(client, state);
  if (mayNeedOtherVersion) return failure;
  throw failure;
}

async function loadWebSocket() {
  const { streamBuilder } = await import("mqtt/lib/connect/ws");
  return streamBuilder;
}

function clientOptions(address: BrokerAddress, keepaliveSeconds: number): IClientOptions {
  return {
    clientId: `${address.clientIdPrefix ?? CLIENT_ID_PREFIX}-${
      crypto.getRandomValues(new Uint8Array(CLIENT_ID_BYTES)).toHex()
    }`,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    clean: true,
    keepalive: keepaliveSeconds,
    // No queue and no retry: a command for a door that arrives minutes late is dangerous.
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    // An error may be emitted at once, so connect() is called after the listeners are added.
    manualConnect: true,
    // Only the caller's signal limits the time; this is the longest that timers can measure.
    connectTimeout: 2 ** 31 - 1,
    timerVariant: new KeepaliveTimer(),
    // In place of the package `debug`, which builds its arguments several times for each packet, although it writes none.
    log: () => {},
  };
}

/** Returns the properties of CONNECT for a session (MQTT 5, section 3.1.2.11). */
function sessionProperties(session: BrokerSession | undefined) {
  return session && { sessionExpiryInterval: session.expirySeconds, receiveMaximum: session.receiveMaximum };
}

/**
 * Makes the parser of MQTT.js accept every reason code. It closes the connection on unknown ones, so that one refused
 * message would end all pending ones. (mqtt-packet 9.0.2 lacks 0x95, packet too large, for messages.)
 */
function acceptAllReasonCodes(): void {
  const tables: readonly Record<number, string>[] = [
    constants.MQTT5_PUBACK_PUBREC_CODES,
    constants.MQTT5_PUBREL_PUBCOMP_CODES,
    constants.MQTT5_SUBACK_CODES,
    constants.MQTT5_UNSUBACK_CODES,
    constants.MQTT5_DISCONNECT_CODES,
  ];
  for (const table of tables) {
    for (let code = FIRST_FAILURE; code <= 0xff; code++) table[code] ??= REASONS[code] ?? "Unknown reason";
  }
}
