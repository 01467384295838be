/** Comparison of the dashboard, the alerts and the page about metrics with the metrics of the gateway. */
import { assert, assertEquals } from "@std/assert";
import { parse as parseYaml } from "@std/yaml/parse";
import { SETTINGS } from "../../src/config/settings.ts";
import dashboard from "../../docs/operations/grafana.json" with { type: "json" };
import { gatewayMetricsText } from "../support/metrics.ts";
import { type Family, parsePrometheusText } from "../support/prometheus_text.ts";

const read = (path: string) => Deno.readTextFile(new URL(`../../docs/operations/${path}`, import.meta.url));

/** Labels that Prometheus adds to every metric. */
const TARGET_LABELS = ["instance", "job"];

/** Names of the gateway, and those of Prometheus for processes. */
const NAMES = /\b(?:e2e_gateway|process)_[a-z_]+\b/g;

let families: Promise<Map<string, Family>> | undefined;

/** Metrics of a real gateway, which is started once. */
function realMetrics(): Promise<Map<string, Family>> {
  return families ??= gatewayMetricsText().then(parsePrometheusText);
}

/** Returns the series of a name in an expression, such as `x_bucket`, by their labels. */
function seriesOf(families: Map<string, Family>, name: string): Readonly<Record<string, string>>[] {
  const series = [...families.values()].flatMap(({ samples }) => samples).filter((sample) => sample.name === name);
  return series.map(({ labels }) => labels);
}

/** Returns the faults of an expression: names, labels and label values that no metric has. */
function faults(families: Map<string, Family>, expression: string): string[] {
  const found: string[] = [];
  const known = new Set(TARGET_LABELS);
  for (const [selector, name = "", matchers = ""] of expression.matchAll(/\b([a-z0-9_]+)\{([^}]*)\}/g)) {
    if (name === "up") continue;
    const series = seriesOf(families, name);
    if (series.length === 0) found.push(`No metric: ${selector}`);
    for (const [, label = "", operator, value = ""] of matchers.matchAll(/([a-z_]+)(=~|!=|!~|=)"([^"]*)"/g)) {
      if (TARGET_LABELS.includes(label)) continue;
      const words = operator?.includes("~") ? value.split("|") : [value];
      for (const word of words) {
        const matches = operator?.includes("~")
          ? new RegExp(`^(?:${word})$`)
          : { test: (text: string) => text === word };
        if (!series.some((labels) => matches.test(labels[label] ?? ""))) {
          found.push(`No ${label} "${word}": ${selector}`);
        }
      }
    }
  }
  for (const [name] of expression.matchAll(NAMES)) {
    const series = seriesOf(families, name);
    if (series.length === 0) found.push(`No metric ${name}: ${expression}`);
    for (const label of series.flatMap((labels) => Object.keys(labels))) known.add(label);
  }
  for (const [clause, labels = ""] of expression.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)) {
    for (const label of labels.split(/, */)) if (!known.has(label)) found.push(`No label "${label}": ${clause}`);
  }
  // A quantile needs buckets, and buckets need the label of their bound.
  if (/histogram_quantile/.test(expression) && !/_bucket/.test(expression)) found.push(`No buckets: ${expression}`);
  if (/_bucket/.test(expression) && !/\ble\b/.test(expression)) found.push(`Bounds are lost: ${expression}`);
  return found;
}

