/**
 * What MQTT runs on: TCP, TLS, a WebSocket, or a pair of streams to a broker in the same process.
 *
 * @module
 */
import { connect as connectTcp, isIP } from "node:net";
import type { Duplex, Transform } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { BrokerAddress } from "./broker.ts";

/** A WebSocket, as MQTT.js opens it. */
export interface WebSocketTarget {
  /** Without TLS, or in it. */
  readonly protocol: "ws" | "wss";
  /** Host name or address, as URLs have it. */
  readonly hostname: string;
  /** TCP port. */
  readonly port: number;
  /** Path, with the slash that it begins with. */
  readonly path: string;
  /** Certificates in PEM, and the largest frame to take, in bytes. */
  readonly wsOptions: Readonly<Record<string, string | number>>;
}

/** Opens a stream to a broker; that it is open, or fails, comes as an event of it. */
export function openStream(address: BrokerAddress): Duplex {
  const { host, port, tls, open } = address;
  if (open !== undefined) return open();
  if (tls === undefined) return connectTcp({ host, port });
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...certificates(address) });
}

/**
 * Says where a broker's WebSocket is.
 *
 * @param maxFrameBytes largest frame to take; a larger one ends the connection
 * @returns undefined for a broker that has none
 */
export function webSocketOf(address: BrokerAddress, maxFrameBytes: number): WebSocketTarget | undefined {
  const { host, port, tls, webSocketPath: path } = address;
  return path === undefined ? undefined : {
    protocol: tls === undefined ? "ws" : "wss",
    hostname: host.includes(":") ? `[${host}]` : host,
    port,
    path,
    wsOptions: { ...certificates(address), maxPayload: maxFrameBytes },
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
