import { type LogRecord, resetSync } from "@logtape/logtape";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseConfig } from "../../src/config/parse.ts";
import type { Variables } from "../../src/config/rules.ts";
import { secretsOf } from "../../src/config/settings.ts";
import type { Log } from "../../src/observability/log.ts";
import { createLineSink, type Logs, startLog } from "../../src/observability/logtape.ts";
import { createMask } from "../../src/observability/mask.ts";
import { until } from "../support/deadline.ts";

const SETTINGS = {
  JEEDOM_APIKEY: "Zz9kqv3WkLmN0pQrStUv",
  MQTT_BROKER_HOST: "127.0.0.1",
  MQTT_USERNAME: "joe",
  MQTT_PASSWORD: 'corr"ect\\horse/batt ery&é',
  REDIS_URL: "redis://ann:redis-p%40ss@127.0.0.1:6379/1",
};
const SECRETS = [
  SETTINGS.JEEDOM_APIKEY,
  SETTINGS.MQTT_PASSWORD,
  SETTINGS.REDIS_URL,
  "redis-p%40ss",
  "redis-p@ss",
];
const REQUEST = "3f2a00112233eeff";

/** Sets up the logs of a configuration, and returns the lines that the test writes. */
function linesOf(
  test: (log: Log, decisions: Logs["decisions"]) => void,
  env: Variables = {},
  isTerminal = false,
): string[] {
  const lines: string[] = [];
  const print = (text: string) => void lines.push(...text.split("\n"));
  const names = ["debug", "info", "warn", "error"] as const;
  // deno-lint-ignore no-console
  const real = names.map((name) => console[name]);
  // deno-lint-ignore no-console
  for (const name of names) console[name] = (...parts: unknown[]) => void lines.push(...parts.join(" ").split("\n"));
  try {
    const config = parseConfig({ ...SETTINGS, LOG_LEVEL: "debug", ...env });
    const mask = createMask(secretsOf(config));
    const { log, decisions } = startLog({ settings: config.log, mask, isTerminal, print });
    test(log, decisions);
    resetSync();
  } finally {
    // deno-lint-ignore no-console
    names.forEach((name, index) => console[name] = real[index] ?? console[name]);
  }
  return lines;
}

/** Logs a secret in every part of a record. */
function logEverywhere(log: Log, secret: string): void {
  const cause = new Error(`Login with ${secret} failed`);
  const error = Object.assign(new Error(`No connection: ${secret}`, { cause }), { command: ["AUTH", secret] });
  for (const write of [log.debug, log.info, log.warn, log.error].map((method) => method.bind(log))) {
    write(`In the message: ${secret}`);
    write("In a property: {value}", { value: secret });
    write("In a name: {value}", { value: { [secret]: 1 } });
    write("In an object: {value}", { value: { list: [{ deep: new Map([["x", secret]]), text: `a ${secret} b` }] } });
    write("In an error: {error}", { error });
    write("In many errors: {error}", { error: new AggregateError([error], secret) });
    write("In a URL: {url}", { url: `http://joe:${encodeURIComponent(secret)}@host/?a=${encodeURIComponent(secret)}` });
    write("In a header: {header}", { header: `Basic ${new TextEncoder().encode(`joe:${secret}`).toBase64()}` });
    write("Twice: {value}", { value: JSON.stringify({ text: JSON.stringify([secret]) }) });
    write("By its name: {password}, {login}", { password: secret, login: { token: secret, x: { payload: [secret] } } });
  }
}

function hasSecret(line: string, secret: string): boolean {
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = new TextEncoder().encode(secret).toBase64({ omitPadding: true }).slice(0, -2);
  return [secret, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(secret), base64]
    .some((encoding) => line.includes(encoding));
}

