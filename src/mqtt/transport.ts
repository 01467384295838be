/**
 * The streams that MQTT runs on: TCP, TLS, WebSocket, or a pair of streams to a broker in the same process.
 *
 * @module
 */
import type { IClientOptions } from "mqtt";
import { streamBuilder as openWebSocket } from "mqtt/lib/connect/ws";
import { connect as connectTcp, isIP } from "node:net";
import type { Duplex, Transform } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { BrokerAddress } from "./broker.ts";

/** The client that a stream is for, as MQTT.js hands it to what opens a stream. */
export type StreamClient = Parameters<typeof openWebSocket>[0];

/**
 * Opens the stream to a broker; that it is open, or fails, comes as an event of it.
 *
 * @param client the client that the stream is for
 * @param maxFrameBytes largest frame to take where it is a WebSocket; a larger one ends the connection
 */
export function openTransport(
  client: StreamClient,
  { address, maxFrameBytes }: { readonly address: BrokerAddress; readonly maxFrameBytes: number },
): Duplex {
  const { host, port, tls, webSocketPath, open } = address;
  if (open !== undefined) return open();
  // An authority by itself; a certificate and a key only together.
  const secrets = tls && Object.fromEntries(Object.entries(tls).filter(([, text]) => text !== undefined));
  if (webSocketPath !== undefined) {
    const options: IClientOptions = {
      protocol: tls === undefined ? "ws" : "wss",
      hostname: host.includes(":") ? `[${host}]` : host,
      port,
      path: webSocketPath,
      wsOptions: { ...secrets, maxPayload: maxFrameBytes },
    };
    return openWebSocket(client, options);
  }
  if (secrets === undefined) return connectTcp({ host, port });
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...secrets });
}

/** Has everything that is read from a stream through `pipe`, as MQTT.js reads, go through a transform first. */
export function readThrough(stream: Duplex, transform: Transform): Duplex {
  const pipe = stream.pipe.bind(stream);
  stream.pipe = (destination, options) => pipe(transform).pipe(destination, options);
  return stream;
}
