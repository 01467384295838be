import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import type { Telemetry } from "../../src/observability/telemetry.ts";
import { createTraced, findTracer, type Span, type Tracer } from "../../src/observability/tracing.ts";

/** OpenTelemetry's `SpanStatusCode.ERROR`. */
const ERROR = 2;

interface Recorded {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  status?: number;
  isEnded: boolean;
}

/** Tracer that records its spans. */
function makeTracer() {
  const spans: Recorded[] = [];
  const startSpan = (name: string): Span => {
    const recorded: Recorded = { name, attributes: {}, isEnded: false };
    spans.push(recorded);
    return {
      setAttributes: (attributes) => Object.assign(recorded.attributes, attributes),
      setStatus: ({ code }) => recorded.status = code,
      end: () => recorded.isEnded = true,
    };
  };
  const tracer: Tracer = { startSpan, startActiveSpan: (name, work) => work(startSpan(name)) };
  return { spans, tracer };
}

/** Telemetry that records its calls. */
function makeTelemetry() {
  const calls: unknown[] = [];
  const telemetry: Telemetry = {
    measure: (operation, work) => (calls.push(operation), work()),
    stream: (version) => (calls.push(version), (end) => void calls.push(end)),
    answered: (request) => void calls.push(request),
    refused: (reason) => void calls.push(reason),
    delivered: (seconds) => void calls.push(seconds),
    dropped: (reason, events) => void calls.push([reason, events]),
  };
  return { telemetry, calls };
}

Deno.test("measure() runs in a span of its name, and passes on its result", async () => {
  const [{ spans, tracer }, { telemetry, calls }] = [makeTracer(), makeTelemetry()];
  const { measure } = createTraced(telemetry, tracer);
  assertEquals(await measure("opening", () => Promise.resolve(7)), 7);
  assertEquals(calls, ["opening"]);
  assertEquals(spans, [{ name: "opening", attributes: {}, isEnded: true }]);
});

Deno.test("measure() marks a failed span with the class of the error, and nothing of its message", async () => {
  const [{ spans, tracer }, { telemetry }] = [makeTracer(), makeTelemetry()];
  const { measure } = createTraced(telemetry, tracer);
  const error = new TypeError("the-password");
  assertEquals(await assertRejects(() => measure("mqtt", () => Promise.reject(error)), TypeError), error);
  const fail = () => {
    throw error;
  };
  assertEquals(assertThrows(() => measure("jeedom", fail), TypeError), error);
  for (const { attributes, status, isEnded } of spans) {
    assertEquals([attributes, status, isEnded], [{ "error.type": "TypeError" }, ERROR, true]);
  }
  assertEquals(spans.length, 2);
});

Deno.test("stream() has a span until its end, with the reason and the version", () => {
  const [{ spans, tracer }, { telemetry, calls }] = [makeTracer(), makeTelemetry()];
  const { stream } = createTraced(telemetry, tracer);
  const [end, fail] = [stream(2), stream(1)];
  assertEquals(spans.map(({ isEnded }) => isEnded), [false, false]);
  end("too_slow");
  fail("failed");
  assertEquals(calls, [2, 1, "too_slow", "failed"]);
  assertEquals(spans.map(({ name, attributes, status }) => [name, Object.values(attributes), status]), [
    ["stream", ["too_slow", 2], undefined],
    ["stream", ["failed", 1], ERROR],
  ]);
});

Deno.test("createTraced() passes on all other calls without a span", () => {
  const [{ spans, tracer }, { telemetry, calls }] = [makeTracer(), makeTelemetry()];
  const traced = createTraced(telemetry, tracer);
  const request = { route: "/gateway", service: "none", result: "refused", seconds: 1 } as const;
  traced.answered(request);
  traced.refused("busy", { address: "192.0.2.1" });
  traced.delivered(0.5);
  traced.dropped("revoked", 3);
  assertEquals(calls, [request, "busy", 0.5, ["revoked", 3]]);
  assertEquals(spans, []);
});

Deno.test("refused() passes on the sender of the request", () => {
  const requests: unknown[] = [];
  const telemetry = { ...makeTelemetry().telemetry, refused: (...given: unknown[]) => void requests.push(given) };
  createTraced(telemetry, makeTracer().tracer).refused("envelope", { address: "192.0.2.1" });
  assertEquals(requests, [["envelope", { address: "192.0.2.1" }]]);
});

Deno.test("findTracer() returns undefined when OTEL_DENO is not set", () => {
  assertEquals(findTracer("1"), undefined);
});

Deno.test("findTracer() returns Deno's tracer when OTEL_DENO is set, although the sandbox hides the variable", async () => {
  const module = new URL("../../src/observability/tracing.ts", import.meta.url).href;
  const script = `
    const { createTraced, findTracer } = await import(${JSON.stringify(module)});
    const tracer = findTracer("7");
    if (tracer === undefined || Deno.env.get("OTEL_DENO") !== undefined) throw new Error("Not as it should be");
    const traced = createTraced({ measure: (_, work) => work(), stream: () => () => {} }, tracer);
    await traced.measure("admission", () => traced.measure("opening", () => Promise.resolve()));
    await traced.measure("mqtt", () => Promise.reject(new RangeError("the-password"))).catch(() => {});
    traced.stream(2)("left");
    Deno.exit(0);`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--ignore-env",
      "--allow-read",
      "--config",
      config(),
      `data:text/javascript,${encodeURIComponent(script)}`,
    ],
    env: { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_PROTOCOL: "console", OTEL_DENO_METRICS: "false", NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  const [, admission] = /^SPAN admission \[\w+\/(\w+)\]/m.exec(text) ?? [];
  assertStringIncludes(text, `parent: ${admission}`);
  assertMatch(text, /^SPAN mqtt .*\n {2}status: Error.*\n {2}scope: e2e-gateway@7\n {2}error\.type: RangeError$/m);
  assertMatch(text, /^SPAN stream .*\n.*\n {2}e2e_gateway\.end: left\n {2}e2e_gateway\.version: 2$/m);
  assert(!text.includes("the-password"), text);
});

function config(): string {
  return new URL("../../deno.json", import.meta.url).pathname;
}
