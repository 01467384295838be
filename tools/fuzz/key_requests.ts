/** Requests within and beyond the rights of a key; the gateway itself must refuse the latter. */
import type { Route } from "../../src/protocol/v2/envelope.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { type AcceptedKey, LIMITED } from "./target.ts";

/** Request before it is sealed, without its timestamp. */
export interface KeyedRequest {
  /** Key that seals it. */
  readonly key: AcceptedKey;
  /** Route. */
  readonly route: Route;
  /** Fields. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Makes one request. */
type MakeRequest = (random: SeededRandom) => KeyedRequest;

/** Topics of the broker itself, which no wildcard matches (MQTT 3.1.1, section 4.7.2). */
const DOLLAR_TOPICS = ["$SYS/broker/uptime", "$SYS/fuzz", "$SYS", "$", "$share/fuzz/fuzz/1", "$fuzz/1", "$SYS/a/b/c"];
const DOLLAR_FILTERS = [
  ...DOLLAR_TOPICS,
  "$SYS/#",
  "$SYS/+/x",
  "$share/g/#",
  "$share/g/$SYS/#",
  "$share/g/+",
  "$fuzz/#",
];

/** Filters beyond `$SYS/#`. */
const BEYOND_SYSTEM = ["$share/g/fuzz/1", "$share/g/$SYS/#", "$share/g/#", "$fuzz/#", "$", "$SYSx/a", "#", "+/a"];

const WILDCARD_KEYS: readonly AcceptedKey[] = ["right", "guest", "mqttOnly", "modern", "quick"];

const OUTSIDE_GUEST = [
  "fuzz/1",
  "fuzz",
  "fuzz/guestx/1",
  "fuzz/guest2",
  "/fuzz/guest/1",
  "Fuzz/guest/1",
  "fuzz//guest/1",
];
const WIDER_THAN_GUEST = [
  ...OUTSIDE_GUEST,
  "#",
  "fuzz/#",
  "fuzz/+",
  "+/guest/#",
  "fuzz/+/x",
  "fuzz/+/#",
  "+/+/state",
  "fuzz/a/b/state",
  "fuzz/1/state/#",
  "fuzz/one",
  "fuzz/one/#",
  "fuzz/one/+/+",
];

const BEYOND_GUEST_METHODS = [
  "cmd::execCmd",
  "cmd::byIdx",
  "xcmd::byId",
  "cmd::by",
  "eqLogic::all",
  "scenario::changeState",
];

/** Methods refused to the key `jeedomOnly` by name, or not granted by `*`; PHP ignores the case of names. */
const DANGEROUS = [
  "cmd::execCmd",
  "CMD::EXECCMD",
  "config::save",
  "user::save",
  "User::Save",
  "jeedom::halt",
  "network::x",
  "update::update",
  "plugin::install",
  "scenario::import",
  "eqLogic::save",
  "cmd::save",
  "getJson",
  "GetJson",
  "log::get",
  "log::add",
  "log::getDelta",
  "update::doUpdate",
  "scenario::save",
  "datastore::save",
  "jeeObject::save",
  "object::save",
  "plugin::deamonStart",
  "message::removeAll",
  "cmd::event",
  "interact::tryToReply",
  "someplugin::someMethod",
];

const BAD_ENDPOINTS = [
  "/../x",
  "//x",
  "/a/../b",
  "/a?b",
  "/a#b",
  "/%2e%2e/x",
  "http://192.0.2.1/",
  "/.x",
  "/a/",
  "@192.0.2.1",
];

/** Brokers that are not in `MQTT_ALLOWED_BROKERS`, which is empty. */
const OTHER_BROKERS = ["192.0.2.1", "169.254.169.254", "broker.invalid", "0.0.0.0", "::1", "0x7f.1", "2130706433"];

const BAD_TOPICS = [
  "a/#",
  "+",
  "a+b",
  "#",
  "a\u0000b",
  "a\u0007b",
  "a\u009fb",
  "\uffff",
  "\ud800",
  "a/".repeat(100) + "a",
  "",
];
const BAD_FILTERS = ["a/#/b", "a+/b", "#a", "a\u0000b", "a\u0007b", "\uffff", "\ud800", "a/".repeat(100) + "a"];

const BAD_FIELDS: readonly (readonly [name: string, values: readonly unknown[]])[] = [
  ["qos", [3, -1, "1", 1.5, true, []]],
  ["broker_port", [0, 65_536, "1883", 1.5, -1, {}]],
  ["broker_host", [7, "", "a b", "user@127.0.0.1", "127.0.0.1:1883", "x".repeat(254)]],
  ["password", ["without a user"]],
  ["topic", [7, {}, [], true]],
];

const { command, scenario } = LIMITED;

/** Calls beyond one command and one scenario: lists, objects that PHP treats as lists, and malformed ids. */
const BEYOND_LIMITED: readonly KeyedRequest["fields"][] = [
  ...[command + 1, `${command + 1}`, [command, command + 1], [`${command}`, "8"], { 0: command, 1: 8 }, [[8]]].flatMap((
    id,
  ) => ["cmd::execCmd", "cmd::byId", "cmd::getHistory"].map((jsonrpc) => ({ jsonrpc, params: { id } }))),
  ...[`${command}x`, "", null, [], `0x${command}`, `${command}.5`, true].map((id) => (
    { jsonrpc: "cmd::execCmd", params: { id } }
  )),
  ...[scenario + 1, [scenario], `${scenario}x`, null].map((id) => (
    { jsonrpc: "scenario::changeState", params: { id, state: "run" } }
  )),
  ...["eqLogic::all", "jeeObject::full", "cmd::all", "scenario::all"].map((jsonrpc) => ({ jsonrpc, params: {} })),
];

const BAD_CALLS: readonly KeyedRequest["fields"][] = [
  ...[[1], "x", 7, true].map((params) => ({ params })),
  ...[7, {}, ["x"]].map((apikey) => ({ apikey })),
  // PHP crashes on a list as the key.
  ...["apikey", "api"].map((name) => ({ params: { [name]: ["x"] } })),
  ...["", null, 7, "a b", "a\u0000", "../x", "x".repeat(129)].map((jsonrpc) => ({ jsonrpc })),
  ...["x", -1, "-1", [5], {}, true].map((longPolling) => ({ jsonrpc: "event::changes", params: { longPolling } })),
  ...[7, {}, []].map((endpoint) => ({ endpoint })),
];

function publish(random: SeededRandom, key: AcceptedKey, fields: KeyedRequest["fields"]): KeyedRequest {
  const service = { service: "mqtt" };
  const request = { topic: "fuzz/1", message: "x", ...fields };
  return random.chance(0.5)
    ? { key, route: "/mqtt/publish", fields: request }
    : { key, route: "/gateway", fields: { ...service, ...request } };
}

function subscribe(random: SeededRandom, key: AcceptedKey, filter: string): KeyedRequest {
  const allowed = key === "guest" ? "fuzz/guest/1" : "fuzz/1";
  const fields = random.chance(0.5) ? { topic: filter } : { topics: [allowed, filter] };
  return { key, route: "/mqtt/subscribe", fields };
}

const call = (key: AcceptedKey, fields: KeyedRequest["fields"]): KeyedRequest => (
  { key, route: "/gateway", fields: { jsonrpc: "cmd::byId", ...fields } }
);

/** Kinds of requests that must be refused. */
const UNGRANTED: readonly (readonly [weight: number, kind: readonly [name: string, make: MakeRequest]])[] = [
  [2, ["publish to $", (random) => publish(random, random.pick(WILDCARD_KEYS), { topic: random.pick(DOLLAR_TOPICS) })]],
  [2, ["subscribe to $", (random) => subscribe(random, random.pick(WILDCARD_KEYS), random.pick(DOLLAR_FILTERS))]],
  [2, [
    "$ beyond $SYS/#",
    (random) =>
      random.chance(0.5)
        ? subscribe(random, "system", random.pick(BEYOND_SYSTEM))
        : publish(random, "system", { topic: random.pick(DOLLAR_TOPICS) }),
  ]],
  [2, ["publish elsewhere", (random) => publish(random, "guest", { topic: random.pick(OUTSIDE_GUEST) })]],
  [5, ["subscribe wider", (random) => subscribe(random, "guest", random.pick(WIDER_THAN_GUEST))]],
  [2, ["method", (random) => call("guest", { jsonrpc: random.pick(BEYOND_GUEST_METHODS) })]],
  [2, ["dangerous method", (random) => call("jeedomOnly", { jsonrpc: random.pick(DANGEROUS) })]],
  [1, [
    "endpoint",
    (random) => call(random.pick(["guest", "jeedomOnly"]), { endpoint: "/plugins/x/core/php/jeeX.php" }),
  ]],
  [1, ["bad endpoint", (random) => call("right", { endpoint: random.pick(BAD_ENDPOINTS) })]],
  [1, [
    "API key",
    (random) =>
      call(
        random.pick(["guest", "jeedomOnly"]),
        random.pick([
          { apikey: "own" },
          ...["apikey", "api", "session", "sess_id"].map((name) => ({ params: { [name]: "own" } })),
        ]),
      ),
  ]],
  [1, ["service", (random) =>
    random.pick([
      () => call("mqttOnly", {}),
      () => publish(random, "jeedomOnly", {}),
      () => subscribe(random, "jeedomOnly", "fuzz/1"),
      () => call("right", { service: random.pick(["http", "", "__proto__", "JEEDOM", 7, {}]) }),
      (): KeyedRequest => ({ ...publish(random, "right", { service: "jeedom" }), route: "/mqtt/publish" }),
    ])()]],
  [1, ["broker", (random) => {
    const key = random.pick<AcceptedKey>(["right", "guest"]);
    const fields = { topic: "fuzz/guest/1", "broker_host": random.pick(OTHER_BROKERS) };
    return random.chance(0.5) ? publish(random, key, fields) : { key, route: "/mqtt/subscribe", fields };
  }]],
  [1, ["login", (random) => publish(random, "guest", { topic: "fuzz/guest/1", username: "other", password: "other" })]],
  [2, ["bad topic", (random) => publish(random, "right", { topic: random.pick(BAD_TOPICS) })]],
  [1, ["bad filter", (random) => subscribe(random, "right", random.pick(BAD_FILTERS))]],
  [1, ["too many filters", () => ({
    key: "right",
    route: "/mqtt/subscribe",
    fields: { topics: Array.from({ length: 101 }, (_, index) => `fuzz/${index}`) },
  })]],
  [2, ["other command", (random) => call("limited", random.pick(BEYOND_LIMITED))]],
  [1, ["plugin", () => call("jeedomOnly", { params: { id: 1, plugin: "someplugin" } })]],
  [2, ["bad call", (random) => call("right", random.pick(BAD_CALLS))]],
  [1, ["bad field", (random) => {
    const [name, values] = random.pick(BAD_FIELDS);
    return publish(random, "right", { [name]: random.pick(values) });
  }]],
];

/** Kinds of requests that must succeed with the same keys: refusing everything would prove nothing. */
const GRANTED: readonly (readonly [name: string, make: MakeRequest])[] = [
  [
    "publish",
    (random) => publish(random, "guest", { topic: random.pick(["fuzz/guest", "fuzz/guest/1", "fuzz/guest/a/b"]) }),
  ],
  [
    "subscribe",
    (random) =>
      subscribe(random, "guest", random.pick(["fuzz/guest/#", "fuzz/guest/+", "fuzz/1/state", "fuzz/+/state"])),
  ],
  ["method", (random) => call(random.pick(["guest", "jeedomOnly"]), {})],
  ["publish", (random) => publish(random, random.pick(["mqttOnly", "system"]), {})],
  ["command", (random) =>
    call(
      "limited",
      random.pick([
        ...[command, `${command}`, [command]].map((id) => ({ jsonrpc: "cmd::execCmd", params: { id } })),
        { jsonrpc: "scenario::changeState", params: { id: scenario, state: "run" } },
      ]),
    )],
];

const GRANTED_SYSTEM: MakeRequest = (random) =>
  subscribe(random, "system", random.pick(["$SYS/#", "$SYS/broker/uptime", "$SYS/+/x"]));

/** Returns a request that must be refused. */
export function ungrantedRequest(random: SeededRandom): KeyedRequest & { readonly kind: string } {
  const [kind, make] = random.pickWeighted(UNGRANTED);
  return { kind: `not granted: ${kind}`, ...make(random) };
}

/**
 * Returns a request that must succeed.
 *
 * @param grantsSystemTopics true if the key `system` has `$SYS/#`
 */
export function grantedRequest(
  random: SeededRandom,
  grantsSystemTopics: boolean,
): KeyedRequest & { readonly kind: string } {
  if (grantsSystemTopics && random.chance(0.1)) return { kind: "granted: $SYS", ...GRANTED_SYSTEM(random) };
  const [kind, make] = random.pick(GRANTED);
  return { kind: `granted: ${kind}`, ...make(random) };
}
