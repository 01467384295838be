/**
 * Transports of MQTT: TCP, TLS and WebSocket.
 *
 * @module
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex, Transform } from "node:stream";
import { connect as connectTls } from "node:tls";
import { formatHost } from "../net/host.ts";
import type { BrokerAddress } from "./broker.ts";

/** Options with which MQTT.js opens a WebSocket. */
export interface WebSocketTarget {
  /** Always `ws`: the socket itself does TLS. */
  readonly protocol: "ws";
  /** Host name or IP address, as in URLs. */
  readonly hostname: string;
  /** TCP port. */
  readonly port: number;
  /** Path with its leading slash. */
  readonly path: string;
  /** Largest frame to receive, in bytes, and the socket. */
  readonly wsOptions: { readonly maxPayload: number; readonly createConnection: () => Socket };
}

/** Opens a socket to a broker, which emits an event when it is connected or has failed. */
export function openSocket(address: BrokerAddress): Socket {
  const { host, port, tls } = address;
  const socket = tls === undefined
    ? connectTcp({ host, port })
    : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...certificates(address) });
  // Otherwise a packet waits up to 40 ms for the acknowledgement of the one before it (RFC 896).
  return socket.setNoDelay(true);
}

/**
 * Returns the options of a WebSocket on a socket.
 *
 * @param socket socket to the broker, with TLS if the address has it
 * @param options address and path of the broker, and the largest frame in bytes; a larger one closes the connection
 */
export function webSocketTarget(
  socket: Socket,
  { address: { host, port }, path, maxFrameBytes }: {
    readonly address: BrokerAddress;
    readonly path: string;
    readonly maxFrameBytes: number;
  },
): WebSocketTarget {
  return {
    protocol: "ws",
    hostname: formatHost(host),
    port,
    path,
    wsOptions: { maxPayload: maxFrameBytes, createConnection: () => socket },
  };
}

/** Inserts a transform before everything that is read from a stream through `pipe`, as MQTT.js reads. */
export function readThrough(stream: Duplex, transform: Transform): Duplex {
  const pipe = stream.pipe.bind(stream);
  stream.pipe = (destination, options) => pipe(transform).pipe(destination, options);
  return stream;
}

function certificates({ tls: { ca, cert, key } = {} }: BrokerAddress): Record<string, string> {
  return { ...ca === undefined ? {} : { ca }, ...cert === undefined || key === undefined ? {} : { cert, key } };
}