for (
  const [form, env, isTerminal] of [["JSON", { LOG_FORMAT: "json" }, false], ["text", { LOG_FORMAT: "text" }, false], [
    "color",
    {},
    true,
  ]] as const
) {
  Deno.test(`startLog() masks a secret wherever it is logged, as ${form}`, () => {
    for (const secret of SECRETS) {
      const lines = linesOf(
        (log, { info }) => {
          logEverywhere(log, secret);
          logEverywhere({ debug: info, info, warn: info, error: info }, secret);
        },
        env,
        isTerminal,
      );
      assert(lines.length >= 80, `${lines.length} lines`);
      for (const line of lines) assert(!hasSecret(line, secret), line);
      if (form === "JSON") lines.forEach((line) => JSON.parse(line));
      assert(lines.some((line) => line.includes("In a property") && line.includes("***")));
    }
  });
}

Deno.test("startLog() writes the id of the request after the level in text, and as a field in JSON", () => {
  const write = (log: Log, decisions: Logs["decisions"]) => {
    log.warn("Broke: {reason}", { reason: "why\nnot", request: REQUEST });
    log.info("Started");
    decisions.info("{route} done", { route: "/gateway", request: REQUEST });
  };
  const text = linesOf(write, { LOG_FORMAT: "text" });
  assertEquals(text.map((line) => line.slice("2026-11-24 06:14:24.724 +00:00 ".length)), [
    `[WRN] [${REQUEST}] gateway: Broke: why not`,
    "[INF] gateway: Started",
    `[INF] [${REQUEST}] audit: /gateway done`,
  ]);
  assertMatch(text[0] ?? "", /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+00:00 \[/);
  const json = linesOf(write, { LOG_FORMAT: "json" }).map((line) => JSON.parse(line));
  assertEquals(json.map(({ request }) => request), [REQUEST, undefined, REQUEST]);
  const { "@timestamp": timestamp, ...fields } = json[0];
  assertMatch(timestamp, /Z$/);
  assertEquals(fields, {
    level: "WARN",
    message: "Broke: {reason}",
    text: "Broke: why not",
    logger: "gateway",
    reason: "why\nnot",
    request: REQUEST,
  });
  const [colored = ""] = linesOf(write, {}, true);
  assertStringIncludes(colored, ` [${REQUEST}] `);
  assertStringIncludes(colored, "\x1b[33m");
});

Deno.test("startLog() masks fields by their names, key material, and nothing of an ordinary line", () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  for (const LOG_FORMAT of ["json", "text"]) {
    const [fields = "", material = "", plain = ""] = linesOf((log) => {
      log.info("{password} {x} {kid}", { password: "short", x: { apikey: "tiny", pin: 7 }, kid: "0996ff473f908996" });
      log.info("{hex} {base64}", { hex: key.toHex(), base64: key.toBase64() });
      log.info("{key} ({kid}): {outcome}", { key: "wall", kid: "0996ff473f908996", outcome: "403 Missing apikey: x" });
    }, { LOG_FORMAT });
    assert(!/short|tiny/.test(fields) && fields.includes("0996ff473f908996") && fields.includes("7"), fields);
    assert(!material.includes(key.toHex()) && !material.includes(key.toBase64()), material);
    for (const word of ["wall", "0996ff473f908996", "403 Missing apikey: x"]) assertStringIncludes(plain, word);
    assert(!plain.includes("***"), plain);
  }
});

Deno.test("startLog() writes the first twenty of equal messages, but all decisions", () => {
  const lines = linesOf((log, decisions) => {
    for (let count = 0; count < 50; count++) {
      log.warn("Refused {address}", { address: `192.0.2.${count}` });
      decisions.info("Decided {count}", { count });
    }
  }, { LOG_FORMAT: "text" });
  assertEquals(lines.filter((line) => line.includes("Refused 192")).length, 20);
  assertEquals(lines.filter((line) => line.includes("Decided")).length, 50);
});

