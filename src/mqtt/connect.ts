/**
 * Opening connections to MQTT brokers. This and `client_connection` alone import MQTT.js.
 *
 * @module
 */
import { type IClientOptions, MqttClient } from "mqtt";
import { streamBuilder as openWebSocket } from "mqtt/lib/connect/ws";
import type { Duplex } from "node:stream";
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  BrokerForbiddenError,
  type ConnectBroker,
  type ConnectOptions,
} from "./broker.ts";
import { type ConnectionState, MqttJsConnection, toBuffer } from "./mqttjs_connection.ts";
import { connectionError, errorCode } from "./errors.ts";
import { MARKER_BYTES, omittedBytes, PacketLimit } from "./packet_limit.ts";
import { acceptAllReasonCodes, reasonText } from "./reason_code.ts";
import { openSocket, readThrough, webSocketOn } from "./transport.ts";

/** CONNACK's words for "I do not speak this version": an older broker's, and one of MQTT 5. */
const OTHER_VERSION: readonly unknown[] = [1, 132];

/** The socket's words for a broker that breaks off on a greeting that it does not understand. */
const BROKEN_OFF: readonly unknown[] = ["ECONNRESET", "EPIPE"];

/** What client identifiers begin with where the address does not say it. */
const CLIENT_ID_PREFIX = "e2e-gateway";

/** Length of the random end of a client identifier, in bytes: with the prefix above, any broker takes all of it. */
const CLIENT_ID_BYTES = 4;

/** What a packet may have beside its payload: a topic of any length, and some properties. In bytes. */
const PACKET_SLACK_BYTES = 128 * 1024;

/** Largest payload to take where the caller names none, in bytes. */
const MAX_PAYLOAD_BYTES = 8 * 2 ** 20;

/** A WebSocket's frame may hold several packets, or the begin of one. This many bytes beyond one. */
const FRAME_SLACK_BYTES = 2 ** 20;

const EMPTY = new Uint8Array(0);

const utf8 = new TextEncoder();

/** How connections are opened. */
export interface ConnectBrokerOptions {
  /** How often a silent connection proves that it is alive, in seconds. */
  readonly keepaliveSeconds: number;
  /** Says why nobody may be sent to an IP address, in words that follow it; undefined where nothing is wrong. */
  readonly addressFault: (address: string) => string | undefined;
  /**
   * Largest payload to take, in bytes; 8 MiB by default. A broker of MQTT 5 is told not to send larger packets; of what
   * comes all the same, no more than the head is held.
   */
  readonly maxPayloadBytes?: number;
}

/** Makes a function that opens connections: in MQTT 5, or in 3.1.1 with a broker that does not speak 5. */
export function createConnectBroker(options: ConnectBrokerOptions): ConnectBroker {
  acceptAllReasonCodes();
  return async (address, choices) => {
    const state = await openConnection(5, address, { ...options, ...choices });
    if (typeof state !== "string") return state;
    const older = await openConnection(4, address, { ...options, ...choices });
    if (typeof older !== "string") return older;
    throw new BrokerError(older);
  };
}

