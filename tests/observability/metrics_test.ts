import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { gatewayMetricsText, makeMetrics, valueOf, writtenMetrics } from "../support/metrics.ts";
import { parsePrometheusText, seriesOf } from "../support/prometheus_text.ts";

/** All metrics with their kinds and labels. */
const METRICS: readonly string[] = [
  "e2e_gateway_push_dropped_total counter reason",
  "e2e_gateway_push_expired_total counter",
  "e2e_gateway_push_held_total counter reason",
  "e2e_gateway_push_oldest_seconds gauge",
  "e2e_gateway_push_queue gauge",
  "e2e_gateway_push_queued_total counter",
  "e2e_gateway_push_replaced_total counter",
  "e2e_gateway_push_sent_total counter",
  "e2e_gateway_requests_total counter result route service",
  "e2e_gateway_refusals_total counter reason",
  "e2e_gateway_streams_ended_total counter reason",
  "e2e_gateway_dropped_events_total counter reason",
  "e2e_gateway_request_seconds histogram route",
  "e2e_gateway_step_seconds histogram step",
  "e2e_gateway_delivery_seconds histogram",
  "e2e_gateway_streams gauge version",
  "e2e_gateway_queue_bytes gauge",
  "e2e_gateway_backlog_bytes gauge",
  "e2e_gateway_unread_answer_bytes gauge",
  "e2e_gateway_ring_bytes gauge",
  "e2e_gateway_services_file_ok gauge",
  "e2e_gateway_home_assistant_listeners gauge",
  "e2e_gateway_home_assistant_states_bytes gauge",
  "e2e_gateway_shared_event_bytes gauge",
  "e2e_gateway_subscriptions gauge",
  "e2e_gateway_log_writer gauge",
  "e2e_gateway_log_logins gauge",
  "e2e_gateway_log_lag_entries gauge",
  "e2e_gateway_log_gaps_total counter",
  "e2e_gateway_log_takeovers_total counter",
  "e2e_gateway_listeners gauge",
  "e2e_gateway_broker_connections gauge",
  "e2e_gateway_replay_entries gauge",
  "e2e_gateway_replay_bytes gauge",
  "e2e_gateway_bodies_arriving gauge",
  "e2e_gateway_requests_running gauge",
  "e2e_gateway_up gauge part",
  "e2e_gateway_ready gauge",
  "e2e_gateway_keys gauge",
  "e2e_gateway_key_expiry_seconds gauge key",
  "e2e_gateway_event_loop_lag_seconds gauge",
  "e2e_gateway_build_info gauge version",
  "process_resident_memory_bytes gauge",
  "process_heap_bytes gauge",
  "process_cpu_seconds_total counter",
  "process_start_time_seconds gauge",
];

const series = async (metrics: ReturnType<typeof makeMetrics>) =>
  [...(await writtenMetrics(metrics)).values()].flatMap(({ samples }) => samples.map(seriesOf)).sort();

Deno.test("a gateway has exactly the metrics that are documented, with their labels, and help for each", async () => {
  const found = [...parsePrometheusText(await gatewayMetricsText())].map(([name, { kind, samples }]) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    labels.delete("le");
    return [name, kind, ...[...labels].sort()].join(" ");
  });
  assertEquals(found.sort(), METRICS.toSorted());
  using metrics = makeMetrics();
  assertEquals(metrics.contentType, "text/plain; version=0.0.4; charset=utf-8");
});

