/** Attacks on the memory of a gateway through the servers behind Home Assistant, InfluxDB, HTTP requests and actions. */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { joinBytes } from "../../src/lib/read_bytes.ts";
import { type Attack, type AttackContext, flood, subscribe } from "./attack.ts";
import { type Answer, answerWith, frame, head200, writeAll, writeForEver } from "./hostile_server.ts";

const MEBIBYTE = 2 ** 20;

/** Largest answers that the gateway accepts. */
const HOME_ASSISTANT_BYTES = 8 * MEBIBYTE - 200;
const HTTP_BYTES = 6 * MEBIBYTE - 200;
const INFLUXDB_BYTES = 2 * MEBIBYTE - 200;

type Fields = Readonly<Record<string, unknown>>;

const STATES = { service: "home_assistant", states: ["*"] };
const PICTURE = { service: "http", target: "house", path: "/picture", raw: true };
const PAGE = { service: "http", target: "house", path: "/page" };
const TABLE = { service: "influxdb", query: "table" };
const CSV = { service: "influxdb", query: "csv" };

/** Requests to each service whose server is hostile. */
const ALL = [STATES, PICTURE, PAGE, TABLE, CSV, { service: "action", name: "light" }];

/** Returns as many copies of a text as there is room for, with others around. */
function fill(one: string, bytes: number, { begin = "[", end = "]", separator = "," } = {}): string {
  const count = Math.floor((bytes - begin.length - end.length) / (one.length + separator.length));
  return begin + Array(count).fill(one).join(separator) + end;
}

/** Floods services with requests while their server answers in one way. */
function answered(
  name: string,
  answer: () => Answer,
  payloads: readonly Fields[],
  options: { readonly readBytes?: number; readonly keys?: number; readonly each?: number } = {},
): Attack {
  const { readBytes = Infinity, keys, each = 60 } = options;
  return {
    name,
    ...keys !== undefined && { keys },
    async run(context) {
      context.server.answer = answer();
      const payload = (index: number) => payloads[index % payloads.length] ?? {};
      await flood(context, each, { route: "/gateway", payload, readBytes });
    },
  };
}

/** State of Home Assistant, as small as possible. */
const stateOf = (entity: string) => `{"entity_id":"${entity}","state":"on","attributes":{}}`;

/** Streams the states of all entities, while Home Assistant sends messages on its WebSocket. */
function streamed(
  name: string,
  send: Answer,
  { readBytes = Infinity, patterns = ["*"] }: { readonly readBytes?: number; readonly patterns?: string[] } = {},
): Attack {
  return {
    name,
    run(context: AttackContext) {
      context.server.webSocket = async (connection) => {
        // All that the gateway sends stays unread.
        await writeAll(connection, frame('{"type":"auth_required"}'));
        await send(connection);
        await pause(60_000);
      };
      return subscribe(context, 20, {
        route: "/subscribe",
        service: "home_assistant",
        entities: patterns,
        readBytes,
        stayMs: 10_000,
      });
    },
  };
}

const event = (members: string) => frame(`{"id":1,"type":"event","event":{${members}}}`);

const compressed = '{"s":"on","a":{},"c":"x","lc":1}';

/** First messages with the states of so many entities, or as many as one message may have. */
async function begin(connection: Deno.TcpConn, count: number, state = compressed): Promise<void> {
  const states = Array.from({ length: count }, (_, index) => `"sensor.e${index}":${state}`).join(",");
  await writeAll(connection, frame('{"type":"auth_ok"}'));
  await writeAll(connection, event(`"a":{${states}}`));
}

