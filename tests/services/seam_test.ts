/** Third service: one folder, and one entry in the list of services. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { formatHelp } from "../../src/cli/args.ts";
import { addLine } from "../../src/cli/keys/add.ts";
import { replaceRights, rightsFromOptions } from "../../src/cli/keys/rights_from_options.ts";
import { describeRights, summarizeRights } from "../../src/cli/keys/rights_text.ts";
import { setLine } from "../../src/cli/keys/set.ts";
import { parseConfig, parseSettings } from "../../src/config/parse.ts";
import { permissionFlags } from "../../src/config/sandbox.ts";
import { settingsTable } from "../../src/config/settings.ts";
import { allRights } from "../../src/keys/rights.ts";
import { formatKeysFile, parseKeysFile } from "../../src/keys/schema.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import { createEchoService, echo, ECHO_SETTINGS } from "../support/echo_service/echo.ts";
import { makeGateway, makeRecord, NOW, services } from "../support/gateway.ts";
import { listen, subscribe } from "../support/listener.ts";
import { gatewayMetricsText } from "../support/metrics.ts";

const LIST = [...SERVICES, echo];

const service = createEchoService({
  greeting: "Hello",
  encoder: new EventEncoder({ randomBytes }),
  now: () => NOW * 1000,
});

/** A gateway with three services, and a phone that may echo one word. */
async function makeHome(words: readonly string[] = ["world"]) {
  const gateway = await makeGateway({
    services: (mqtt) => [...services(() => Promise.reject(new Error("Not used"))).slice(0, 1), mqtt, service],
  });
  const record = makeRecord({ name: "phone", rights: { echo: { words } } });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  return { gateway, record, phone: await gateway.phone(record.secret, { version: 2 }) };
}

Deno.test("keys add and keys set have the options of a third service", () => {
  for (const line of [addLine(LIST), setLine(LIST)]) {
    const help = formatHelp(line);
    assertStringIncludes(help, "--service jeedom|mqtt|echo");
    assertStringIncludes(help, "--word WORD");
  }
  assertStringIncludes(formatHelp(addLine(LIST)), "Echo: every word.");
});

Deno.test("rights in a third service are granted, changed, described and removed like those in the others", () => {
  const { rights } = rightsFromOptions({}, LIST);
  assertEquals(Object.keys(rights), ["jeedom", "mqtt", "echo"]);
  assertStringIncludes(summarizeRights(rights, LIST), "; echo *");
  const one = rightsFromOptions({ word: ["a", "b"] }, LIST);
  assertEquals(one, { rights: { echo: { words: ["a", "b"] } }, mistakes: [] });
  assertEquals(describeRights(one.rights, LIST), [["echo words", "a, b"]]);
  assertEquals(replaceRights(one.rights, { word: ["c"] }, LIST).rights, { echo: { words: ["c"] } });
  assertEquals(Object.keys(replaceRights(one.rights, { service: ["mqtt"] }, LIST).rights), ["mqtt"]);
  assertEquals(rightsFromOptions({ service: ["x"] }, LIST).mistakes, ['--service "x" must be jeedom or mqtt or echo']);
  assertEquals(allRights(LIST)["echo"], { words: ["*"] });
});

Deno.test("the keys file has the rights of a third service, and is strict in them", () => {
  const text = formatKeysFile([makeRecord({ name: "phone", rights: { echo: { words: ["a"] } } })]);
  assertEquals(parseKeysFile(text, LIST)[0]?.rights, { echo: { words: ["a"] } });
  assertThrows(
    () => parseKeysFile(text, SERVICES),
    SyntaxError,
    'keys[0].rights: no such service: "echo". There are "jeedom" and "mqtt"',
  );
  assertThrows(
    () => parseKeysFile(text.replace("words", "word"), LIST),
    SyntaxError,
    'keys[0].rights.echo: no such field: "word"',
  );
});

Deno.test("the sandbox allows the connections and settings of a third service", () => {
  const flags = permissionFlags(parseConfig({}), undefined, LIST);
  const flag = (name: string) => flags.find((flag) => flag.startsWith(`--${name}=`)) ?? "";
  assertStringIncludes(flag("allow-net"), ",echo.example:7");
  assertStringIncludes(flag("allow-env"), ",ECHO_GREETING,");
});