Deno.test("startLog() writes decisions at the levels debug and info, and not above", () => {
  const counts = ["debug", "info", "warning", "error"].map((LOG_LEVEL) =>
    linesOf((_log, decisions) => decisions.info("Decided"), { LOG_LEVEL, LOG_FORMAT: "json" }).length
  );
  assertEquals(counts, [1, 1, 0, 0]);
});

/** Control characters of each kind. */
const CONTROLS = [..."\0\t\r\n\x1b\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069"];

Deno.test("startLog() quotes topics and outcomes in text, so that none can be taken for another decision", () => {
  const template = "{route} {service} {target} by {key}: {outcome}, {ms} ms";
  const forged = 'home/x by owner: "200", 1 ms\n2026-11-24 06:14:24.724 +00:00 [INF] audit: /gateway "';
  const outcome = `403 This key may not publish to ${forged}`;
  const decision = { route: "/mqtt/publish", service: "mqtt", key: "guest", ms: 3 };
  const write = (_log: Log, decisions: Logs["decisions"]) => {
    decisions.info(template, { ...decision, target: forged, outcome });
    decisions.info(template, { ...decision, target: "-", service: "-", outcome: "200" });
  };
  const [first = "", second = "", ...more] = linesOf(write, { LOG_FORMAT: "text" });
  assertEquals(more, []);
  assertStringIncludes(
    first,
    `audit: /mqtt/publish mqtt ${JSON.stringify(forged)} by guest: ${JSON.stringify(outcome)}, 3 ms`,
  );
  assertStringIncludes(second, 'audit: /mqtt/publish - - by guest: "200", 3 ms');
  const [json = ""] = linesOf(write, { LOG_FORMAT: "json" });
  assertEquals([JSON.parse(json).target, JSON.parse(json).outcome], [forged, outcome]);
});

Deno.test("startLog() quotes no text of its own, even if a client sent the same", () => {
  for (const target of ["", " ", " by "]) {
    const [line = ""] = linesOf(
      (_log, decisions) => decisions.info("{route} {target} by {key}", { route: "/gateway", target, key: "guest" }),
      { LOG_FORMAT: "text" },
    );
    assertStringIncludes(line, `audit: /gateway ${JSON.stringify(target)} by guest`);
  }
});

for (const LOG_FORMAT of ["text", "color", "json"]) {
  Deno.test(`startLog() writes no control character, as ${LOG_FORMAT}`, () => {
    const env = LOG_FORMAT === "color" ? {} : { LOG_FORMAT };
    for (const character of CONTROLS) {
      const text = `a${character}b`;
      const lines = linesOf(
        (log, decisions) => {
          log.warn("Said {reason}", { reason: text });
          log.warn("Said {list}", { list: [text] });
          log.error("Broke: {error}", { error: new TypeError(text) });
          decisions.info("{target}: {outcome}", { target: text, outcome: text });
        },
        env,
        LOG_FORMAT === "color",
      );
      for (const line of lines) assert(!line.includes(text), JSON.stringify(line));
      if (LOG_FORMAT !== "json") continue;
      assertEquals([JSON.parse(lines[0] ?? "").reason, JSON.parse(lines[3] ?? "").target], [text, text]);
    }
  });
}

Deno.test("startLog() indents the further lines of an error, which its message may have forged", () => {
  const lines = linesOf((log) => {
    log.error("Broke: {error}", { error: new Error("x\n2026-11-24 06:14:24.724 +00:00 [INF] audit: forged") });
  }, { LOG_FORMAT: "text" });
  assert(lines.length > 1, "One line");
  for (const line of lines.slice(1)) assertMatch(line, /^ {4}/);
});

