/** The real gateway with OpenTelemetry of Deno, which prints its spans instead of sending them. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { GatewayClient, GatewayError } from "../../src/client/gateway_client.ts";
import { freePort } from "../support/loopback.ts";
import type { GatewayProcess } from "../support/gateway_process.ts";
import { type TestEnvironment, withEnvironment } from "../support/environment.ts";

const PASSWORD = "password-of-the-broker-4711";
const APIKEY = "api-key-of-the-home-4712";
const PAYLOAD = "payload-secret-4713";
const TOPIC = "home/topic-secret-4714";
const QUERY = "query-written-by-a-client-4715";
const HOST = "host-written-by-a-client-4716";
const BAGGAGE = "baggage-of-a-client-4717";
const TRACE = "0af7651916cd43dd8448eb211c80319c";

/** Settings of docs/operations/tracing.md, with spans on the console. */
const RECOMMENDED = {
  OTEL_DENO: "true",
  OTEL_DENO_CONSOLE: "ignore",
  OTEL_DENO_METRICS: "false",
  OTEL_PROPAGATORS: "none",
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: "1",
};
const PRINTED = { OTEL_EXPORTER_OTLP_PROTOCOL: "console", NO_COLOR: "1" };

/** Calls, publishes, subscribes, and requests an unknown route; returns the whole output of the gateway. */
async function useEverything({ gateway, jeedom }: TestEnvironment): Promise<string> {
  gateway.keepSecret("password", PASSWORD);
  gateway.keepSecret("API key", APIKEY);
  gateway.keepSecret("payload", PAYLOAD);
  gateway.keepSecret("API key of Jeedom", jeedom.apikey);
  const { client } = gateway;
  assertEquals((await client.callJeedom("version", { text: PAYLOAD }, { apikey: jeedom.apikey })).status, 200);
  assertEquals((await client.publish(TOPIC, PAYLOAD, { qos: 1 })).status, 200);
  const closed = { brokerHost: "127.0.0.1", brokerPort: freePort(), username: "joe", password: PASSWORD };
  await assertRejects(() => client.publish(TOPIC, PAYLOAD, closed), GatewayError);
  for await (const event of client.subscribe([TOPIC], { resume: false })) {
    if (event.type === "connected") await client.publish(TOPIC, PAYLOAD);
    if (event.type === "message") break;
  }
  const wrong = new GatewayClient({ url: gateway.url, key: "00".repeat(32), protocol: 2 });
  await wrong.callJeedom("version").catch(() => {});
  await askBadly(gateway);
  await gateway.stop();
  return gateway.output.text;
}

async function askBadly({ url }: GatewayProcess): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  const headers =
    `Host: ${HOST}\r\nTraceparent: 00-${TRACE}-b7ad6b7169203331-01\r\nBaggage: x=${BAGGAGE}\r\nConnection: close`;
  await connection.write(new TextEncoder().encode(`GET /health?${QUERY} HTTP/1.1\r\n${headers}\r\n\r\n`));
  for await (const _ of connection.readable);
}

/** Returns the distinct names of the gateway's own spans. */
function ownSpans(output: string): string[] {
  const names = [
    ...output.matchAll(/^SPAN (\S+) [^\n]*\n(?: {2}(?:parent|status): [^\n]*\n)* {2}scope: e2e-gateway/gm),
  ];
  return [...new Set(names.map(([, name = ""]) => name))].toSorted();
}

Deno.test("tracing has all steps, and with the documented settings no content of clients", () =>
  withEnvironment(async (environment) => {
    const output = await useEverything(environment);
    assertEquals(ownSpans(output), ["acknowledgement", "admission", "jeedom", "mqtt", "opening", "stream"]);
    assertStringIncludes(output, "e2e_gateway.end: left");
    // The headers of a client do not reach Jeedom either.
    for (const text of [QUERY, HOST, BAGGAGE, TRACE, "url.full"]) assert(!output.includes(text), `${text}:\n${output}`);
    assert(environment.jeedom.requests.every(({ headers }) => !headers.has("traceparent") && !headers.has("baggage")));
    // The audit log may contain a topic; spans must not.
    const spans = output.split("\n").filter((line) => !line.startsWith("{"));
    assert(!spans.some((line) => line.includes(TOPIC)), spans.join("\n"));
  }, { env: { JEEDOM_APIKEY: APIKEY, MQTT_ALLOWED_BROKERS: "127.0.0.1", ...RECOMMENDED, ...PRINTED } }));

Deno.test("tracing with only its switch contains no secret, but the URL of a request", () =>
  withEnvironment(async (environment) => {
    // stop() checks the absence of secrets.
    const output = await useEverything(environment);
    assertStringIncludes(output, `url.query: ${QUERY}`);
    assertStringIncludes(output, "e2e_gateway.version: 2");
    assert(!output.includes(BAGGAGE), output);
  }, {
    env: {
      JEEDOM_APIKEY: APIKEY,
      MQTT_ALLOWED_BROKERS: "127.0.0.1",
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      ...PRINTED,
    },
  }));

Deno.test("docs/operations/tracing.md has the tested settings for each way of running", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/operations/tracing.md", import.meta.url));
  const blocks = text.split("```").filter((block, index) => index % 2 === 1 && block.includes("OTEL_DENO="));
  const compose = text.split("```").filter((block, index) => index % 2 === 1 && block.includes("OTEL_DENO:"));
  assertEquals([blocks.length, compose.length], [2, 1]);
  for (const [name, value] of Object.entries(RECOMMENDED)) {
    const isSet = (block: string) => new RegExp(`\\b${name}(?:=|: "?)${value}\\b`).test(block);
    assert([...blocks, ...compose].every(isSet), name);
  }
});
