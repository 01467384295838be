import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { Deadlines } from "../../src/lib/deadlines.ts";
/** Rights of keys, and requests and streams of revoked keys. */
import { assert, assertEquals } from "@std/assert";
import type { Log } from "../../src/observability/log.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openAnswer } from "../../src/protocol/exchange.ts";
import { deriveKeyId, KEY_ID_HEADER } from "../../src/protocol/secret_key.ts";
import { createBrokerDirectory } from "../../src/services/mqtt/broker_directory.ts";
import { createJeedomService } from "../../src/services/jeedom/service.ts";
import { until, within } from "../support/deadline.ts";
import { makeBroker } from "../support/fake_broker.ts";
import { makeGateway, makeRecord } from "../support/gateway.ts";
import { subscribe } from "../support/listener.ts";
import { type FlatRights, rightsOf } from "../support/rights.ts";

/** Creates a gateway with its real services, on a Jeedom and a broker that accept everything. */
async function makeHome(
  given: FlatRights,
  { answer = () => Promise.resolve(Response.json({ result: 1 })), log }: {
    readonly answer?: () => Promise<Response>;
    readonly log?: Log;
  } = {},
) {
  const reached: string[] = [];
  const directory = createBrokerDirectory({
    configured: { host: "broker", port: 1883 },
    allowed: [{ host: "*", port: undefined }],
    defaultPort: 1883,
  });
  const { connect, state } = makeBroker();
  const gateway = await makeGateway({
    directory,
    connect,
    ...log === undefined ? {} : { log },
    services: (mqtt) => [
      createJeedomService({
        deadlines: new Deadlines(SYSTEM_CLOCK, 1),
        settings: {
          url: new URL("http://jeedom"),
          apikey: "the-key-at-home",
          timeoutMs: 10_000,
          longPollMaxSeconds: 10,
          maxResponseBytes: 1000,
          maxPolls: 10,
          maxPollsPerKey: 10,
        },
        fetch(_url, init) {
          reached.push(String(init?.body));
          return answer();
        },
        log: { warn: () => {} },
        monotonic: () => 0,
        closeSignal: new AbortController().signal,
      }),
      mqtt,
    ],
    publish({ host }, { topic }) {
      reached.push(`${host} ${topic}`);
      return Promise.resolve();
    },
  });
  const record = makeRecord({ name: "phone", ...given });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  return {
    gateway,
    record,
    reached,
    state,
    phone: await gateway.phone(record.secret),
    [Symbol.asyncDispose]: () => gateway.brokers.close(),
  };
}

async function refusal(answer: Promise<{ status: number; body: unknown }>): Promise<string> {
  const { status, body } = await answer;
  assertEquals(status, 403);
  return JSON.parse(String(body)).error;
}

Deno.test("a key without a service is refused it, and nothing is reached", async () => {
  await using home = await makeHome({ publish: ["#"], subscribe: ["#"], methods: ["*"] });
  const { phone, reached } = home;
  assertEquals(
    await refusal(phone.request("/gateway", { jsonrpc: "version" })),
    "This key may not use the service jeedom",
  );
  assertEquals(
    await refusal(phone.request("/mqtt/publish", { topic: "a", message: "" })),
    "This key may not use the service mqtt",
  );
  const stream = await subscribe(phone, { topic: "a" });
  assertEquals((await stream.next())?.["message"], "This key may not use the service mqtt");
  assertEquals(await stream.next(), undefined);
  assertEquals(reached, []);
});

Deno.test("a key may publish to topics that its filters match, on both routes, and to no other", async () => {
  const { phone, reached } = await makeHome({ services: ["mqtt"], publish: ["home/+/set"] });
  for (
    const [path, topic, allowed] of [
      ["/gateway", "home/light/set", true],
      ["/mqtt/publish", "home/light/set", true],
      ["/gateway", "home/light", false],
      ["/mqtt/publish", "home/light/set/x", false],
    ] as const
  ) {
    const asked = phone.request(path, { service: "mqtt", topic, message: "ON" });
    if (allowed) assertEquals((await asked).status, 200);
    else assertEquals(await refusal(asked), `This key may not publish to ${topic}`);
  }
  assertEquals(reached, ["broker home/light/set", "broker home/light/set"]);
});

