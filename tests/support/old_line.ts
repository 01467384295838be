/** A line to a broker on which only MQTT 3.1.1 is spoken. */
import { createConnection, createServer, type Socket } from "node:net";
import type { BrokerAddress } from "../../src/mqtt/broker.ts";

/** Where a greeting has the version of MQTT that it asks for. */
const VERSION_AT = 8;

/** Runs a line to a broker that resets the connection of whoever speaks MQTT 5. */
export async function withOldLine(
  target: BrokerAddress,
  test: (address: BrokerAddress) => Promise<void>,
): Promise<void> {
  const open = new Set<Socket>();
  const line = createServer((client) => {
    open.add(client.on("error", () => {}));
    client.once("data", (greeting: Uint8Array) => {
      if (greeting[VERSION_AT] === 5) return client.resetAndDestroy();
      const broker = createConnection({ host: target.host, port: target.port });
      open.add(broker.on("error", () => {}));
      broker.write(greeting);
      client.pipe(broker).pipe(client);
    });
  });
  await new Promise<void>((resolve) => line.listen(0, "127.0.0.1", resolve));
  const address = line.address();
  if (typeof address !== "object" || address === null) throw new Error("No port");
  try {
    await test({ host: "127.0.0.1", port: address.port });
  } finally {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => line.close(resolve));
  }
}
