/** The real gateway with Deno's OpenTelemetry on, printing what it would send to a collector. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { GatewayClient, GatewayError } from "../../src/client/gateway_client.ts";
import { freePort } from "../support/loopback.ts";
import type { GatewayProcess } from "../support/gateway_process.ts";
import { type TestEnvironment, withEnvironment } from "../support/environment.ts";

const PASSWORD = "password-of-the-broker-4711";
const APIKEY = "api-key-in-the-house-4712";
const PAYLOAD = "payload-nobody-may-see-4713";
const TOPIC = "home/topic-nobody-may-see-4714";
const QUERY = "query-written-by-a-client-4715";
const HOST = "host-written-by-a-client-4716";
const BAGGAGE = "baggage-of-a-client-4717";
const TRACE = "0af7651916cd43dd8448eb211c80319c";

/** What docs/operations/tracing.md says to set, and how to see the spans here. */
const RECOMMENDED = {
  OTEL_DENO: "true",
  OTEL_DENO_CONSOLE: "ignore",
  OTEL_DENO_METRICS: "false",
  OTEL_PROPAGATORS: "none",
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: "1",
};
const PRINTED = { OTEL_EXPORTER_OTLP_PROTOCOL: "console", NO_COLOR: "1" };

/** Calls, publishes, listens, and asks for what is no route; returns all that the gateway printed until its end. */
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

/** The names of the gateway's own spans, each once. */
function ownSpans(output: string): string[] {
  const names = [
    ...output.matchAll(/^SPAN (\S+) [^\n]*\n(?: {2}(?:parent|status): [^\n]*\n)* {2}scope: e2e-gateway/gm),
  ];
  return [...new Set(names.map(([, name = ""]) => name))].toSorted();
}

Deno.test("tracing shows all steps, and with the documented settings nothing that a client wrote", () =>
  withEnvironment(async (world) => {
    const output = await useEverything(world);
    assertEquals(ownSpans(output), ["acknowledgement", "admission", "jeedom", "mqtt", "opening", "stream"]);
    assertStringIncludes(output, "e2e_gateway.end: left");
    // A client's own headers reach Jeedom neither.
    for (const text of [QUERY, HOST, BAGGAGE, TRACE, "url.full"]) assert(!output.includes(text), `${text}:\n${output}`);
    assert(world.jeedom.requests.every(({ headers }) => !headers.has("traceparent") && !headers.has("baggage")));
    // The audit may name a topic; spans may not.
    const spans = output.split("\n").filter((line) => !line.startsWith("{"));
    assert(!spans.some((line) => line.includes(TOPIC)), spans.join("\n"));
  }, { env: { JEEDOM_APIKEY: APIKEY, MQTT_ALLOWED_BROKERS: "127.0.0.1", ...RECOMMENDED, ...PRINTED } }));

Deno.test("tracing with nothing but its switch holds no secret, but the address that a client asked for", () =>
  withEnvironment(async (world) => {
    // That no secret is there is looked at when the gateway stops.
    const output = await useEverything(world);
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

Deno.test("docs/operations/tracing.md says for each way of running to set what is tested here", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/operations/tracing.md", import.meta.url));
  const blocks = text.split("```").filter((block, index) => index % 2 === 1 && block.includes("OTEL_DENO="));
  const compose = text.split("```").filter((block, index) => index % 2 === 1 && block.includes("OTEL_DENO:"));
  assertEquals([blocks.length, compose.length], [2, 1]);
  for (const [name, value] of Object.entries(RECOMMENDED)) {
    const isSet = (block: string) => new RegExp(`\\b${name}(?:=|: "?)${value}\\b`).test(block);
    assert([...blocks, ...compose].every(isSet), name);
  }
});
