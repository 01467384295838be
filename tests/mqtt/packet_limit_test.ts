import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Buffer } from "node:buffer";
import { MARKER_BYTES, omittedBytes, PacketLimit } from "../../src/mqtt/packet_limit.ts";

const MARKER = new Uint8Array(MARKER_BYTES).fill(0xa5);
const MAX_BYTES = 64;

function varint(length: number): number[] {
  return length < 128 ? [length] : [length % 128 | 128, ...varint(Math.floor(length / 128))];
}

function packet(first: number, body: readonly number[]): number[] {
  return [first, ...varint(body.length), ...body];
}

/** Makes a PUBLISH packet; `properties` are for MQTT 5. */
function publish(
  topic: string,
  payload: readonly number[],
  { qos = 0, properties }: { readonly qos?: 0 | 1 | 2; readonly properties?: readonly number[] } = {},
): number[] {
  const name = new TextEncoder().encode(topic);
  const id = qos === 0 ? [] : [0x12, 0x34];
  const own = properties === undefined ? [] : [...varint(properties.length), ...properties];
  return packet(0x31 | qos << 1, [name.length >> 8, name.length & 255, ...name, ...id, ...own, ...payload]);
}

/** Sends bytes through a limit in chunks, and returns its output and its faults. */
async function limited(bytes: readonly number[], { pieces = [], version = 4, maxBytes = MAX_BYTES }: {
  readonly pieces?: readonly number[];
  readonly version?: 4 | 5;
  readonly maxBytes?: number;
} = {}) {
  const faults: string[] = [];
  const onFault = (fault: string) => void faults.push(fault);
  const limit = new PacketLimit({ maxBytes, version, marker: MARKER, onFault, onBytes: () => {} });
  const out: number[] = [];
  limit.on("data", (chunk: Uint8Array) => void out.push(...chunk));
  const rest = [...bytes];
  for (const size of pieces) limit.write(Buffer.from(rest.splice(0, size)));
  limit.end(Buffer.from(rest));
  await new Promise((resolve) => limit.once("end", resolve));
  return { out, faults };
}

/** Returns the packet that replaces a message. */
function mark(length: number): number[] {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, length);
  return [...MARKER, ...size];
}

const large = (length: number) => Array<number>(length).fill(7);

Deno.test("PacketLimit passes packets within the limit, in any chunks", async () => {
  const packets = fc.array(fc.array(fc.nat(255), { maxLength: MAX_BYTES - 2 }).map((body) => packet(0x40, body)));
  await fc.assert(fc.asyncProperty(packets, fc.array(fc.nat(9)), async (packets, pieces) => {
    const bytes = packets.flat();
    assertEquals(await limited(bytes, { pieces }), { out: bytes, faults: [] });
  }));
});

Deno.test("PacketLimit replaces the payload of a message that is too large, and passes other packets", async () => {
  const small = publish("small", [1, 2, 3]);
  for (const qos of [0, 1, 2] as const) {
    for (const version of [4, 5] as const) {
      const properties = version === 5 ? [0x0b, 0x07] : undefined;
      const options = properties === undefined ? { qos } : { qos, properties };
      const bytes = [...small, ...publish("a/b", large(1000), options), ...small];
      const expected = [...small, ...publish("a/b", mark(1000), options), ...small];
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(40)), async (pieces) => {
          assertEquals(await limited(bytes, { pieces, version }), { out: expected, faults: [] });
        }),
        { numRuns: 30 },
      );
    }
  }
});

Deno.test("PacketLimit passes a packet of exactly the limit, and none that is a byte larger", async () => {
  const head = publish("t", []).length;
  const fits = publish("t", large(MAX_BYTES - head));
  assertEquals(fits.length, MAX_BYTES);
  assertEquals((await limited(fits)).out, fits);
  assertEquals(
    (await limited(publish("t", large(MAX_BYTES - head + 1)))).out,
    publish("t", mark(MAX_BYTES - head + 1)),
  );
});

Deno.test("PacketLimit buffers only the header of a large message, however large its length field", async () => {
  const limit = new PacketLimit({
    maxBytes: MAX_BYTES,
    version: 4,
    marker: MARKER,
    onFault: () => {},
    onBytes: () => {},
  });
  let bytes = 0;
  limit.on("data", (chunk: Uint8Array) => void (bytes += chunk.length));
  // 268,435,455 bytes: the largest length.
  limit.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61]));
  for (let count = 0; count < 100; count++) {
    if (!limit.write(Buffer.alloc(65_536))) await new Promise((resolve) => limit.once("drain", resolve));
  }
  assertEquals([bytes < 64, limit.readableLength, limit.writableLength], [true, 0, 0]);
  limit.destroy();
});

Deno.test("PacketLimit reports a packet that is too large and no message, or whose header is too large", async () => {
  const fault = (size: number) => `Broker sent a packet of ${size} bytes: more than 64 are not taken`;
  const suback = packet(0x90, large(100));
  assertEquals((await limited([...publish("t", [1]), ...suback])).faults, [fault(suback.length)]);
  const head = publish("t", [], { properties: large(300_000) });
  assertEquals((await limited(head, { version: 5 })).faults, [fault(head.length)]);
});

Deno.test("PacketLimit passes a malformed length to the parser", async () => {
  const bytes = [0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
  const { out, faults } = await limited(bytes);
  assertEquals([out.slice(0, 5), faults], [bytes.slice(0, 5), []]);
});

Deno.test("omittedBytes() reads only payloads of exactly the marker and a length", () => {
  const marked = Uint8Array.from(mark(150_000_000));
  assertEquals(omittedBytes(marked, MARKER), 150_000_000);
  assertEquals(omittedBytes(marked.subarray(1), MARKER), undefined);
  assertEquals(omittedBytes(Uint8Array.from([...marked, 0]), MARKER), undefined);
  assertEquals(omittedBytes(marked, new Uint8Array(MARKER_BYTES)), undefined);
});
