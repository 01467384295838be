/** One message to many listeners, each with its own stream, as far as the bytes for the socket. */
import { EventStream } from "../src/gateway/event_stream.ts";
import { importKey, randomBytes, sealEnvelope } from "../src/protocol/envelope.ts";

const key = await importKey(randomBytes(32));

for (const count of [1, 50, 1000]) {
  const streams = Array.from({ length: count }, () =>
    new EventStream({
      seal: (plaintext) => sealEnvelope(key, plaintext, randomBytes),
      maxQueueBytes: 1_000_000,
      patienceMs: 60_000,
      keepAliveMs: 60_000,
      onEnd: () => {},
      now: () => 0,
    }));
  const readers = streams.map(({ body }) => body.getReader());

  Deno.bench(`fan out to ${count}`, { group: "fan-out" }, async () => {
    for (const stream of streams) {
      stream.push({ type: "message", topic: "home/temperature", payload: "22.5", qos: 0, retain: false, timestamp: 0 });
    }
    await Promise.all(readers.map((reader) => reader.read()));
  });
}
