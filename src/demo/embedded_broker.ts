/**
 * MQTT broker in the gateway's process, for homes without one: on loopback, without logins, and without persistence.
 *
 * @module
 */
import { Aedes } from "aedes";
import { Buffer } from "node:buffer";
import { createServer, type Server } from "node:net";
import { type Duplex, duplexPair } from "node:stream";

/** Running broker. */
export interface EmbeddedBroker {
  /** Address, always loopback. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** Opens a stream to it within this process, without a socket. */
  openStream(): Duplex;
  /** Disconnects all clients and stops. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/**
 * Most QoS 2 messages of one client that wait for PUBREL: the number of packet identifiers. Beyond its limit, 1,000 by
 * default, aedes disconnects the client, and MQTT 3.1.1 cannot announce a limit to clients.
 */
const MAX_INFLIGHT = 65_535;

/** Most bytes of retained messages. */
const MAX_RETAINED_BYTES = 32 * 2 ** 20;

/** Limits the retained messages of a broker. Beyond the limit, a message is delivered and not retained. */
function limitRetained(broker: Aedes): void {
  const sizes = new Map<string, number>();
  let total = 0;
  const authorize = broker.authorizePublish;
  broker.authorizePublish = (client, packet, done) => {
    if (packet.retain) {
      const bytes = packet.payload.length === 0 ? 0 : Buffer.byteLength(packet.payload) + packet.topic.length;
      const change = bytes - (sizes.get(packet.topic) ?? 0);
      if (total + change > MAX_RETAINED_BYTES) packet.retain = false;
      else {
        total += change;
        if (bytes > 0) sizes.set(packet.topic, bytes);
        else sizes.delete(packet.topic);
      }
    }
    authorize(client, packet, done);
  };
}

/**
 * Starts a broker.
 *
 * @param preferredPort the port to listen on; another free one if it is taken
 */
export async function startEmbeddedBroker(preferredPort: number): Promise<EmbeddedBroker> {
  const broker = await Aedes.createBroker({ maxInflightInbound: MAX_INFLIGHT });
  limitRetained(broker);
  const server = createServer((socket) => {
    broker.handle(readWhole(socket));
  });
  const port = await listen(server, preferredPort).catch(() => listen(server, 0));
  return {
    host: HOST,
    port,
    openStream() {
      const [inner, outer] = duplexPair();
      closeTogether(inner, outer);
      broker.handle(readWhole(inner));
      return outer;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(resolve));
      await closed;
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(port, HOST, () => {
    server.off("error", reject);
    const address = server.address();
    if (typeof address === "object" && address !== null) resolve(address.port);
    else reject(new Error("Embedded broker has no port"));
  });
  return promise;
}

/**
 * Makes `read()` return all buffered data. Aedes calls it once for each event "readable", and in Deno that returns only the
 * first of several buffered chunks: the rest would never be read, and the broker would hang.
 */
function readWhole<Stream extends Duplex>(stream: Stream): Stream {
  const read = stream.read.bind(stream);
  stream.read = (size) => read(size ?? (stream.readableLength || undefined));
  return stream;
}

/** Makes the streams of a pair close together, as both ends of a connection do. */
function closeTogether(one: Duplex, other: Duplex): void {
  for (const [first, second] of [[one, other], [other, one]] as const) {
    // After the other stream has read the last data.
    first.once("close", () => setImmediate(() => second.destroy()));
  }
}
