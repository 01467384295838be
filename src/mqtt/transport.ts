/**
 * The streams that MQTT runs on: TCP, TLS, WebSocket, or a pair of streams to a broker in the same process.
 *
 * @module
 */
import type { IClientOptions, MqttClient } from "mqtt";
import { streamBuilder as openWebSocket } from "mqtt/lib/connect/ws";
import { connect as connectTcp, isIP } from "node:net";
import type { Duplex, Transform } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { BrokerAddress } from "./broker.ts";

/** Opens the stream to a broker; that it is open, or fails, comes as an event of it. */
export function openTransport(client: MqttClient, address: BrokerAddress, maxFrameBytes: number): Duplex {
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
