/** Many streams, and an unread one, against the real process. */
import { assertEquals } from "@std/assert";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { until, within } from "../support/deadline.ts";
import { IS_LINUX, needing } from "../support/needs.ts";
import { startBroker } from "../support/broker.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";

const openFiles = (pid: number) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

async function withGateway(
  env: Record<string, string>,
  test: (gateway: GatewayProcess) => Promise<void>,
  flags: string[] = [],
) {
  const broker = await startBroker();
  const gateway = await startGatewayProcess({
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    ...env,
  }, { flags });
  try {
    await within("the test", test(gateway), 120_000);
  } finally {
    await gateway.stop();
    await broker.stop();
  }
}

Deno.test(
  needing("200 streams opened and closed a dozen times leave no connection and no memory", {
    Linux: IS_LINUX,
  }),
  () =>
    withGateway(UNLIMITED, async ({ client, pid }) => {
      const openAndDrop = () =>
        Promise.all(Array.from({ length: 200 }, async (_, index) => {
          for await (const event of client.subscribe([`t/${index}`])) {
            assertEquals(event.type, "connected");
            break;
          }
        }));
      const before = openFiles(pid);
      for (let round = 0; round < 12; round++) await openAndDrop();
      await until("all connections closed", () => openFiles(pid) <= before + 5);
      assertEquals((await client.health()).status, "ok");
      // The process crashes if its heap exceeds this limit, which is less than 2,400 streams of 20 KB or more.
    }, ["--v8-flags=--max-old-space-size=48"]),
);

Deno.test("a listener that stops reading is disconnected with a reason, and another one misses nothing", () =>
  withGateway(
    // A queue larger than all messages, so that only the stall timeout counts. The other listener reads much more often
    // than that, also on a slow machine.
    { ...UNLIMITED, LISTENER_QUEUE_BYTES: "65536", LISTENER_PATIENCE_MS: "3000", BACKLOG_BYTES: "268435456" },
    async ({ client, url, key, output }) => {
      const secret = await importKey(Uint8Array.fromHex(key));
      const request = JSON.stringify({ topic: "flood", timestamp: Date.now() / 1000 });
      const body = await sealEnvelope(secret, request, randomBytes);
      const stalled = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
      const head = `POST /mqtt/subscribe HTTP/1.1\r\nHost: gateway\r\nContent-Length: ${body.length}\r\n\r\n`;
      await stalled.write(new TextEncoder().encode(head + body));

      const count = 600;
      const publishAll = async () => {
        const payload = "x".repeat(50_000);
        for (let sent = 0; sent < count; sent++) await client.publish("flood", payload, { qos: 1 });
      };
      const receiveAll = async () => {
        let received = 0;
        let publishing = Promise.resolve();
        for await (const event of client.subscribe(["flood"])) {
          if (event.type === "connected") publishing = publishAll();
          else if (event.type !== "message") throw new Error(event.message);
          else if (++received === count) break;
        }
        await publishing;
        assertEquals(received, count);
      };
      // Once it is disconnected: its connection is closed half a minute later.
      const readStalled = async () => {
        await output.line((line) => line.includes("was too slow"));
        return await readToEnd(stalled);
      };
      const [text] = await Promise.all([readStalled(), receiveAll()]);
      const last = text.split("data: ").at(-1)?.replace(/\s*0\r\n\r\n$/, "") ?? "";
      const event = JSON.parse(await openEnvelope(secret, parseEnvelope(last)));
      assertEquals(event.type, "error");
      assertEquals(event.message, "Too slow: nothing was read for 3 s");
      stalled.close();
    },
  ));

/** Reads a chunked HTTP answer up to its last chunk. */
async function readToEnd(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(2 ** 20);
  let text = "";
  while (!text.endsWith("\r\n0\r\n\r\n")) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error("Connection was cut before the end of the stream");
    // Discards the beginning, for speed.
    text = (text + decoder.decode(buffer.subarray(0, length), { stream: true })).slice(-200_000);
  }
  return text;
}
