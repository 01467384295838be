/** Proxy to a broker for MQTT 3.1.1 only. */
import { createConnection, createServer, type Socket } from "node:net";
import type { BrokerAddress } from "../../src/mqtt/broker.ts";

/** Index of the protocol version in a CONNECT packet. */
const VERSION_AT = 8;

/** Runs a proxy to a broker that resets connections of MQTT 5. */
export async function withMqtt3Proxy(
  target: BrokerAddress,
  test: (address: BrokerAddress) => Promise<void>,
): Promise<void> {
  const open = new Set<Socket>();
  const proxy = createServer((client) => {
    open.add(client.on("error", () => {}));
    client.once("data", (connect: Uint8Array) => {
      if (connect[VERSION_AT] === 5) return client.resetAndDestroy();
      const broker = createConnection({ host: target.host, port: target.port });
      open.add(broker.on("error", () => {}));
      broker.write(connect);
      client.pipe(broker).pipe(client);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  if (typeof address !== "object" || address === null) throw new Error("No port");
  try {
    await test({ host: "127.0.0.1", port: address.port });
  } finally {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  }
}
