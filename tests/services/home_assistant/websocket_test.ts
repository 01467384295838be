import { assert, assertEquals } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import type { ServiceError } from "../../../src/services/service.ts";
import { TokenRefusedError } from "../../../src/services/home_assistant/stream_errors.ts";
import { createConnectStates, type StatesConnection } from "../../../src/services/home_assistant/websocket.ts";
import { type PrivateTrust, privateTrust } from "../../../src/net/private_trust.ts";
import { HAS_OPENSSL, type KeyPair, makeDefaultCertificate } from "../../support/certificate.ts";
import { needing } from "../../support/needs.ts";
import { until, within } from "../../support/deadline.ts";
import { startHomeAssistant } from "../../support/home_assistant_server.ts";
import { ManualClock } from "../../support/manual_clock.ts";

type Event = Readonly<Record<string, unknown>>;

/** Options of a connection in a test. */
interface OpenOptions {
  readonly token?: string;
  readonly timeoutMs?: number;
  readonly maxMessageBytes?: number;
  readonly clock?: ManualClock;
  readonly trust?: PrivateTrust;
  readonly onStates?: (event: Event) => Promise<void> | undefined;
}

/** Opens a connection, and records what it reports. */
function open(url: string, options: OpenOptions = {}) {
  const { token = "token", timeoutMs = 20_000, maxMessageBytes = 100_000, clock = SYSTEM_CLOCK, trust } = options;
  const events: Event[] = [];
  const reasons: ServiceError[] = [];
  const reached: boolean[] = [];
  const closed = Promise.withResolvers<ServiceError>();
  const connect = createConnectStates({ webSocket: url.replace(/^http/, "ws"), token, trust }, {
    timeoutMs,
    maxMessageBytes,
    clock,
  });
  const connection: StatesConnection = connect({
    onStates(event) {
      events.push(event);
      return options.onStates?.(event);
    },
    onClosed(reason, { isReached }) {
      reasons.push(reason);
      reached.push(isReached);
      closed.resolve(reason);
    },
  });
  return {
    events,
    reasons,
    reached,
    connection,
    ended: () => within("the end of the connection", closed.promise),
    hasEvents: (count: number) => until(`${count} events`, () => events.length >= count),
  };
}

/** Server of a WebSocket that behaves as a test says. */
function startServer(serve: (socket: WebSocket) => void, pair?: KeyPair) {
  const messages: string[] = [];
  const sockets = new Set<WebSocket>();
  let connections = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...pair }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    connections += 1;
    sockets.add(socket);
    socket.addEventListener("message", ({ data }) => void messages.push(String(data)));
    socket.addEventListener("close", () => void sockets.delete(socket));
    // The other side ends connections without a closing handshake.
    socket.addEventListener("error", () => {});
    serve(socket);
    return response;
  });
  return {
    url: `${pair === undefined ? "http" : "https"}://127.0.0.1:${server.addr.port}/api/websocket`,
    messages,
    sockets,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      await until("all connections are closed", () => sockets.size === 0);
      await server.shutdown();
    },
  };
}

/** Server that logs the client in, and sends some texts after its subscription. */
function startSending(texts: readonly (string | Uint8Array<ArrayBuffer>)[], pair?: KeyPair) {
  return startServer((socket) => {
    socket.addEventListener("open", () => socket.send('{"type":"auth_required"}'));
    socket.addEventListener("message", ({ data }) => {
      const { type } = JSON.parse(String(data));
      if (type === "auth") socket.send('{"type":"auth_ok"}');
      if (type === "subscribe_entities") { for (const text of texts) socket.send(text); }
    });
  }, pair);
}

const FIRST = '{"id":1,"type":"event","event":{"a":{}}}';

Deno.test("connection logs in, and reports all states and then each change", async () => {
  await using port = startHomeAssistant();
  const { events, connection, hasEvents, reasons } = open(`${port.url}/api/websocket`, { token: port.token });
  await hasEvents(1);
  const [first] = events;
  assertEquals(Object.keys(Object(first?.["a"])), port.home.states().map(({ entity }) => entity));
  port.home.set("light.kitchen", { state: "on" });
  await hasEvents(2);
  assert(JSON.stringify(events[1]).startsWith('{"c":{"light.kitchen":{"+":{"s":"on"'));
  connection.close();
  await until("no connection is left", () => port.simulated.connections === 0);
  assertEquals(reasons, []);
});

