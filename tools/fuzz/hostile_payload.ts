/** Payloads of a malicious key holder as JSON text: valid and invalid values in every field. */
import type { Route } from "../../src/protocol/v2/envelope.ts";
import type { SeededRandom } from "./seeded_random.ts";

const nest = (open: string, inner: string, close: string, depth: number) =>
  open.repeat(depth) + inner + close.repeat(depth);

/** Returns an unusual JSON value. */
function hostileValue(random: SeededRandom): string {
  return random.pickWeighted<() => string>([
    [20, () => random.pick(["null", "true", "false", "0", "-0", "1", "-1", "3", "1.5", "65535", "65536", "[]", "{}"])],
    [20, () => random.pick(['""', '"1"', '"0"', '"true"', '"null"', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ufeff"'])],
    [
      10,
      () =>
        random.pick([
          "1e400",
          "-1e400",
          "1e-400",
          "9007199254740993",
          "1E+3",
          "123456789".repeat(40),
          "0." + "1".repeat(400),
        ]),
    ],
    [
      10,
      () => random.pick(['"\\ud800"', '"\\udc00\\ud800"', '"x\\udfff"', '"\\uffff"', '"\\ufdd0"', '"\\u202e\\u0007"']),
    ],
    [
      10,
      () =>
        random.pick(['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '["__proto__"]']),
    ],
    [5, () => random.pick(['"__proto__"', '"constructor"', '"toString"', '"hasOwnProperty"', '"valueOf"'])],
    [3, () => deep(random, 1 + random.below(3000))],
    [0.3, () => deep(random, 100_000)],
    [1, () => `"${"x".repeat(random.below(70_000))}"`],
    [0.3, () => `"${random.pick(["é", "\u{1f600}", "\\u0001"]).repeat(random.below(60_000))}"`],
    [1, () => `[${"0,".repeat(random.below(2000))}0]`],
    [5, () => `"${String.fromCodePoint(0x20 + random.below(0xd7d0)).replace(/["\\]/, "_")}"`],
  ])();
}

function deep(random: SeededRandom, depth: number): string {
  return random.chance(0.5) ? nest("[", "1", "]", depth) : nest('{"a":', "1", "}", depth);
}

const TOPICS = [
  "fuzz/a",
  "fuzz/ä/\u{1f600}",
  "",
  "/",
  "//",
  "#",
  "+",
  "a/#",
  "a/#/b",
  "a+/b",
  "+/+/#",
  "$SYS/broker/uptime",
  "$share/g/t",
  "a\u0000b",
  "a\u0007b",
  "a\u007fb",
  "a\u009fb",
  "\ufdd0",
  "\uffff",
  "\ud800",
  "a\nb",
  " ",
  "../../x",
  "__proto__/constructor",
  "a/".repeat(99) + "a",
  "a/".repeat(100) + "a",
  "a".repeat(65_535),
  "a".repeat(65_536),
  "ä".repeat(32_768),
];

const HOSTS = [
  "127.0.0.1",
  "localhost",
  "169.254.169.254",
  "::1",
  "[::1]",
  "0x7f.1",
  "2130706433",
  "127.0.0.1:1883",
  "a b",
  "a\u0000",
  "x".repeat(254),
  "user@127.0.0.1",
  "..",
  "-",
  "ff02::1",
];

const ENDPOINTS = [
  "/core/api/jeeApi.php",
  "/",
  "",
  "//x",
  "/../x",
  "/a?b",
  "/a#b",
  "/%2e%2e/x",
  "http://x/",
  "\\x",
  "/a/",
  "/.x",
  "/a\u0000",
  "/x".repeat(200),
];

const METHODS = [
  "ping",
  "cmd::byId",
  "event::changes",
  "__proto__",
  "constructor",
  "a b",
  "",
  "x".repeat(129),
  "a\u0000",
  "é",
  "../x",
  "a\nb",
];

/** Returns the fields of a request, each with a valid or an invalid value of its type. */
function fieldsOf(route: Route, random: SeededRandom): [name: string, json: string][] {
  const text = (values: readonly string[]) => JSON.stringify(random.pick(values));
  const mqtt: [string, string][] = [
    ["qos", random.pick(["0", "1", "2"])],
    ...random.chance(0.1) ? [["broker_host", text(HOSTS)]] satisfies [string, string][] : [],
    ...random.chance(0.05) ? [["username", '"u"'], ["password", '"p"']] satisfies [string, string][] : [],
  ];
  const topic = random.chance(0.7) ? `"fuzz/${random.below(50)}"` : text(TOPICS);
  if (route === "/mqtt/subscribe") {
    const since = `{"epoch":"${random.below(9)}","offset":${random.below(99)}}`;
    return [["topics", `[${topic},${text(TOPICS.slice(0, 2))}]`], ["keep", "false"], ["since", since], ...mqtt];
  }
  if (route === "/mqtt/publish" || random.chance(0.4)) {
    return [["service", '"mqtt"'], ["topic", topic], ["message", '"21.5"'], ["retain", "false"], ...mqtt];
  }
  return [
    ["service", '"jeedom"'],
    ["jsonrpc", random.chance(0.7) ? '"cmd::byId"' : text(METHODS)],
    ["params", random.chance(0.5) ? `{"id":${random.below(99)}}` : '{"longPolling":"0","id":[1]}'],
    ...random.chance(0.2) ? [["endpoint", text(ENDPOINTS)]] satisfies [string, string][] : [],
  ];
}

/**
 * Returns a payload that is mostly invalid.
 *
 * @param seconds its timestamp
 */
export function hostilePayload(random: SeededRandom, route: Route, seconds: number): string {
  const fields = fieldsOf(route, random);
  fields.push(["timestamp", random.chance(0.95) ? String(seconds) : hostileValue(random)]);
  for (let changes = random.below(3); changes > 0; changes--) {
    const at = random.below(fields.length);
    const [name] = random.pick(fields);
    random.pickWeighted<() => void>([
      [6, () => fields[at] = [fields[at]?.[0] ?? "", hostileValue(random)]],
      [2, () => fields.splice(at, 1)],
      [2, () => fields.push([name, hostileValue(random)])],
      [1, () => fields.push(["__proto__", hostileValue(random)])],
      [1, () => fields.push(["constructor", hostileValue(random)])],
      [1, () => fields.push([random.pick(["type", "status", "body", "params", "toJSON", "x"]), hostileValue(random)])],
      [1, () => fields.reverse()],
    ])();
  }
  const json = `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
  return random.pickWeighted<() => string>([
    [60, () => json],
    [1, () => `\ufeff${json}`],
    [1, () => `${json}\u0000`],
    [1, () => `${json}${json}`],
    [1, () => `[${json}]`],
    [1, () => json.slice(0, random.below(json.length))],
    [1, () => random.pick(["", " ", "null", "0", '"x"', "[]", "{}", "{", "NaN", "undefined", "'", "\u0000", "\ufeff"])],
    [1, () => json.replaceAll('"', "'")],
    [1, () => ` \t\r\n${json}\n`],
    [0.2, () => deep(random, 100_000)],
  ])();
}