/** Returns labels in a text, as in `{{part}}` or `{{ $labels.key }}`, that its expression does not have. */
function unknownLabels(families: Map<string, Family>, { text, expression }: { text: string; expression: string }) {
  const known = new Set(TARGET_LABELS);
  for (const [name] of expression.matchAll(NAMES)) {
    for (const label of seriesOf(families, name).flatMap((labels) => Object.keys(labels))) known.add(label);
  }
  const named = [...text.matchAll(/\{\{ *(?:\$labels\.)?([a-z_]+) *\}\}/g)].map(([, label = ""]) => label);
  return named.filter((label) => !known.has(label));
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

async function rules(): Promise<Rule[]> {
  const file: { readonly groups: readonly { readonly rules: Rule[] }[] } = parseYaml(await read("alerts.yml"));
  return file.groups.flatMap(({ rules }) => rules);
}

/** Returns the panels with data. */
const panels = dashboard.panels.filter(({ type }) => type !== "row");

Deno.test("faults() returns names, labels and values that no metric has", async () => {
  const families = await realMetrics();
  const bad = [
    "rate(e2e_gateway_request_total[5m])",
    'e2e_gateway_up{part="router"}',
    'e2e_gateway_refusals_total{result="ok"}',
    'rate(e2e_gateway_requests_total{route=~"/gateway|/other"}[5m])',
    "sum by (route) (e2e_gateway_streams)",
    "histogram_quantile(0.9, rate(e2e_gateway_step_seconds[5m]))",
    "sum by (step) (rate(e2e_gateway_step_seconds_bucket[5m]))",
    "process_open_fds > 100",
  ];
  for (const expression of bad) assert(faults(families, expression).length > 0, expression);
  assertEquals(faults(families, 'sum by (route) (rate(e2e_gateway_requests_total{route=~"/mqtt/.*|other"}[5m]))'), []);
});

Deno.test("alerts.yml uses existing metrics, labels and label values", async () => {
  const families = await realMetrics();
  for (const { alert, expr, annotations } of await rules()) {
    assertEquals(faults(families, expr), [], alert);
    const text = `${annotations.summary} ${annotations.description}`;
    assertEquals(unknownLabels(families, { text, expression: expr }), [], alert);
  }
});

Deno.test("alerts.yml describes each alert and its remedy, once", async () => {
  const all = await rules();
  assert(all.length > 10);
  assertEquals(new Set(all.map(({ alert }) => alert)).size, all.length);
  for (const { alert, labels: { severity }, annotations: { summary, description }, ...rule } of all) {
    assert(/^([A-Z][a-z]+)+$/.test(alert), alert);
    assert(severity === "page" || severity === "ticket", alert);
    assert(/^\d+[mh]$/.test(rule.for ?? "1m"), alert);
    assert(/^[A-Z].*[^.]$/.test(summary), `${alert}: ${summary}`);
    assert(/^\S.*\.$/.test(description), `${alert}: ${description}`);
  }
});

Deno.test("alerts.yml covers a stuck queue of push messages, and drops as often as metrics.md worries about them", async () => {
  const expressions = (await rules()).map(({ expr }) => expr);
  for (const name of ["e2e_gateway_push_oldest_seconds", "e2e_gateway_push_expired_total"]) {
    assert(expressions.some((expr) => expr.includes(name)), name);
  }
  const [, table = ""] = (await read("metrics.md")).split(/^\| `reason` of a drop .*\n/m);
  const documented = [...table.split("\n\n")[0]?.matchAll(/^\| `(\w+)` \|.*\| (Ever|Often|Never)\b/gm) ?? []];
  const expected = documented.flatMap(([, reason, worry]) => worry === "Never" ? [] : [`${worry} ${reason}`]);
  const found = expressions.filter((expr) => expr.includes("push_dropped_total")).flatMap((expr) => {
    const [, reasons = ""] = /reason=~"([^"]+)"/.exec(expr) ?? [];
    return reasons.split("|").map((reason) => `${expr.endsWith("> 0") ? "Ever" : "Often"} ${reason}`);
  });
  assertEquals(found.sort(), expected.sort());
  const metrics = seriesOf(await realMetrics(), "e2e_gateway_push_dropped_total").map(({ reason }) => reason);
  assertEquals(documented.map(([, reason]) => reason).sort(), metrics.sort());
});

Deno.test("alerts.yml covers all dependencies of a home", async () => {
  const expressions = (await rules()).map(({ expr }) => expr).join("\n");
  const watched = [
    "up{job=",
    "e2e_gateway_ready",
    'part="broker"',
    'part="jeedom"',
    'part="replay_store"',
    'reason="envelope"',
    'reason="store"',
    'reason="too_slow"',
    "e2e_gateway_key_expiry_seconds",
    "e2e_gateway_event_loop_lag_seconds",
    "process_resident_memory_bytes",
    'result="failed"',
  ];
  assertEquals(watched.filter((part) => !expressions.includes(part)), []);
});

