/** What the gateway observes of a request: its decision as a line of the audit, its metrics, and the masking of a line. */
import { createAudit } from "../../src/observability/audit.ts";
import { createAuditFormatter } from "../../src/observability/audit_formatter.ts";
import { createDecisionLog } from "../../src/observability/decision_log.ts";
import type { Log, LogRecord } from "../../src/observability/log.ts";
import { createFormatter, MAX_TEXT_LENGTH, startLog } from "../../src/observability/logtape.ts";
import { createMask } from "../../src/observability/mask.ts";
import { createMetrics } from "../../src/observability/metrics.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";

const silent = { info() {}, warn() {} };
const mask = createMask(["an-api-key-of-the-home", 'a pass"word of the broker']);
const metrics = createMetrics({ monotonic: () => performance.now(), version: "1.0.0" });
metrics.addService({ name: "jeedom", hasSubscriptions: false });

const decision = {
  requestId: "0123456789abcdef",
  key: "wall-tablet",
  kid: "0996ff473f908996",
  address: "192.0.2.17",
  route: "/gateway",
  service: "jeedom",
  target: "cmd::execCmd",
  outcome: "200",
  ms: 3.4,
  bytes: 280,
} as const;

function audit(telemetry: Parameters<typeof createAudit>[0]["telemetry"], decisions: Pick<Log, "info">) {
  const created = createAudit({ decisions, log: silent, telemetry, summaryMs: 60_000 });
  // Ends its timer.
  created.close();
  return created;
}

const records: LogRecord[] = [];
audit(metrics, createDecisionLog((record) => void records.push(record))).decided(decision);
for (const format of ["json", "text"] as const) {
  const general = createFormatter(format, mask);
  const formatter = createAuditFormatter({ format, mask, general, maxLength: MAX_TEXT_LENGTH });
  const group = `audit line, ${format}`;
  Deno.bench("by the general formatter", { group, baseline: true }, () => void records.forEach(general));
  Deno.bench("by the audit's formatter", { group }, () => void records.forEach(formatter));
}

const { decisions } = startLog({ settings: { level: "info", format: "json" }, mask, isTerminal: false, print() {} });
const { decided } = audit({ answered() {} }, decisions);
Deno.bench("a decision, down to the text of standard output", { group: "request" }, () => decided(decision));

const opened = Promise.resolve();
Deno.bench("metrics of a request: three operations and the answer", { group: "request" }, async () => {
  await metrics.measure("admission", () => metrics.measure("opening", () => opened));
  await metrics.measure("jeedom", () => opened);
  metrics.answered({ route: "/gateway", service: "jeedom", result: "ok", seconds: 0.003 });
});

const line = records.map(createFormatter("json", (text) => text)).join("");
const lineWithKey = line.replace("cmd::execCmd", randomBytes(32).toBase64());
Deno.bench("an ordinary line", { group: "mask", baseline: true }, () => void mask(line));
Deno.bench("a line with a key", { group: "mask" }, () => void mask(lineWithKey));