Deno.test("connection fails with a TokenRefusedError when the token is refused, without the token in it", async () => {
  await using port = startHomeAssistant();
  const { ended } = open(`${port.url}/api/websocket`, { token: "a-wrong-token" });
  const reason = await ended();
  assert(reason instanceof TokenRefusedError);
  assert(!`${reason.message} ${reason.cause}`.includes("a-wrong-token"));
});

Deno.test("connection fails when Home Assistant closes it, and reports that once", async () => {
  await using port = startHomeAssistant();
  const { ended, reasons, hasEvents } = open(`${port.url}/api/websocket`, { token: port.token });
  await hasEvents(1);
  port.simulated.dropConnections();
  assertEquals([(await ended()).code, reasons.length], ["service_unreachable", 1]);
});

Deno.test("connection reports whether Home Assistant had sent anything", async () => {
  await using port = startHomeAssistant();
  const refused = open(`${port.url}/api/websocket`, { token: "a-wrong-token" });
  const absent = open("http://127.0.0.1:1/api/websocket");
  await Promise.all([refused.ended(), absent.ended()]);
  assertEquals([refused.reached, absent.reached], [[true], [false]]);
});

Deno.test("connection fails when nothing listens, and when another page answers", async () => {
  assertEquals((await open("http://127.0.0.1:1/api/websocket").ended()).message, "Home Assistant cannot be reached");
  const pages = { moved: 302, ok: 200, forbidden: 403 };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => {
      const status = Number(new URL(url).searchParams.get("status"));
      return new Response("page", { status, headers: { Location: "http://127.0.0.1:1/" } });
    },
  );
  for (const status of Object.values(pages)) {
    const { code, message } = await open(`http://127.0.0.1:${server.addr.port}/?status=${status}`).ended();
    assertEquals([code, message], [
      "service_answer",
      `Home Assistant sent status ${status} in place of its WebSocket API`,
    ]);
  }
});

Deno.test("connection sends its token only to a server that asks for it", async () => {
  await using server = startServer((socket) =>
    socket.addEventListener("open", () => socket.send('{"type":"auth_ok"}'))
  );
  const { connection } = open(server.url);
  await until("a subscription", () => server.messages.length > 0);
  connection.close();
  assertEquals(server.messages.filter((text) => text.includes("token")), []);
});

for (
  const [what, texts, message] of [
    ["no JSON", ["{"], "a message that is not understood"],
    ["a text that is no object", ["[1]"], "a message that is no object"],
    ["bytes", [new Uint8Array(3)], "a message that is no text"],
    ["an event that is no object", ['{"id":1,"type":"event","event":[]}'], "an event that is no object"],
    [
      "a refused subscription",
      ['{"id":1,"type":"result","success":false,"error":{"code":"unknown_command"}}'],
      "a refusal of subscribe_entities: version 2022.4 or later is needed",
    ],
    [
      "a message above the limit",
      [JSON.stringify({ id: 1, type: "event", event: { a: { x: "x".repeat(100_001) } } })],
      "a message of more than 100000 bytes: raise HOME_ASSISTANT_MAX_RESPONSE_BYTES",
    ],
    [
      "a message that is nested deeply",
      ["[".repeat(20_000) + "1.0" + "]".repeat(20_000)],
      "a message that is not understood",
    ],
    [
      "a message that is nested too deep to be passed on",
      ["[".repeat(101) + "]".repeat(101)],
      "a message that is nested too deep",
    ],
  ] as const
) {
  Deno.test(`connection fails on ${what}`, async () => {
    await using server = startSending(texts);
    const { ended, events } = open(server.url);
    const reason = await ended();
    assert(reason.message.startsWith(`Home Assistant sent ${message}`), reason.message);
    assertEquals([reason.code, events], ["service_answer", []]);
  });
}

Deno.test("connection sends its token once, and fails when it is asked for it again", async () => {
  await using server = startServer((socket) => {
    socket.onopen = () => Array(100).keys().forEach(() => socket.send('{"type":"auth_required"}'));
  });
  const { ended } = open(server.url);
  assert((await ended()).message.includes("unknown message before the login"));
  assertEquals(server.messages.filter((text) => text.includes("access_token")).length <= 1, true);
});