Deno.test("a key may subscribe within its filters, and not beyond", async () => {
  await using home = await makeHome({ services: ["mqtt"], subscribe: ["home/+/temp"] });
  const { phone } = home;
  for (
    const [topics, allowed] of [
      [["home/kitchen/temp"], true],
      [["home/+/temp"], true],
      [["home/#"], false],
      [["home/kitchen/temp", "home/kitchen/door"], false],
    ] as const
  ) {
    const stream = await subscribe(phone, { topics });
    const event = await stream.next();
    assertEquals(event?.["type"], allowed ? "connected" : "error", topics.join());
    if (!allowed) assert(String(event?.["message"]).startsWith("This key may not subscribe to "));
    await stream.cancel();
  }
});

Deno.test("a message that the key may not receive is not passed on, even if the broker sends it", async () => {
  await using home = await makeHome({ services: ["mqtt"], subscribe: ["home/+/temp"] });
  const { phone, state } = home;
  const stream = await subscribe(phone, { topic: "home/+/temp" });
  assertEquals((await stream.next())?.["type"], "connected");
  const message = (topic: string) => ({ topic, payload: new Uint8Array(), qos: 0 as const, retain: false });
  state.deliver(message("home/secret"));
  state.deliver(message("home/kitchen/temp"));
  assertEquals((await stream.next())?.["topic"], "home/kitchen/temp");
  await stream.cancel();
});

Deno.test("topics that begin with $ are granted only by filters that name them", async () => {
  await using home = await makeHome({
    services: ["mqtt"],
    subscribe: ["#", "$SYS/broker/#", "$share/g/home/#"],
    publish: ["#", "$dps/x"],
  });
  const { phone, reached } = home;
  for (
    const [topics, message] of [
      [["$SYS/broker/uptime"], "Successfully connected and subscribed to $SYS/broker/uptime"],
      [["$share/g/home/x"], "Successfully connected and subscribed to $share/g/home/x"],
      [["$SYS/#"], 'Invalid field: topic: filter must not start with "$"'],
      [["$share/g/#"], 'Invalid field: topic: filter must not start with "$"'],
      [["$share/other/home/x"], 'Invalid field: topic: filter must not start with "$"'],
      [["$e2e-gateway/check"], 'Invalid field: topic: filter must not start with "$"'],
      [["a", "$share/g/home/x"], "Invalid field: topics: a filter that begins with $share must be the only one"],
    ] as const
  ) {
    const stream = await subscribe(phone, { topics });
    assertEquals((await stream.next())?.["message"], message);
    await stream.cancel();
  }
  assertEquals((await phone.request("/mqtt/publish", { topic: "$dps/x", message: "" })).status, 200);
  const { status, body } = await phone.request("/mqtt/publish", { topic: "$SYS/x", message: "" });
  assertEquals([status, JSON.parse(String(body)).error], [400, 'Invalid field: topic: must not start with "$"']);
  assertEquals(reached, ["broker $dps/x"]);
});

Deno.test("messages of a shared subscription reach its listener alone, without a right to the topic itself", async () => {
  await using home = await makeHome({ services: ["mqtt"], subscribe: ["$share/g/home/#"] });
  const { gateway, record, phone, state } = home;
  const other = makeRecord({ name: "other", services: ["mqtt"], subscribe: ["home/#"] });
  await gateway.keyring.replace({ single: undefined, records: [record, other] });
  const neighbour = await subscribe(await gateway.phone(other.secret), { topic: "home/#" });
  assertEquals((await neighbour.next())?.["type"], "connected");
  const deliverToNeighbour = state.deliver;
  const refused = await subscribe(phone, { topic: "home/#" });
  assertEquals((await refused.next())?.["message"], "This key may not subscribe to home/#");
  const stream = await subscribe(phone, { topic: "$share/g/home/#" });
  assertEquals((await stream.next())?.["type"], "connected");
  const message = (topic: string) => ({ topic, payload: new Uint8Array(), qos: 0 as const, retain: false });
  state.deliver(message("garden/x"));
  state.deliver(message("home/shared"));
  deliverToNeighbour(message("home/plain"));
  assertEquals((await within("the share", stream.next()))?.["topic"], "home/shared");
  assertEquals((await within("the other one", neighbour.next()))?.["topic"], "home/plain");
  await stream.cancel();
  await until("its connection ends with it", () => state.closed === 1);
  await neighbour.cancel();
});

