/**
 * An MQTT broker inside of the gateway's process, for whoever has none yet. On loopback, without logins,
 * forgetting everything at the end.
 *
 * @module
 */
import { Aedes } from "aedes";
import { Buffer } from "node:buffer";
import { createServer, type Server } from "node:net";
import { type Duplex, duplexPair } from "node:stream";

/** A running broker. */
export interface EmbeddedBroker {
  /** Its address, always loopback. */
  readonly host: string;
  /** Its TCP port. */
  readonly port: number;
  /** Opens a stream to it within this process, without a socket. */
  openStream(): Duplex;
  /** Disconnects everybody and stops. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/**
 * Most messages of QoS 2 of one client that wait for their release: all that there are identifiers for. Beyond it aedes
 * ends the client's connection, by default at 1,000, which MQTT 3.1.1 has no way to tell a client beforehand.
 */
const MAX_INFLIGHT = 65_535;

/** Most bytes of messages to retain. */
const MAX_RETAINED_BYTES = 32 * 2 ** 20;

/** Counts what a broker retains. A message for which there is no room goes to its listeners, and is not retained. */
function boundRetained(broker: Aedes): void {
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
 * @param wantedPort the port to listen on; another free one is taken where it is taken
 */
export async function startEmbeddedBroker(wantedPort: number): Promise<EmbeddedBroker> {
  const broker = await Aedes.createBroker({ maxInflightInbound: MAX_INFLIGHT });
  boundRetained(broker);
  const server = createServer((socket) => {
    broker.handle(readWhole(socket));
  });
  const port = await listen(server, wantedPort).catch(() => listen(server, 0));
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
 * Has a stream give out all that it holds when it is read. Aedes reads once for each event "readable", and Deno then
 * gives out one piece of several: what stays behind is never read, and the broker stands still.
 */
function readWhole<Stream extends Duplex>(stream: Stream): Stream {
  const read = stream.read.bind(stream);
  stream.read = (size) => read(size ?? (stream.readableLength || undefined));
  return stream;
}

/** Has the streams of a pair end together, as those of a connection do. */
function closeTogether(one: Duplex, other: Duplex): void {
  for (const [first, second] of [[one, other], [other, one]] as const) {
    // What was written last is read before.
    first.once("close", () => setImmediate(() => second.destroy()));
  }
}