Deno.test("text() has every label value at 0 before anything happened", async () => {
  using metrics = makeMetrics();
  const families = await writtenMetrics(metrics);
  const valuesOf = (name: string, label: string) =>
    new Set(families.get(name)?.samples.map((sample) => sample.labels[label]));
  const zeros = ["requests_total", "refusals_total", "streams_ended_total", "dropped_events_total", "streams"];
  for (const name of [...zeros, "request_seconds", "step_seconds", "delivery_seconds"]) {
    const samples = families.get(`e2e_gateway_${name}`)?.samples ?? [];
    assert(samples.length > 0 && samples.every(({ value }) => value === 0), name);
  }
  assertEquals(valuesOf("e2e_gateway_refusals_total", "reason").size, 14);
  assertEquals(valuesOf("e2e_gateway_streams_ended_total", "reason").size, 7);
  assertEquals(valuesOf("e2e_gateway_dropped_events_total", "reason"), new Set(["too_slow", "revoked", "too_large"]));
  assertEquals(valuesOf("e2e_gateway_requests_total", "result").size, 5);
  assertEquals(valuesOf("e2e_gateway_request_seconds", "route").size, 10);
  assertEquals(valuesOf("e2e_gateway_step_seconds", "step").size, 6);
  assertEquals(valuesOf("e2e_gateway_streams", "version"), new Set(["1", "2"]));
});

Deno.test("answered() counts by route, service and result, and adds the duration to its bucket", async () => {
  using metrics = makeMetrics();
  metrics.answered({ route: "/gateway", service: "jeedom", result: "ok", seconds: 0.2 });
  metrics.answered({ route: "/gateway", service: "jeedom", result: "ok", seconds: 500 });
  metrics.answered({ route: "/gateway", service: "none", result: "ok", seconds: 0.0001 });
  const labels = { route: "/gateway", service: "jeedom", result: "ok" };
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_requests_total", labels }), 2);
  const unexpected = { ...labels, service: "none" };
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_requests_total", labels: unexpected }), 1);
  const bucket = (le: string) =>
    valueOf(metrics, { name: "e2e_gateway_request_seconds_bucket", labels: { route: "/gateway", le } });
  assertEquals([await bucket("0.1"), await bucket("0.25"), await bucket("120"), await bucket("+Inf")], [1, 2, 2, 3]);
});

Deno.test("measure() measures an operation, and passes on its result and its error", async () => {
  let now = 1000;
  using metrics = makeMetrics({ monotonic: () => now });
  const work = (ms: number) => () => {
    now += ms;
    return Promise.resolve("done");
  };
  assertEquals(await metrics.measure("jeedom", work(40)), "done");
  const failure = () => {
    now += 60;
    return Promise.reject(new TypeError("Broken"));
  };
  await assertRejects(() => metrics.measure("jeedom", failure), TypeError, "Broken");
  const labels = { step: "jeedom" };
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_step_seconds_sum", labels }), 0.1);
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_step_seconds_count", labels }), 2);
});

Deno.test("measure() returns the very promise of an operation, and measures one that returns no promise", async () => {
  let now = 1000;
  using metrics = makeMetrics({ monotonic: () => now });
  const promise = Promise.resolve("done");
  assertStrictEquals(metrics.measure("opening", () => promise), promise);
  assertEquals(metrics.measure("opening", () => now += 250), 1250);
  const fail = () => {
    now += 500;
    throw new TypeError("Broken");
  };
  assertThrows(() => metrics.measure("opening", fail), TypeError);
  await promise;
  const labels = { step: "opening" };
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_step_seconds_count", labels }), 3);
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_step_seconds_sum", labels }), 1.5);
});

Deno.test("stream() counts open streams and each end", async () => {
  using metrics = makeMetrics();
  const open = (version: string) => valueOf(metrics, { name: "e2e_gateway_streams", labels: { version } });
  const ended = (reason: string) => valueOf(metrics, { name: "e2e_gateway_streams_ended_total", labels: { reason } });
  const end = metrics.stream(2);
  metrics.stream(2);
  metrics.stream(1);
  assertEquals([await open("1"), await open("2")], [1, 2]);
  end("too_slow");
  assertEquals([await open("1"), await open("2")], [1, 1]);
  assertEquals([await ended("too_slow"), await ended("left")], [1, 0]);
});