Deno.test("the settings table has the settings of a third service", () => {
  const table = settingsTable([ECHO_SETTINGS]);
  assertEquals(Object(parseSettings(table, [{ ECHO_GREETING: "Hi" }]))["echo"], { greeting: "Hi" });
});

Deno.test("POST /gateway reaches a third service as its key may, and names all services", async () => {
  const { phone, gateway } = await makeHome();
  const ask = async (payload: Record<string, unknown>) => {
    const { status, body } = await phone.request("/gateway", payload);
    return [status, JSON.parse(String(body))];
  };
  assertEquals(await ask({ service: "echo", word: "world" }), [200, { echo: "Hello world" }]);
  assertEquals(await ask({ service: "echo", word: "moon" }), [403, {
    error: "This key may not echo moon",
    code: "scope",
  }]);
  assertEquals(await ask({ service: "echo" }), [400, { error: "Missing required field: word", code: "field" }]);
  assertEquals(await ask({ service: "ssh" }), [403, {
    error: 'Unknown service: must be "jeedom" or "mqtt" or "echo"',
    code: "unknown_service",
  }]);
  assertEquals(await ask({ service: "mqtt", topic: "a", message: "b" }), [403, {
    error: "This key may not use the service mqtt",
    code: "scope",
  }]);
  assertEquals(gateway.decisions.map(({ service, target }) => [service, target]), [
    ["echo", "world"],
    ["echo", "moon"],
    ["echo", undefined],
    [undefined, undefined],
    ["mqtt", "a"],
  ]);
});

Deno.test("POST /subscribe reaches every service that has subscriptions", async () => {
  const { phone, gateway } = await makeHome();
  const ask = async (payload: Record<string, unknown>) => {
    const { response, exchange } = await phone.exchange("/subscribe", payload);
    return await listen(phone, response, exchange);
  };
  const stream = await ask({ service: "echo", word: "world" });
  assertEquals((await stream.next())?.["type"], "connected");
  assertEquals((await stream.next())?.["payload"], "Hello world");
  await stream.cancel();
  const refusals = [
    [{ service: "echo", word: "moon" }, "scope", "This key may not echo moon"],
    [{ service: "mqtt", topic: "a" }, "scope", "This key may not use the service mqtt"],
    [{ service: "jeedom", jsonrpc: "ping" }, "unknown_service", 'Unknown service: must be "mqtt" or "echo"'],
    [{ topic: "a" }, "field", "Missing required field: service"],
  ] as const;
  for (const [payload, code, message] of refusals) {
    const refused = await ask(payload);
    const event = await refused.next();
    assertEquals([event?.["type"], event?.["code"], event?.["message"]], ["error", code, message]);
    assertEquals(await refused.next(), undefined);
  }
  const [connected, ended] = gateway.decisions;
  assertEquals([connected?.service, connected?.target, connected?.outcome, connected?.route], [
    "echo",
    "world",
    "subscribed",
    "/subscribe",
  ]);
  assertEquals([ended?.service, ended?.outcome.startsWith("ended: ")], ["echo", true]);
});

Deno.test("the metrics have the label values and the dependency of a third service", async () => {
  const text = await gatewayMetricsText(LIST, { echo: { greeting: "Hi" } });
  assertStringIncludes(text, 'e2e_gateway_requests_total{route="/gateway",service="echo",result="ok"} 0');
  assertStringIncludes(text, 'e2e_gateway_requests_total{route="/subscribe",service="echo",result="subscribed"} 0');
  assertStringIncludes(text, 'e2e_gateway_step_seconds_count{step="echo"} 0');
  assertStringIncludes(text, 'e2e_gateway_up{part="echo"} 1');
});

Deno.test("POST /mqtt/subscribe is for MQTT alone, whatever the request names", async () => {
  const { phone, gateway } = await makeHome();
  const stream = await subscribe(phone, { service: "echo", word: "world", topic: "a" });
  assertEquals((await stream.next())?.["message"], "This key may not use the service mqtt");
  assertEquals(gateway.decisions[0]?.service, "mqtt");
});
