/** A broker that speaks just enough MQTT for a test, and says what the test wants. */
import type { BrokerAddress, BrokerConnection } from "../../src/mqtt/broker.ts";
import { withTcpServer } from "./loopback.ts";

/** Types of packets, in the upper half of their first byte. */
export const [CONNECT, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT] = [1, 3, 6, 8, 10, 14];

/** Greetings of a broker of MQTT 5, and of one of 3.1.1. */
export const WELCOME = { 5: [0x20, 3, 0, 0, 0], 4: [0x20, 2, 0, 0] };

/** A packet of a client. */
export interface Packet {
  readonly type: number | undefined;
  /** What follows the length. */
  readonly body: Uint8Array;
}

/** Takes the packets of a client apart, which are small here: their length is one byte. */
async function* readPackets(connection: Deno.TcpConn): AsyncGenerator<Packet, void, void> {
  const bytes: number[] = [];
  for await (const chunk of connection.readable) {
    bytes.push(...chunk);
    for (let [head = 0, length = 0] = bytes; bytes.length >= 2 + length; [head = 0, length = 0] = bytes) {
      yield { type: head >> 4, body: new Uint8Array(bytes.splice(0, 2 + length).slice(2)) };
    }
  }
}

/** Runs a broker that says what a test wants: bytes to answer a packet with, or that it hangs up. */
export function withBareBroker(
  answer: (packet: Packet, write: (bytes: readonly number[]) => void) => readonly number[] | "hang up" | undefined,
  test: (address: BrokerAddress) => Promise<void>,
): Promise<void> {
  return withTcpServer(async (connection) => {
    const writer = connection.writable.getWriter();
    const write = (bytes: readonly number[]) => void writer.write(Uint8Array.from(bytes)).catch(() => {});
    try {
      for await (const packet of readPackets(connection)) {
        const said = answer(packet, write);
        if (said === "hang up") return;
        if (said !== undefined) write(said);
      }
    } catch {
      // The client went away.
    }
  }, (port) => test({ host: "127.0.0.1", port }));
}

/** The version of MQTT that a greeting asks for. */
export function versionOf({ body }: Packet): number | undefined {
  return body[6];
}

/** Waits for a timer of a millisecond that MQTT.js leaves behind when a connection ends. */
export function afterLastTimer(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Closes a connection, and waits for the last timer of MQTT.js. */
export async function close(connection: BrokerConnection): Promise<void> {
  await connection.close();
  await afterLastTimer();
}