Deno.test("connection fails on a message whose values would take more memory than allowed", async () => {
  await using server = startSending([`{"id":1,"type":"event","event":{"a":[${"{},".repeat(1_100_000)}0]}}`]);
  const { ended } = open(server.url, { maxMessageBytes: 8_000_000 });
  assertEquals((await ended()).message, "Home Assistant sent a message with too many lists and objects");
});

Deno.test("connection fails when its states are refused, with the reason, and reports nothing more", async () => {
  await using server = startSending([FIRST, FIRST, FIRST]);
  const { ended, events } = open(server.url, {
    onStates() {
      throw new TokenRefusedError();
    },
  });
  assert(await ended() instanceof TokenRefusedError);
  assertEquals(events.length, 1);
});

Deno.test("connection ignores messages about other commands", async () => {
  await using server = startSending(['{"id":7,"type":"event","event":{"r":["light.a"]}}', '{"type":"news"}', FIRST]);
  const { events, hasEvents, connection } = open(server.url);
  await hasEvents(1);
  connection.close();
  assertEquals(events, [{ a: {} }]);
});

for (
  const [what, serve] of Object.entries({
    "never says anything": () => {},
    "never answers the login": (socket: WebSocket) =>
      socket.addEventListener("open", () => socket.send('{"type":"auth_required"}')),
  })
) {
  Deno.test(`connection fails after the timeout when Home Assistant ${what}`, async () => {
    await using server = startServer(serve);
    const clock = new ManualClock();
    const { ended, reasons } = open(server.url, { clock, timeoutMs: 5000 });
    await until("a connection", () => server.sockets.size === 1);
    clock.pass(4999);
    assertEquals(reasons, []);
    clock.pass(1);
    assertEquals((await ended()).code, "service_timeout");
    assertEquals(clock.timers, 0);
  });
}

Deno.test("connection pings, and fails when nothing at all has arrived until the next ping", async () => {
  await using server = startSending([FIRST]);
  const clock = new ManualClock();
  const { ended, hasEvents } = open(server.url, { clock });
  await hasEvents(1);
  clock.pass(30_000);
  await until("a ping", () => server.messages.includes('{"id":2,"type":"ping"}'));
  for (const socket of server.sockets) socket.send('{"id":2,"type":"pong"}');
  // Once for the answer, which is not visible from here, and once without one.
  await new Promise((resolve) => setTimeout(resolve, 200));
  clock.pass(30_000);
  await until("another ping", () => server.messages.includes('{"id":3,"type":"ping"}'));
  clock.pass(30_000);
  assertEquals((await ended()).message, "Home Assistant no longer answers");
});

Deno.test("connection reads no further until the listeners have caught up", async () => {
  const texts = Array.from({ length: 400 }, () => `{"id":1,"type":"event","event":{"x":"${"x".repeat(50_000)}"}}`);
  await using server = startSending(texts);
  const { promise, resolve } = Promise.withResolvers<void>();
  const { events, hasEvents, connection } = open(server.url, { onStates: () => promise });
  await hasEvents(1);
  await new Promise((wait) => setTimeout(wait, 200));
  // What had arrived with the first message.
  assert(events.length < 20, `${events.length} events`);
  resolve();
  await hasEvents(texts.length);
  connection.close();
});

Deno.test("close() also ends an attempt to connect, and nothing is reported", async () => {
  await using server = startServer(() => {});
  const { connection, reasons } = open(server.url);
  connection.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(reasons, []);
});

Deno.test(needing("connection trusts the certificates that it is given alone", { openssl: HAS_OPENSSL }), async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [own, other] = [
      await makeDefaultCertificate(directory, "own"),
      await makeDefaultCertificate(directory, "other"),
    ];
    await using server = startSending([FIRST], own);
    const { hasEvents, connection } = open(server.url, { trust: privateTrust(own.cert) });
    await hasEvents(1);
    connection.close();
    const seen = server.messages.length;
    for (const options of [{ trust: privateTrust(other.cert) }, {}]) {
      assertEquals((await open(server.url, options).ended()).code, "service_unreachable");
    }
    assertEquals(server.messages.length, seen);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