Deno.test("a key may call its methods with the API key at home, and no other endpoint, method or API key", async () => {
  const { phone, reached } = await makeHome({ services: ["jeedom"], methods: ["*"], refusedMethods: ["scenario::*"] });
  const ask = (payload: Record<string, unknown>) => phone.request("/gateway", { jsonrpc: "cmd::byId", ...payload });
  assertEquals((await ask({})).status, 200);
  assertEquals(await refusal(ask({ jsonrpc: "jeedom::halt" })), "This key may not call the method jeedom::halt");
  assertEquals(await refusal(ask({ jsonrpc: "scenario::all" })), "This key may not call the method scenario::all");
  assertEquals(await refusal(ask({ endpoint: "/plugins/x.php" })), "This key may not use the endpoint /plugins/x.php");
  const own = "This key may not bring an API key of its own or use a session: leave apikey, session and sess_id out";
  const credentials = [{ apikey: "mine" }, { api: "mine" }, { session: true }, { session: 1 }, { sess_id: "stolen" }];
  for (const payload of [{ apikey: "mine" }, ...credentials.map((params) => ({ params }))]) {
    assertEquals(await refusal(ask(payload)), own);
  }
  assertEquals(reached.length, 1);
});

Deno.test("a guest may run its command and nothing else, however the request names it", async () => {
  const { phone, reached } = await makeHome({ services: ["jeedom"], methods: ["*"], ownApikey: true, commands: [12] });
  const ask = (jsonrpc: string, params: unknown) => phone.request("/gateway", { jsonrpc, apikey: "mine", params });
  assertEquals((await ask("cmd::execCmd", { id: "12" })).status, 200);
  assertEquals(await refusal(ask("cmd::execCmd", { id: 13 })), "This key may not use the command 13");
  assertEquals(await refusal(ask("cmd::execCmd", { id: [12, 13] })), "This key may not use the command 13");
  for (const method of ["jeeObject::full", "cmd::all", "scenario::changeState", "getJson"]) {
    const message = await refusal(ask(method, { id: 12 }));
    assert([`This key may not call the method ${method}`, "This key may not use the scenario 12"].includes(message));
  }
  for (const id of ["12abc", "012", true, { a: 12 }, null]) {
    assert((await refusal(ask("cmd::execCmd", { id }))).startsWith("Invalid field: params.id"));
  }
  assertEquals(reached.length, 1);
});

Deno.test("a guest receives only events of its own command, with the digits that Jeedom wrote", async () => {
  const event = (id: string, value: string) =>
    `{"datetime":1790000000.10,"name":"cmd::update","option":{"cmd_id":${id},"value":${value}}}`;
  const body = `{"jsonrpc":"2.0","id":99999,"result":{"datetime":1790000001.50,"result":[${event("13", '"secret"')},` +
    `${event("12", "6066005651767221768")}]}}`;
  const answer = () => Promise.resolve(new Response(body));
  const { phone } = await makeHome({ services: ["jeedom"], methods: ["*"], commands: [12] }, { answer });
  const asked = await phone.exchange("/gateway", { jsonrpc: "event::changes", params: { datetime: 0 } });
  const received = String(await openAnswer(asked.exchange, await asked.response.text()));
  assert(received.includes(`{"datetime":1790000001.50,"result":[${event("12", "6066005651767221768")}]}`), received);
  assert(!received.includes("secret"), received);
});

Deno.test("a poll that ends after its key's rights changed returns nothing", async () => {
  const answered = Promise.withResolvers<Response>();
  const rights = { services: ["jeedom"], methods: ["*"] };
  const { phone, gateway, record, reached } = await makeHome(rights, { answer: () => answered.promise });
  const poll = phone.request("/gateway", { jsonrpc: "event::changes", params: { datetime: 0, longPolling: 5 } });
  await until("the poll is under way", () => reached.length === 1);
  await gateway.keyring.replace({
    single: undefined,
    records: [{ ...record, rights: rightsOf({ ...rights, commands: [12] }) }],
  });
  answered.resolve(new Response('{"result":{"datetime":1,"result":[{"name":"cmd::update","option":{"cmd_id":1}}]}}'));
  assertEquals(await refusal(poll), "Key phone was changed: connect again");
});

Deno.test("a method that is not granted is logged once, with the command that grants it", async () => {
  const lines: unknown[] = [];
  const log: Log = { debug() {}, info() {}, error() {}, warn: (_message, properties) => void lines.push(properties) };
  const { phone } = await makeHome({ services: ["jeedom"], methods: ["*"], refusedMethods: ["cmd::*"] }, { log });
  for (const jsonrpc of ["log::get", "log::get", "cmd::byId", "version"]) await phone.request("/gateway", { jsonrpc });
  assertEquals(lines, [{
    key: "phone",
    method: "log::get",
    command: "deno task keys set phone --method '*' --method 'log::get'",
  }]);
});