Deno.test("grafana.json uses existing metrics, labels and label values", async () => {
  const families = await realMetrics();
  for (const { title, targets = [] } of panels) {
    assert(targets.length > 0, title);
    for (const { expr, legendFormat } of targets) {
      assertEquals(faults(families, expr), [], title);
      assertEquals(unknownLabels(families, { text: legendFormat, expression: expr }), [], title);
      assert(expr.includes('instance=~"$instance"'), `${title} does not follow the variable of the gateway`);
    }
  }
  for (const { expr } of dashboard.annotations.list) assertEquals(faults(families, expr), []);
  const queries = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
  for (const [name] of queries.join().matchAll(NAMES)) assert(families.has(name), name);
});

Deno.test("grafana.json shows every metric", async () => {
  const shownNames = JSON.stringify(dashboard).match(NAMES) ?? [];
  const families = await realMetrics();
  assertEquals([...families.keys()].filter((name) => !shownNames.some((shown) => shown.startsWith(name))), [
    // Alerts cover these; the dashboard shows the age of keys.
    "e2e_gateway_services_file_ok",
    "e2e_gateway_keys",
  ]);
});

Deno.test("grafana.json uses the selected data source, and its panels do not overlap", () => {
  assert(dashboard.templating.list.some(({ name, type }) => name === "datasource" && type === "datasource"));
  const ids = dashboard.panels.map(({ id }) => id);
  assertEquals(new Set(ids).size, ids.length);
  for (const { title, datasource, targets = [], description = "" } of panels) {
    for (const source of [datasource, ...targets.map((target) => target.datasource)]) {
      assertEquals(source, { type: "prometheus", uid: "${datasource}" }, title);
    }
    assert(description.endsWith("."), `${title} does not say what it shows`);
  }
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert(!taken.has(`${column} ${line}`), `${title} covers another panel`);
        taken.add(`${column} ${line}`);
      }
    }
  }
  const rows = dashboard.panels.filter(({ type }) => type === "row").map(({ title }) => title);
  assertEquals(rows, [
    "At a glance",
    "Requests",
    "Refusals and attacks",
    "Streams",
    "Brokers and Jeedom",
    "Push messages",
    "Replicas",
    "Process",
  ]);
});

Deno.test("metrics.md has every metric in a table with its type and labels, and no others", async () => {
  const text = await read("metrics.md");
  const families = await realMetrics();
  const rows = [...text.matchAll(/^\| `([a-z0-9_]+)` +\| (counter|gauge|histogram) +\|([^|]*)\|/gm)];
  const written = rows.map(([, name, kind, labels = ""]) =>
    [name, kind, ...[...labels.matchAll(/`([a-z]+)`/g)].map(([, label]) => label).sort()].join(" ")
  );
  const real = [...families].map(([name, { kind, samples }]) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    labels.delete("le");
    return [name, kind, ...[...labels].sort()].join(" ");
  });
  assertEquals(written.sort(), real.sort());
  const others = [...text.matchAll(NAMES)].map(([name]) => name).filter((name) => !families.has(name));
  assertEquals(others, []);
});

Deno.test("metrics.md explains every value of every label", async () => {
  const text = await read("metrics.md");
  const families = await realMetrics();
  for (const label of ["result", "reason", "step", "part", "service"]) {
    const words = [...families.values()].flatMap(({ samples }) => samples.flatMap(({ labels }) => labels[label] ?? []));
    assert(words.length > 0, label);
    assertEquals([...new Set(words)].filter((word) => !text.includes(`\`${word}\``)), [], label);
  }
});

Deno.test("metrics.md names the default of METRICS_PORT", async () => {
  const ports = [...(await read("metrics.md")).matchAll(/\b(?:127\.0\.0\.1|gateway):(\d+)/g)].map(([, port]) => port);
  assert(ports.length > 3);
  assertEquals(new Set(ports), new Set([SETTINGS.metrics.settings.port.default]));
});
