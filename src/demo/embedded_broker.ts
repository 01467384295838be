/**
 * An MQTT broker inside of the gateway's process, for whoever has none yet. On loopback, without logins,
 * forgetting everything at the end.
 *
 * @module
 */
import { Aedes } from "aedes";
import { createServer, type Server } from "node:net";

/** A running broker. */
export interface EmbeddedBroker {
  /** Its address, always loopback. */
  readonly host: string;
  /** Its TCP port. */
  readonly port: number;
  /** Disconnects everybody and stops. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/**
 * Starts a broker.
 *
 * @param wantedPort the port to listen on; another free one is taken where it is taken
 */
export async function startEmbeddedBroker(wantedPort: number): Promise<EmbeddedBroker> {
  const broker = await Aedes.createBroker();
  const server = createServer((socket) => {
    broker.handle(socket);
  });
  const port = await listen(server, wantedPort).catch(() => listen(server, 0));
  return {
    host: HOST,
    port,
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