Deno.test("a key may name brokers of its list only, and a login for no other broker", async () => {
  const { phone, reached } = await makeHome({ services: ["mqtt"], publish: ["#"], brokers: ["other:1883"] });
  const ask = (payload: Record<string, unknown>) =>
    phone.request("/mqtt/publish", { topic: "t", message: "", ...payload });
  for (
    const payload of [{}, { broker_host: "BROKER" }, { broker_host: "broker", broker_port: 1883 }, {
      broker_host: "other",
    }]
  ) {
    assertEquals((await ask(payload)).status, 200);
  }
  assertEquals(
    await refusal(ask({ broker_host: "elsewhere" })),
    "This key may not name the broker elsewhere:1883 or a login for it",
  );
  await refusal(ask({ broker_port: 1884 }));
  await refusal(ask({ username: "user" }));
  assertEquals(reached, ["broker t", "broker t", "broker t", "other t"]);
});

Deno.test("an invalid host is refused, including zones and line breaks", async () => {
  const { phone, reached } = await makeHome({ services: ["mqtt"], publish: ["#"], brokers: ["*"] });
  for (const host of ["fe80::1%eth0", "::1%.example.com", "a\nb", "a b", "mqtt://a", "[::1]", "a/b", "bröker"]) {
    const { status, body } = await phone.request("/mqtt/publish", { topic: "t", message: "", broker_host: host });
    assertEquals([status, body], [
      400,
      '{"error":"Invalid field: broker_host: must be a host name or an address alone","code":"field"}',
    ]);
  }
  assertEquals(reached, []);
});

Deno.test("link-local and metadata addresses are refused although every broker is allowed", async () => {
  const { phone, reached } = await makeHome({ services: ["mqtt"], publish: ["#"], brokers: ["*"] });
  for (const host of ["169.254.169.254", "::ffff:169.254.169.254", "FE80::1", "fd00:ec2::254"]) {
    const asked = phone.request("/mqtt/publish", { topic: "t", message: "", broker_host: host });
    assert((await refusal(asked)).startsWith("Broker not allowed: "), host);
  }
  assertEquals(reached, []);
});

Deno.test("a revoked key gets the same 401 as all others, and its 50 open streams end with the reason", async () => {
  await using home = await makeHome({ services: ["mqtt"], subscribe: ["#"], publish: ["#"] });
  const { gateway, phone, record, state } = home;
  const streams = await Promise.all(Array.from({ length: 50 }, () => subscribe(phone, { topic: "a" })));
  for (const stream of streams) assertEquals((await stream.next())?.["type"], "connected");
  await gateway.keyring.replace({ single: undefined, records: [{ ...record, disabled: true }] });
  for (const stream of streams) {
    const event = await stream.next();
    assertEquals([event?.["type"], event?.["message"]], ["error", "Key phone was removed or disabled"]);
    assertEquals(await stream.next(), undefined);
  }
  assertEquals(gateway.streams.size, 0);
  await until("the broker connection is closed", () => state.closed === 1);
  const refused = await phone.ask("/mqtt/publish", { topic: "a", message: "" });
  assertEquals([refused.status, await refused.text()], [401, '{"error":"Decryption failed"}']);
});

Deno.test("a listener whose key is revoked receives none of the events that waited", async () => {
  await using home = await makeHome({ services: ["mqtt"], subscribe: ["#"] });
  const { gateway, phone, state } = home;
  const stream = await subscribe(phone, { topic: "a" });
  assertEquals((await stream.next())?.["type"], "connected");
  for (let index = 0; index < 5; index++) {
    state.deliver({ topic: "a", payload: new TextEncoder().encode(`${index}`), qos: 0, retain: false });
  }
  await gateway.keyring.replace({ single: undefined, records: [] });
  assertEquals((await stream.next())?.["message"], "Key phone was removed or disabled");
  assertEquals(await stream.next(), undefined);
});