/** Attacks by servers, and by keys that request as much of them as they can. */
export const SERVICE_ATTACKS: readonly Attack[] = [
  answered(
    "Home Assistant's states of 8 MiB, 60 requests of each key",
    () => answerWith(fill(stateOf("sensor.a"), HOME_ASSISTANT_BYTES)),
    [STATES],
  ),
  answered(
    "The same of small objects, unread",
    () => answerWith(fill(`{"entity_id":"a.b","attributes":${fill("{}", 500)}}`, HOME_ASSISTANT_BYTES)),
    [STATES],
    { readBytes: 0 },
  ),
  answered(
    "Home Assistant's answers of 8 MiB of exact numbers",
    () => answerWith(fill(`{"entity_id":"a.b","attributes":{"a":${fill("1.0", 500)}}}`, HOME_ASSISTANT_BYTES)),
    [STATES],
  ),
  answered(
    "Home Assistant's pictures of 8 MiB, compressed for the client",
    () => answerWith(randomBytes(HOME_ASSISTANT_BYTES), "Content-Type: image/jpeg"),
    [{ service: "home_assistant", camera: "camera.door", compress: "gzip" }],
  ),
  answered(
    "Pictures of 2 MB over HTTP for ten keys at once",
    () => answerWith(randomBytes(2_000_000), "Content-Type: image/jpeg"),
    [PICTURE],
    { keys: 10, each: 1 },
  ),
  answered(
    "Pictures of 6 MiB of unknown length over HTTP, unread",
    () => async (connection) => {
      await writeAll(connection, head200());
      await writeAll(connection, new Uint8Array(HTTP_BYTES));
    },
    [PICTURE],
    { readBytes: 0 },
  ),
  answered(
    "HTTP answers of 6 MiB of small objects",
    () => answerWith(fill("{}", HTTP_BYTES)),
    [PAGE],
  ),
  answered(
    "HTTP answers of 6 MiB that are not UTF-8",
    () => answerWith(new Uint8Array(HTTP_BYTES).fill(0xe9)),
    [PAGE],
  ),
  answered(
    "InfluxDB's answers of 2 MiB of short rows",
    () =>
      answerWith(
        fill("[1]", INFLUXDB_BYTES, { begin: '{"results":[{"series":[{"columns":["a"],"values":[', end: "]}]}]}" }),
      ),
    [TABLE],
  ),
  answered(
    "InfluxDB's answers of 2 MiB of series without a row",
    () => answerWith(fill('{"columns":[]}', INFLUXDB_BYTES, { begin: '{"results":[{"series":[', end: "]}]}" })),
    [TABLE],
  ),
  answered(
    "InfluxDB's CSV of 2 MiB of rows of one character",
    () => answerWith(fill("1", INFLUXDB_BYTES, { begin: "a\n", end: "", separator: "\n" })),
    [CSV],
  ),
  answered(
    "InfluxDB's CSV of 2 MiB of tables with a column each",
    () => answerWith(fill("a\n1\n", INFLUXDB_BYTES, { begin: "", end: "", separator: "\n" })),
    [CSV],
  ),
  answered(
    "Endless answers of all services",
    () => async (connection) => {
      await writeAll(connection, head200());
      await writeForEver(connection, new Uint8Array(MEBIBYTE));
    },
    ALL,
  ),
  answered(
    "Answers of all services in chunks of one byte",
    () => async (connection) => {
      await writeAll(connection, head200("Transfer-Encoding: chunked"));
      await writeForEver(connection, new TextEncoder().encode("1\r\nx\r\n".repeat(10_000)));
    },
    ALL,
  ),
  answered(
    "Gzip bombs of all services",
    () => answerWith(gzipSync(new Uint8Array(256 * MEBIBYTE)), "Content-Encoding: gzip"),
    ALL,
  ),
  answered(
    "Endless heads of all services",
    () => async (connection) => {
      await writeAll(connection, head200().subarray(0, -2));
      await writeForEver(connection, new TextEncoder().encode(`X-A: ${"x".repeat(60_000)}\r\n`));
    },
    ALL,
  ),
  answered(
    "Answers of all services that come slowly from 60 KB on",
    () => async (connection) => {
      await writeAll(connection, head200());
      await writeAll(connection, new Uint8Array(60_000));
      for (;;) {
        await writeAll(connection, new Uint8Array(1000));
        await pause(1000);
      }
    },
    ALL,
  ),
  answered(
    "Redirects without an end, with a body of 6 MiB",
    () => async (connection) => {
      const head = `HTTP/1.1 307 Moved\r\nLocation: /again?${Math.random()}\r\nContent-Length: ${HTTP_BYTES}\r\n\r\n`;
      await writeAll(connection, new TextEncoder().encode(head));
      await writeAll(connection, new Uint8Array(HTTP_BYTES));
    },
    [PAGE],
  ),
  answered(
    "Actions with answers of 6 MiB, and lists of actions with states of 6 MiB",
    () => answerWith(fill(stateOf("sensor.a"), HTTP_BYTES)),
    [{ service: "action", name: "picture" }, { service: "action", name: "light" }, { service: "action" }],
  ),
  streamed("Home Assistant's 20,000 entities, 20 streams of each key", (connection) => begin(connection, 20_000)),
  streamed(
    "The same, unread, with changes of all of them as fast as possible",
    async (connection) => {
      await begin(connection, 20_000);
      const changes = ["on", "off"].map((state) =>
        Array.from({ length: 20_000 }, (_, index) => `"sensor.e${index}":{"+":{"s":"${state}"}}`).join(",")
      ).map((all) => event(`"c":{${all}}`));
      for (;;) for (const change of changes) await writeAll(connection, change);
    },
    { readBytes: 0 },
  ),
  streamed("An entity whose state of 4 MiB changes as fast as possible", async (connection) => {
    await begin(connection, 1);
    const changes = ["x", "y"].map((letter) =>
      event(`"c":{"sensor.e0":{"+":{"a":{"a":"${letter.repeat(4 * MEBIBYTE)}"}}}}`)
    );
    for (;;) for (const change of changes) await writeAll(connection, change);
  }, { readBytes: 0 }),
  streamed("Home Assistant's message of 8 MiB of a hundred thousand entities", (connection) => {
    return begin(connection, 100_000, `{"s":"${"x".repeat(20)}","lc":1}`);
  }),
  streamed("An entity with 8 MiB of small objects", (connection) => {
    return begin(connection, 1, `{"s":"on","a":{"a":${fill('{"a":1}', HOME_ASSISTANT_BYTES)}},"lc":1}`);
  }),
  streamed("Entities that are added without an end", async (connection) => {
    await begin(connection, 0);
    for (let index = 0;; index += 10_000) {
      const states = Array.from({ length: 10_000 }, (_, one) => `"sensor.e${index + one}":${compressed}`);
      await writeAll(connection, event(`"a":{${states.join(",")}}`));
    }
  }),
  streamed("A login to Home Assistant that never ends", (connection) => {
    const once = frame('{"type":"auth_required"}');
    return writeForEver(connection, joinBytes(Array(1000).fill(once)));
  }),
  streamed("Empty events of Home Assistant without an end", async (connection) => {
    await begin(connection, 1);
    const once = event("");
    await writeForEver(connection, joinBytes(Array(1000).fill(once)));
  }),
  streamed("Pings of Home Assistant without an end", async (connection) => {
    await begin(connection, 1);
    const once = frame("x".repeat(125), "ping");
    await writeForEver(connection, joinBytes(Array(1000).fill(once)));
  }),
  streamed("A message of Home Assistant in pieces of one byte", async (connection) => {
    await begin(connection, 1);
    await writeAll(connection, frame(" ", "begin"));
    await writeForEver(connection, joinBytes(Array(10_000).fill(frame(" ", "go"))));
  }),
];