Deno.test("refused(), dropped() and delivered() count", async () => {
  using metrics = makeMetrics();
  metrics.refused("envelope", { address: "192.0.2.1" });
  metrics.refused("envelope", { address: "192.0.2.1" });
  metrics.dropped("revoked", 7);
  metrics.delivered(0.0005);
  metrics.delivered(0.001);
  metrics.delivered(0.004);
  metrics.delivered(60);
  const count = (name: string, labels = {}) => valueOf(metrics, { name: `e2e_gateway_${name}`, labels });
  assertEquals(await count("refusals_total", { reason: "envelope" }), 2);
  assertEquals(await count("dropped_events_total", { reason: "revoked" }), 7);
  const buckets = ["0.001", "0.0025", "0.005", "5", "+Inf"].map((le) => count("delivery_seconds_bucket", { le }));
  assertEquals(await Promise.all(buckets), [2, 2, 3, 3, 4]);
  assertEquals(await count("delivery_seconds_count"), 4);
  assertEquals(await count("delivery_seconds_sum"), 60.0055);
});

Deno.test("gauge() reads its value once for each text, and hides it while it is undefined", async () => {
  using metrics = makeMetrics();
  let value: number | undefined = 7;
  let reads = 0;
  metrics.gauge({ name: "test_bytes", help: "Bytes", read: () => (reads++, value) });
  assertEquals(reads, 0);
  assertEquals(await valueOf(metrics, { name: "test_bytes" }), 7);
  value = 5;
  assertEquals(await valueOf(metrics, { name: "test_bytes" }), 5);
  value = undefined;
  assertEquals(await valueOf(metrics, { name: "test_bytes" }), undefined);
  value = 0;
  assertEquals(await valueOf(metrics, { name: "test_bytes" }), 0);
  assertEquals(reads, 4);
});

Deno.test("gauge() with a label has a series for each value that is read, and for no earlier one", async () => {
  using metrics = makeMetrics();
  let values: [string, number][] = [["old", 10], ["phone", 20]];
  metrics.gauge({ name: "test_expiry", help: "Seconds", label: "key", read: () => values });
  const expiry = async () =>
    (await writtenMetrics(metrics)).get("test_expiry")?.samples.map(({ labels, value }) => [labels["key"], value]);
  assertEquals(await expiry(), [["old", 10], ["phone", 20]]);
  values = [["phone", 19]];
  assertEquals(await expiry(), [["phone", 19]]);
  // The keys file allows no such names, but the format must be valid for any.
  values = [['a"b\\c\nd}', 5], ["__proto__", 6]];
  assertEquals(await expiry(), [['a"b\\c\nd}', 5], ["__proto__", 6]]);
  values = [];
  assertEquals(await expiry(), []);
});

Deno.test("metrics of the process have the platform's values at the time of the text", async () => {
  let cpuSeconds = 1.5;
  using metrics = makeMetrics({
    process: () => ({ rssBytes: 11, heapBytes: 12, cpuSeconds, startTimeSeconds: 13 }),
  });
  const value = (name: string) => valueOf(metrics, { name });
  assertEquals(await value("process_resident_memory_bytes"), 11);
  assertEquals(await value("process_heap_bytes"), 12);
  assertEquals(await value("process_start_time_seconds"), 13);
  assertEquals(await value("process_cpu_seconds_total"), 1.5);
  cpuSeconds = 2;
  assertEquals(await value("process_cpu_seconds_total"), 2);
});

Deno.test("createMetrics() shares nothing between two sets of metrics", async () => {
  using one = makeMetrics();
  using other = makeMetrics({ version: "2.0.0" });
  const before = await series(other);
  one.refused("busy", { address: "192.0.2.1" });
  one.answered({ route: "other", service: "none", result: "ok", seconds: 1 });
  assertEquals(await valueOf(other, { name: "e2e_gateway_refusals_total", labels: { reason: "busy" } }), 0);
  assertEquals(await series(other), before);
  assertEquals(await valueOf(other, { name: "e2e_gateway_build_info", labels: { version: "2.0.0" } }), 1);
});

Deno.test("text() is complete when it is called several times at once", async () => {
  using metrics = makeMetrics();
  const texts = await Promise.all(Array.from({ length: 5 }, () => metrics.text()));
  assertEquals(new Set(texts).size, 1);
});