Deno.test("a request whose key is revoked while it waits for the store does not run", async () => {
  const { gateway, phone, reached } = await makeHome({ services: ["mqtt"], publish: ["#"] });
  const claim = gateway.replays.claim;
  gateway.replays.claim = async (identity) => {
    await gateway.keyring.replace({ single: undefined, records: [] });
    return claim(identity);
  };
  const message = await refusal(phone.request("/mqtt/publish", { topic: "door/open", message: "" }));
  assertEquals([message, reached], ["Key phone was removed or disabled", []]);
});

Deno.test("a stream ends when its key expires, and one that begins later receives nothing", async () => {
  await using home = await makeHome({ services: ["mqtt"], subscribe: ["#"] });
  const { gateway, phone, record, state } = home;
  await gateway.keyring.replace({
    single: undefined,
    records: [{ ...record, expires: gateway.clock.seconds * 1000 + 5000 }],
  });
  const stream = await subscribe(phone, { topic: "a" });
  assertEquals((await stream.next())?.["type"], "connected");
  gateway.clock.seconds += 5;
  gateway.keyring.expire();
  assertEquals((await stream.next())?.["message"], "Key phone has expired");
  assertEquals((await phone.ask("/mqtt/subscribe", { topic: "a" })).status, 401);
  assertEquals(state.addresses.length, 1);
});

Deno.test("a key id opens with that key only, and a wrong id is answered like a wrong key", async () => {
  const { gateway, record } = await makeHome({ services: ["mqtt"], publish: ["#"] });
  const other = makeRecord({ name: "other", services: ["mqtt"], publish: ["#"] });
  await gateway.keyring.replace({ single: undefined, records: [record, other] });
  const statusWith = async (kid: string) => {
    const phone = await gateway.phone(record.secret, { headers: { [KEY_ID_HEADER]: kid } });
    const response = await phone.ask("/mqtt/publish", { topic: "a", message: "" });
    return `${response.status} ${response.status === 200 ? "" : await response.text()}`;
  };
  const refused = '401 {"error":"Decryption failed"}';
  assertEquals(await statusWith(await deriveKeyId(record.secret)), "200 ");
  assertEquals(await statusWith(await deriveKeyId(other.secret)), refused);
  assertEquals(await statusWith(await deriveKeyId(randomBytes(32))), refused);
  assertEquals(await statusWith("nonsense"), refused);
});

Deno.test("the audit records each decision once, with key, target and outcome, and neither values nor secrets", async () => {
  await using home = await makeHome({
    services: ["mqtt", "jeedom"],
    publish: ["a"],
    subscribe: ["a"],
    methods: ["version"],
  });
  const { gateway, phone, record } = home;
  const body = await phone.seal({ timestamp: gateway.clock.seconds, topic: "a", message: "the-value" });
  await phone.post("/mqtt/publish", body);
  await phone.post("/mqtt/publish", body);
  await phone.request("/gateway", { jsonrpc: "version", params: { code: "the-value" } });
  await phone.request("/gateway", { jsonrpc: "jeedom::halt" });
  await phone.request("/gateway", { timestamp: 1 });
  const stream = await subscribe(phone, { topics: ["a"], password: "the-value", username: "x" });
  await stream.next();
  const good = await subscribe(phone, { topic: "a" });
  await good.next();
  await good.cancel();
  gateway.replays.claim = () => ({ kind: "unavailable" });
  assertEquals((await phone.ask("/gateway", {})).status, 503);
  const { decisions } = gateway;
  assertEquals(decisions.map(({ route, service, target, outcome }) => [route, service, target, outcome]), [
    ["/mqtt/publish", "mqtt", "a", "200"],
    ["/mqtt/publish", undefined, undefined, "repeat, not run again"],
    ["/gateway", "jeedom", "version", "200"],
    ["/gateway", "jeedom", "jeedom::halt", "403 This key may not call the method jeedom::halt"],
    ["/gateway", undefined, undefined, "403 Request expired"],
    ["/mqtt/subscribe", "mqtt", "a", "ended: This key may not name the broker broker:1883 or a login for it"],
    ["/mqtt/subscribe", "mqtt", "a", "subscribed"],
    ["/mqtt/subscribe", "mqtt", "a", "ended: listener left"],
    ["/gateway", undefined, undefined, "503 Replay store is out of reach: nothing runs without it"],
  ]);
  const kid = await deriveKeyId(record.secret);
  assert(
    decisions.every((decision) => decision.key === "phone" && decision.kid === kid && decision.address === "192.0.2.1"),
  );
  assert(!JSON.stringify(decisions).includes("the-value"));
});
