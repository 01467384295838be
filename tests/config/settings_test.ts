import { assert, assertEquals, assertThrows } from "@std/assert";
import { brokerProtocol } from "../../src/services/mqtt/settings.ts";
import { ConfigError, parseConfig, parseSettings } from "../../src/config/parse.ts";
import { matching, type ServiceSettings, setting, type Variables, wholeNumber } from "../../src/config/rules.ts";
import { secretsOf, SETTING_NAMES, SETTINGS, settingsTable } from "../../src/config/settings.ts";

function problems(variables: Variables): readonly string[] {
  try {
    parseConfig(variables);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

Deno.test("parseConfig() has a default for everything", () => {
  const config = parseConfig({});
  assertEquals(config.server.port, 10_000);
  assertEquals(config.server.host, "0.0.0.0");
  assertEquals(config.keys.secretKeyFile, "data/secret_key.txt");
  assertEquals(config.jeedom.url.href, "http://localhost/");
  assertEquals(config.replay.maxAgeSeconds, 60);
  assertEquals(config.mqtt.host, undefined);
  assertEquals(config.mqtt.port, 1883);
  assertEquals(config.mqtt.allowedBrokers, []);
});

Deno.test("parseConfig() uses the first source that has a value, and ignores empty values", () => {
  assertEquals(parseConfig({ PORT: "1" }, { PORT: "2" }).server.port, 1);
  assertEquals(parseConfig({ PORT: "" }, { PORT: "2" }).server.port, 2);
  assertEquals(parseConfig({ PORT: "" }, { PORT: "" }).server.port, 10_000);
});

Deno.test("parseConfig() reports every problem at once, by name, with what was expected", () => {
  const found = problems({
    PORT: "70000",
    HOST: "http://x",
    JEEDOM_URL: "jeedom.local",
    MQTT_TLS: "yes",
    MQTT_ALLOWED_BROKERS: "ok:1883, not ok!",
    MAX_AGE_SECONDS: "-1",
    LOG_LEVEL: "loud",
    TLS_CERT_FILE: "cert.pem",
    MQTT_PASSWORD: "hunter2",
  });
  for (
    const name of [
      "PORT must be a whole number from 0 to 65535",
      "HOST must be a host name or an address alone",
      "JEEDOM_URL must be an address such as",
      "MQTT_TLS must be one of: true, false",
      "MQTT_ALLOWED_BROKERS must be a list of",
      "MAX_AGE_SECONDS must be a whole number",
      "LOG_LEVEL must be one of: debug, info, warning, error",
      "TLS_KEY_FILE must be set together with TLS_CERT_FILE",
      "MQTT_USERNAME must be set together with MQTT_PASSWORD",
    ]
  ) {
    assert(found.some((problem) => problem.startsWith(name)), `${name} is not in:\n${found.join("\n")}`);
  }
});

Deno.test("parseConfig() never shows a secret in a problem", () => {
  const text = [
    ...problems({ JEEDOM_URL: "http://joe:hunter2@jeedom", MQTT_PASSWORD: "hunter3", PORT: "x" }),
    ...problems({ JEEDOM_URL: "http://jeedom/core/api/jeeApi.php?apikey=hunter4" }),
  ].join("\n");
  assert(!text.includes("hunter"), text);
  assert(text.includes("JEEDOM_URL must not contain a user name or password"), text);
});

Deno.test("parseConfig() refuses numbers that are not whole or not in range", () => {
  for (const value of ["1.5", "1e3", "0x10", " 1", "٣", "Infinity", "99999999999999999999"]) {
    assertThrows(
      () => parseConfig({ MQTT_BROKER_PORT: value }),
      ConfigError,
      "MQTT_BROKER_PORT must be a whole number",
    );
  }
});

Deno.test("parseConfig() refuses paths that Deno's permission flags cannot carry", () => {
  for (const value of ["my data/key.txt", "a,b", "a\tb"]) {
    assertThrows(() => parseConfig({ SECRET_KEY_FILE: value }), ConfigError, "SECRET_KEY_FILE must be a path without");
  }
});

Deno.test("parseConfig() refuses broker logins and TLS that would have no effect", () => {
  assertThrows(() => parseConfig({ MQTT_USERNAME: "joe" }), ConfigError, "MQTT_USERNAME has no effect");
  assertThrows(() => parseConfig({ MQTT_TLS: "true" }), ConfigError, "MQTT_TLS has no effect");
  assertThrows(
    () => parseConfig({ JEEDOM_URL: "http://jeedom", JEEDOM_CA_FILE: "ca.pem" }),
    ConfigError,
    "JEEDOM_CA_FILE has no effect",
  );
  assertThrows(
    () => parseConfig({ MQTT_BROKER_HOST: "b", MQTT_CA_FILE: "ca.pem" }),
    ConfigError,
    "MQTT_CA_FILE has no effect",
  );
});

Deno.test("every setting has an upper-case name", () => {
  for (const name of SETTING_NAMES) assert(/^[A-Z][A-Z_]+$/.test(name), name);
});

Deno.test("parseConfig() refuses hosts that Deno's permission flags would misread", () => {
  for (const value of [":", "a..b", "a,b", "-a", "*", "a b", "[::1]", "a:80", "a/b"]) {
    assertThrows(() => parseConfig({ MQTT_BROKER_HOST: value }), ConfigError, "MQTT_BROKER_HOST must be a host name");
  }
  for (const url of ["http://*/", "http://jeedom,evil.example/"]) {
    assertThrows(() => parseConfig({ JEEDOM_URL: url }), ConfigError, "JEEDOM_URL must be an address");
  }
  for (const value of ["localhost", "a_b", "192.168.1.2", "::1", "fd00::1", "x.y-z.lan"]) {
    assertEquals(parseConfig({ MQTT_BROKER_HOST: value }).mqtt.host, value);
  }
  assertEquals(parseConfig({ JEEDOM_URL: "http://[::1]:8080" }).jeedom.url.host, "[::1]:8080");
});

Deno.test("parseConfig() refuses link-local and metadata addresses", () => {
  const refused: [string, string][] = [
    ["MQTT_BROKER_HOST", "fe80::1"],
    ["MQTT_BROKER_HOST", "169.254.169.254"],
    ["JEEDOM_URL", "http://169.254.169.254/"],
    ["JEEDOM_URL", "http://[::ffff:169.254.169.254]/"],
    ["JEEDOM_URL", "http://2852039166/"],
  ];
  for (const [name, value] of refused) {
    assertThrows(() => parseConfig({ [name]: value }), ConfigError, `${name} must be another address`);
  }
});

Deno.test("parseConfig() requires each burst to be at least its rate, and two files for keys", () => {
  for (const kind of ["ADDRESS", "FAILED", "KEY"]) {
    const wrong = { [`${kind}_RATE`]: "10", [`${kind}_BURST`]: "9" };
    assertThrows(() => parseConfig(wrong), ConfigError, `${kind}_BURST must be at least ${kind}_RATE`);
  }
  assertThrows(() => parseConfig({ KEYS_FILE: "k", SECRET_KEY_FILE: "k" }), ConfigError, "KEYS_FILE must be another");
  assertThrows(() => parseConfig({ SERVICES_FILE: "k", KEYS_FILE: "k" }), ConfigError, "SERVICES_FILE must be another");
});

Deno.test("parseConfig() reports problems within and between settings at once", () => {
  const error = assertThrows(() => parseConfig({ KEY_BURST: "1", TLS_CERT_FILE: "x" }), ConfigError);
  assertEquals(error.problems, [
    "TLS_KEY_FILE must be set together with TLS_CERT_FILE",
    "KEY_BURST must be at least KEY_RATE",
  ]);
});

Deno.test("parseConfig() never shows the address of Redis, which may hold a password", () => {
  const error = assertThrows(() => parseConfig({ REDIS_URL: "http://user:hunter2pass@x" }), ConfigError);
  assertEquals(error.problems, [
    "REDIS_URL must be an address such as redis://127.0.0.1:6379, rediss://host, redis+sentinel://host1,host2/mymaster or " +
    "redis+cluster://host1,host2",
  ]);
});

Deno.test("parseConfig() reads TRUSTED_PROXIES as addresses and networks", () => {
  const { trustedProxies: proxies } = parseConfig({ TRUSTED_PROXIES: "10.0.0.0/8, ::1" }).server;
  assertEquals(proxies.map(({ address, bits }) => `${address}/${bits}`), ["10.0.0.0/8", "::1/128"]);
  assertThrows(() => parseConfig({ TRUSTED_PROXIES: "proxy" }), ConfigError, "TRUSTED_PROXIES must be a list");
});

Deno.test("parseConfig() uses the usual port of the broker's protocol, unless one is set", () => {
  const port = (given: Record<string, string>) => parseConfig({ MQTT_BROKER_HOST: "b", ...given }).mqtt.port;
  assertEquals(port({}), 1883);
  assertEquals(port({ MQTT_TLS: "true" }), 1883);
  const ports = [["mqtt", 1883], ["mqtts", 8883], ["ws", 80], ["wss", 443]] as const;
  for (const [protocol, usual] of ports) {
    assertEquals(port({ MQTT_PROTOCOL: protocol }), usual);
    assertEquals(port({ MQTT_PROTOCOL: protocol, MQTT_BROKER_PORT: "9001" }), 9001);
  }
});

Deno.test("brokerProtocol() is what MQTT_PROTOCOL says, or MQTT_TLS", () => {
  const protocol = (given: Record<string, string>) =>
    brokerProtocol(parseConfig({ MQTT_BROKER_HOST: "b", ...given }).mqtt);
  assertEquals(protocol({}), "mqtt");
  assertEquals(protocol({ MQTT_TLS: "true" }), "mqtts");
  assertEquals(protocol({ MQTT_PROTOCOL: "wss", MQTT_TLS: "true" }), "wss");
});

Deno.test("parseConfig() reports settings of the broker that contradict each other, or have no effect", () => {
  const certificate = { MQTT_CERT_FILE: "cert.pem", MQTT_KEY_FILE: "key.pem" };
  for (
    const [given, message] of [
      [{ MQTT_PROTOCOL: "http" }, "MQTT_PROTOCOL must be one of: mqtt, mqtts, ws, wss"],
      [{ MQTT_PROTOCOL: "ws", MQTT_TLS: "true" }, "MQTT_TLS=true contradicts MQTT_PROTOCOL=ws: leave MQTT_TLS out"],
      [{ MQTT_PROTOCOL: "wss", MQTT_TLS: "false" }, "MQTT_TLS=false contradicts MQTT_PROTOCOL=wss"],
      [{ MQTT_PROTOCOL: "ws", MQTT_CA_FILE: "ca.pem" }, "without TLS: set MQTT_PROTOCOL to mqtts or wss"],
      [{ MQTT_PROTOCOL: "mqtts", MQTT_CERT_FILE: "c" }, "MQTT_KEY_FILE must be set together with MQTT_CERT_FILE"],
      [{ MQTT_PROTOCOL: "mqtts", MQTT_KEY_FILE: "k" }, "MQTT_CERT_FILE must be set together with MQTT_KEY_FILE"],
      [certificate, "MQTT_CERT_FILE has no effect without TLS"],
      [{ MQTT_PROTOCOL: "mqtts", MQTT_PATH: "/mqtt" }, "MQTT_PATH has no effect without a WebSocket"],
      [{ MQTT_PROTOCOL: "ws", MQTT_PATH: "mqtt" }, "MQTT_PATH must be a path such as /mqtt"],
      [{ MQTT_CLIENT_ID: "a/b" }, "MQTT_CLIENT_ID must be 1 to 64 letters"],
      [{ MQTT_BROKER_HOST: "", MQTT_PROTOCOL: "wss" }, "MQTT_PROTOCOL has no effect without MQTT_BROKER_HOST"],
    ] as const
  ) assertThrows(() => parseConfig({ MQTT_BROKER_HOST: "b", ...given }), ConfigError, message);
  for (const given of [{ MQTT_TLS: "true" }, { MQTT_PROTOCOL: "mqtts" }, { MQTT_PROTOCOL: "wss", MQTT_PATH: "/x" }]) {
    parseConfig({ MQTT_BROKER_HOST: "b", ...certificate, MQTT_CA_FILE: "ca.pem", ...given });
  }
});

Deno.test("settingsTable() adds the group of a service, which parseSettings() parses with its defaults and mismatches", () => {
  const echo = {
    name: "echo",
    title: "Echo",
    settings: {
      delayMs: setting("ECHO_DELAY_MS", { rule: wholeNumber(0, 1000), default: 5, doc: "Delay, in milliseconds." }),
      prefix: setting("ECHO_PREFIX", { rule: matching(/^\w+$/, "must be a word"), doc: "Beginning of each answer." }),
    },
    mismatches: ({ ECHO_DELAY_MS: delay, ECHO_PREFIX: prefix }: Variables) =>
      prefix !== undefined && delay === "0" ? ["ECHO_PREFIX has no effect without a delay"] : [],
  } as const satisfies ServiceSettings;
  const table = settingsTable([{ name: "echo", dependency: "echo", settings: echo }]);
  const values = (given: Variables) => {
    const config: Readonly<Record<string, unknown>> = parseSettings({ ...SETTINGS, ...table }, [given]);
    return config["echo"];
  };
  assertEquals(values({}), { delayMs: 5, prefix: undefined });
  assertEquals(values({ ECHO_DELAY_MS: "7", ECHO_PREFIX: "a" }), { delayMs: 7, prefix: "a" });
  assertThrows(
    () => values({ ECHO_DELAY_MS: "x" }),
    ConfigError,
    "ECHO_DELAY_MS must be a whole number from 0 to 1000",
  );
  assertThrows(() => values({ ECHO_DELAY_MS: "0", ECHO_PREFIX: "a" }), ConfigError, "ECHO_PREFIX has no effect");
});

Deno.test("secretsOf() lists the secret settings, and the password of a URL encoded and decoded", () => {
  const config = parseConfig({
    JEEDOM_APIKEY: "jeedom-key",
    MQTT_BROKER_HOST: "broker",
    MQTT_USERNAME: "joe",
    MQTT_PASSWORD: "mqtt-password",
    REDIS_URL: "redis://ann:p%40ss@host",
  });
  const found = secretsOf(config);
  for (const secret of ["jeedom-key", "mqtt-password", "p%40ss", "p@ss", "redis://ann:p%40ss@host"]) {
    assert(found.includes(secret), secret);
  }
  assert(!found.includes("joe"));
});