/** Opens a connection in one version, or tells why the broker may want another one. */
async function openConnection(
  protocolVersion: 4 | 5,
  address: BrokerAddress,
  options: ConnectBrokerOptions & ConnectOptions,
): Promise<BrokerConnection | string> {
  const { signal, onMessage, will, addressFault } = options;
  signal.throwIfAborted();
  const place = `${address.host}:${address.port}`;
  const maxBytes = (options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES) + PACKET_SLACK_BYTES;
  const marker = crypto.getRandomValues(new Uint8Array(MARKER_BYTES));
  const client = new MqttClient((client) => {
    const stream = open(client);
    const onFault = (message: string) => {
      state.closeReason ??= new BrokerError(message);
      stream.destroy();
    };
    return readThrough(stream, new PacketLimit({ maxBytes, version: protocolVersion, marker, onFault }));
  }, {
    ...clientOptions(address, options.keepaliveSeconds),
    ...will && { will: { ...will, payload: toBuffer(will.payload) } },
    protocolVersion,
    ...protocolVersion === 5 ? { properties: { maximumPacketSize: maxBytes } } : {},
  });
  function open(client: MqttClient): Duplex {
    if (address.open !== undefined) return address.open();
    const socket = openSocket(address);
    // The name is resolved once, by the socket itself, and this comes before it connects: so the address that is
    // checked is the one that is connected to, whatever a name server says the next time.
    socket.on("lookup", (error: unknown, ip: unknown) => {
      const fault = addressFault(String(ip));
      if (error || fault === undefined) return;
      state.closeReason ??= new BrokerForbiddenError(`Broker not allowed: ${place} leads to ${ip}, which ${fault}`);
      socket.destroy(state.closeReason);
    });
    const { webSocketPath: path } = address;
    if (path === undefined) return socket;
    const maxFrameBytes = maxBytes + FRAME_SLACK_BYTES;
    const webSocket = openWebSocket(client, webSocketOn(socket, { address, path, maxFrameBytes }));
    // MQTT.js keeps errors without a code to itself, such as an HTTP status in place of a WebSocket.
    return webSocket.once("error", (error: unknown) => void (state.closeReason ??= connectionError(error, place)));
  }
  const lost = Promise.withResolvers<BrokerError>();
  const welcome = Promise.withResolvers<undefined>();
  const state: ConnectionState = { closed: lost.promise, closeReason: undefined, packetsReceived: 0, limits: {} };
  // Whether the broker may just not speak this version.
  let otherVersion = false;
  const abandon = () => {
    state.closeReason ??= signal.reason instanceof BrokerError
      ? signal.reason
      : new BrokerError(`Broker ${place} not awaited`);
    client.end(true);
  };
  signal.addEventListener("abort", abandon, { once: true });
  client.once("connect", ({ properties }) => {
    state.limits = properties ?? {};
    welcome.resolve(undefined);
  });
  client.on("error", (error) => {
    otherVersion ||= [...OTHER_VERSION, ...BROKEN_OFF].includes(errorCode(error));
    state.closeReason ??= connectionError(error, place);
    client.end(true);
  });
  client.on("close", () => {
    // Some older brokers hang up on a greeting that they do not understand.
    otherVersion ||= state.closeReason === undefined;
    lost.resolve(state.closeReason ?? new BrokerError(`Broker ${place} closed the connection`));
    // Without this MQTT.js would never settle the publishes that are under way.
    client.end(true);
  });
  client.on("disconnect", ({ reasonCode = 0, properties }) => {
    const reason = reasonText(reasonCode, properties?.reasonString);
    state.closeReason ??= new BrokerError(`Broker ${place} ended the connection: ${reason}`);
    client.end(true);
  });
  client.on("packetreceive", () => void (state.packetsReceived += 1));
  client.handleMessage = ({ topic, payload, qos, retain, properties }, done) => {
    const bytes = typeof payload === "string" ? utf8.encode(payload) : payload;
    const omitted = omittedBytes(bytes, marker);
    const id = properties?.subscriptionIdentifier;
    const busy = onMessage?.({
      topic,
      payload: omitted === undefined ? bytes : EMPTY,
      omittedBytes: omitted,
      qos,
      retain,
      subscriptions: typeof id === "number" ? [id] : id,
    });
    if (busy === undefined) done();
    else busy.then(() => done(), done);
  };
  try {
    client.connect();
  } catch (error) {
    state.closeReason ??= connectionError(error, place);
    lost.resolve(state.closeReason);
    client.stream?.destroy();
  }

  const failure = await Promise.race([welcome.promise, lost.promise]);
  signal.removeEventListener("abort", abandon);
  if (failure === undefined) return new MqttJsConnection(client, state);
  if (otherVersion) return failure.message;
  throw failure;
}

function clientOptions(address: BrokerAddress, keepAliveSeconds: number): IClientOptions {
  return {
    clientId: `${address.clientIdPrefix ?? CLIENT_ID_PREFIX}-${
      crypto.getRandomValues(new Uint8Array(CLIENT_ID_BYTES)).toHex()
    }`,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    clean: true,
    keepalive: keepAliveSeconds,
    // Nothing is queued or sent again: a door command that arrives minutes late is dangerous.
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    // A fault may come at once: connect() is called when somebody listens to it.
    manualConnect: true,
    // The caller's signal is the one deadline; this is the longest that a timer can be.
    connectTimeout: 2 ** 31 - 1,
    timerVariant: "native",
  };
}
