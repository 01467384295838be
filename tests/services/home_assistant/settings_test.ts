import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ConfigError, parseConfig } from "../../../src/config/parse.ts";
import type { Variables } from "../../../src/config/rules.ts";
import { secretsOf } from "../../../src/config/settings.ts";
import { homeAssistant } from "../../../src/services/home_assistant/home_assistant.ts";
import { addressOf } from "../../../src/services/home_assistant/settings.ts";

const address = (env: Variables) => addressOf(parseConfig(env).home_assistant);

const TOKENS = { "HOME_ASSISTANT_TOKEN": "abc.def", "SUPERVISOR_TOKEN": "supervised" };

const URL_SET = { "HOME_ASSISTANT_URL": "http://192.168.1.10:8123" };

function problems(env: Variables): readonly string[] {
  return assertThrows(() => parseConfig(env), ConfigError).problems;
}

Deno.test("addressOf() has the addresses of both APIs, below the path of the setting", () => {
  const { HOME_ASSISTANT_TOKEN: token } = TOKENS;
  assertEquals(address({ ...URL_SET, "HOME_ASSISTANT_TOKEN": token }), {
    place: "http://192.168.1.10:8123",
    api: "http://192.168.1.10:8123/api",
    webSocket: "ws://192.168.1.10:8123/api/websocket",
    token,
  });
  assertEquals(address({ "HOME_ASSISTANT_URL": "https://home.example/ha/", "HOME_ASSISTANT_TOKEN": token }), {
    place: "https://home.example/ha",
    api: "https://home.example/ha/api",
    webSocket: "wss://home.example/ha/api/websocket",
    token,
  });
});

Deno.test("an add-on needs no setting: it uses the Supervisor's address and token, unless another is set", () => {
  const { SUPERVISOR_TOKEN: token } = TOKENS;
  assertEquals(address({ "SUPERVISOR_TOKEN": token }), {
    place: "http://supervisor/core",
    api: "http://supervisor/core/api",
    webSocket: "ws://supervisor/core/websocket",
    token,
  });
  assertEquals(address({ ...TOKENS, ...URL_SET })?.token, TOKENS["HOME_ASSISTANT_TOKEN"]);
});

Deno.test("Home Assistant is not configured without settings, and needs no network then", () => {
  assertEquals(address({}), undefined);
  assertEquals(homeAssistant.allowNet(parseConfig({}), {}), []);
  assertEquals(homeAssistant.startText?.(parseConfig({})), undefined);
});

Deno.test("an address without a token is a problem that names both, and a token without an address, too", () => {
  // The Supervisor's token is not sent to another server.
  for (const env of [URL_SET, { ...URL_SET, "SUPERVISOR_TOKEN": "x" }]) {
    assertEquals(problems(env), ["HOME_ASSISTANT_TOKEN must be set together with HOME_ASSISTANT_URL"]);
  }
  for (const env of [{ "HOME_ASSISTANT_TOKEN": "x" }, TOKENS]) {
    assertEquals(problems(env), ["HOME_ASSISTANT_URL must be set together with HOME_ASSISTANT_TOKEN"]);
  }
});

Deno.test("tokens that no header can carry are refused without being shown, and tokens are secret", () => {
  for (const token of ["a b", "a\u00e9", "a\nb", "x".repeat(4097)]) {
    const [problem = ""] = problems({ ...URL_SET, "HOME_ASSISTANT_TOKEN": token });
    assertEquals(problem, "HOME_ASSISTANT_TOKEN must be a token without white space");
  }
  const secrets = secretsOf(parseConfig({ ...TOKENS, ...URL_SET }));
  for (const token of Object.values(TOKENS)) assertEquals(secrets.includes(token), true);
});

Deno.test("the sandbox allows the host and port of Home Assistant alone", () => {
  const targets = (url: string) =>
    homeAssistant.allowNet(parseConfig({ "HOME_ASSISTANT_URL": url, "HOME_ASSISTANT_TOKEN": "x" }), {});
  assertEquals(targets("http://home.local:8123"), ["home.local:8123"]);
  assertEquals(targets("https://home.example/ha"), ["home.example:443"]);
  assertEquals(targets("http://[fd00::1]"), ["[fd00::1]:80"]);
});

Deno.test("a certificate without https is a problem", () => {
  const [problem = ""] = problems({ ...URL_SET, "HOME_ASSISTANT_TOKEN": "x", "HOME_ASSISTANT_CA_FILE": "x.pem" });
  assertMatch(problem, /^HOME_ASSISTANT_CA_FILE has no effect without https:\/\//);
});