Deno.test("startLog() summarizes suppressed messages by their template, without undefined values", () => {
  for (const LOG_FORMAT of ["text", "json"]) {
    const lines = linesOf((log) => {
      for (let count = 0; count < 50; count++) {
        log.warn("Request from {address} refused: {status} {reason}", {
          address: "192.0.2.1",
          status: 401,
          reason: "No",
        });
      }
    }, { LOG_FORMAT });
    const [summary = "", ...more] = lines.filter((line) => line.includes("more like this"));
    assertEquals(more, []);
    assert(!lines.join().includes("undefined"), summary);
    if (LOG_FORMAT === "text") {
      assertMatch(
        summary,
        / \[WRN\] log: 30 more like this in a minute: Request from \{address\} refused: \{status\} \{reason\}$/,
      );
      continue;
    }
    const { "@timestamp": _time, ...fields } = JSON.parse(summary);
    assertEquals(fields, {
      level: "WARN",
      logger: "log",
      message: "{suppressed} more like this in a minute: {template}",
      suppressed: 30,
      template: "Request from {address} refused: {status} {reason}",
      text: "30 more like this in a minute: Request from {address} refused: {status} {reason}",
    });
  }
});

Deno.test("startLog() writes an undefined value as a dash", () => {
  const [line = ""] = linesOf((log) => log.info("From {address}: {x}", { address: undefined }), { LOG_FORMAT: "text" });
  assertMatch(line, /From -: -$/);
});

Deno.test("startLog() writes the formatted message in a JSON line as in text, on one line", () => {
  const audit = "{route} {target} by {key}: {outcome}";
  const lines = linesOf((log, decisions) => {
    log.warn("From {address}: {list} {missing}", { address: "192.0.2.1", list: ["a\nb"], missing: undefined });
    log.error("Broke: {error}", { error: new TypeError("x\n2026-11-24 [INF] audit: forged") });
    log.info("Nothing to fill in");
    log.info("Said {text}", { text: "of a client" });
    decisions.info(audit, { route: "/mqtt/publish", target: 'a"b', key: "guest", outcome: "200" });
  }, { LOG_FORMAT: "json" }).map((line) => JSON.parse(line));
  assertEquals(lines.map(({ text }) => text), [
    'From 192.0.2.1: [ "a\\nb" ] -',
    "Broke: TypeError: x 2026-11-24 [INF] audit: forged",
    "Nothing to fill in",
    "Said of a client",
    '/mqtt/publish "a\\"b" by guest: "200"',
  ]);
  assertEquals(lines.at(-1).message, audit);
});

Deno.test("startLog() limits the formatted message in a JSON line, and cuts no secret in two", () => {
  const secret = SETTINGS.JEEDOM_APIKEY;
  for (let lead = 1990 - secret.length; lead < 2010; lead++) {
    const [line = ""] = linesOf(
      (log) => log.warn("{value}", { value: " ".repeat(lead) + secret + "x".repeat(5000) }),
      { LOG_FORMAT: "json" },
    );
    const { text }: { text: string } = JSON.parse(line);
    assert(text.length <= 2001, `${text.length} characters`);
    assert(!text.includes(secret.slice(0, 4)), text.slice(-30));
  }
});

function record(text: string): LogRecord {
  return { category: ["t"], level: "info", message: [text], rawMessage: text, timestamp: 0, properties: {} };
}

Deno.test("createLineSink() writes the lines of some milliseconds at once and in order", async () => {
  const written: string[] = [];
  const sink = createLineSink(({ rawMessage }: LogRecord) => `${rawMessage}\n`, (lines) => void written.push(lines));
  sink(record("one"));
  sink(record("two"));
  assertEquals(written, []);
  await until("writing", () => written.length === 1);
  sink(record("three"));
  await until("writing", () => written.length === 2);
  assertEquals(written, ["one\ntwo", "three"]);
});

Deno.test("createLineSink() writes pending lines when it is disposed", () => {
  const written: string[] = [];
  {
    using sink = createLineSink(({ rawMessage }: LogRecord) => `${rawMessage}\n`, (lines) => void written.push(lines));
    sink(record("last"));
  }
  assertEquals(written, ["last"]);
});
