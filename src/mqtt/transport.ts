/**
 * What MQTT runs on: TCP, TLS, a WebSocket, or a pair of streams to a broker in the same process.
 *
 * @module
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex, Transform } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { BrokerAddress } from "./broker.ts";

/** A WebSocket, as MQTT.js opens it. */
export interface WebSocketTarget {
  /** TLS is the socket's own business. */
  readonly protocol: "ws";
  /** Host name or address, as URLs have it. */
  readonly hostname: string;
  /** TCP port. */
  readonly port: number;
  /** Path, with the slash that it begins with. */
  readonly path: string;
  /** The largest frame to take, in bytes, and the socket. */
  readonly wsOptions: { readonly maxPayload: number; readonly createConnection: () => Socket };
}

/** Opens a socket to a broker; that it is open, or fails, comes as an event of it. */
export function openSocket(address: BrokerAddress): Socket {
  const { host, port, tls } = address;
  if (tls === undefined) return connectTcp({ host, port });
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...certificates(address) });
}

/**
 * Says how a WebSocket is opened on a socket.
 *
 * @param socket the socket to the broker, with TLS where there is some
 * @param maxFrameBytes largest frame to take; a larger one ends the connection
 */
export function webSocketOn(
  socket: Socket,
  { address: { host, port }, path, maxFrameBytes }: {
    readonly address: BrokerAddress;
    readonly path: string;
    readonly maxFrameBytes: number;
  },
): WebSocketTarget {
  return {
    protocol: "ws",
    hostname: host.includes(":") ? `[${host}]` : host,
    port,
    path,
    wsOptions: { maxPayload: maxFrameBytes, createConnection: () => socket },
  };
}

/** Has everything that is read from a stream through `pipe`, as MQTT.js reads, go through a transform first. */
export function readThrough(stream: Duplex, transform: Transform): Duplex {
  const pipe = stream.pipe.bind(stream);
  stream.pipe = (destination, options) => pipe(transform).pipe(destination, options);
  return stream;
}

function certificates({ tls: { ca, cert, key } = {} }: BrokerAddress): Record<string, string> {
  return { ...ca === undefined ? {} : { ca }, ...cert === undefined || key === undefined ? {} : { cert, key } };
}
