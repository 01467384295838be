/** Broker whose responses a test writes byte by byte. */
import type { BrokerAddress, BrokerConnection } from "../../src/mqtt/broker.ts";
import { withTcpServer } from "./loopback.ts";

/** Packet types, in the upper half of the first byte. */
export const [CONNECT, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT] = [1, 3, 6, 8, 10, 12, 14];

/** CONNACK packets of MQTT 5 and 3.1.1. */
export const CONNACK = { 5: [0x20, 3, 0, 0, 0], 4: [0x20, 2, 0, 0] };

/** Packet of a client. */
export interface Packet {
  readonly type: number | undefined;
  /** Bytes after the length. */
  readonly body: Uint8Array;
}

/** Splits the bytes of a client into packets, whose length has one byte here. */
async function* readPackets(connection: Deno.TcpConn): AsyncGenerator<Packet, void, void> {
  const bytes: number[] = [];
  for await (const chunk of connection.readable) {
    bytes.push(...chunk);
    for (let [head = 0, length = 0] = bytes; bytes.length >= 2 + length; [head = 0, length = 0] = bytes) {
      yield { type: head >> 4, body: new Uint8Array(bytes.splice(0, 2 + length).slice(2)) };
    }
  }
}

/** Runs a broker that responds to each packet with the bytes that a test returns, or closes the connection. */
export function withScriptedBroker(
  respond: (packet: Packet, write: (bytes: readonly number[]) => void) => readonly number[] | "close" | undefined,
  test: (address: BrokerAddress) => Promise<void>,
): Promise<void> {
  return withTcpServer(async (connection) => {
    const writer = connection.writable.getWriter();
    const write = (bytes: readonly number[]) => void writer.write(Uint8Array.from(bytes)).catch(() => {});
    try {
      for await (const packet of readPackets(connection)) {
        const response = respond(packet, write);
        if (response === "close") return;
        if (response !== undefined) write(response);
      }
    } catch {
      // The client disconnected.
    }
  }, (port) => test({ host: "127.0.0.1", port }));
}

/** Returns the protocol version of a CONNECT packet. */
export function versionOf({ body }: Packet): number | undefined {
  return body[6];
}

/** Waits for a timer of a millisecond that MQTT.js leaves running after a connection. */
export function afterLastTimer(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Closes a connection and waits for the last timer of MQTT.js. */
export async function close(connection: BrokerConnection): Promise<void> {
  await connection.close();
  await afterLastTimer();
}
