import { assert, assertEquals } from "@std/assert";
import { createAudit } from "../../src/observability/audit.ts";
import { DECISION } from "../support/decision.ts";
import { FakeTime } from "../support/fake_time.ts";
import { recordTelemetry } from "../support/telemetry.ts";

function makeAudit() {
  const decisions: Record<string, unknown>[] = [];
  const summaries: Record<string, unknown>[] = [];
  const telemetry = recordTelemetry();
  const audit = createAudit({
    telemetry,
    decisions: { info: (_message, properties = {}) => void decisions.push(properties) },
    log: { warn: (_message, properties = {}) => void summaries.push(properties) },
    summaryMs: 60_000,
  });
  return { audit, decisions, summaries, recorded: telemetry.recorded };
}

Deno.test("decided() logs each decision, and cuts a long list of topics", () => {
  const { audit, decisions } = makeAudit();
  audit.decided(DECISION);
  const long = "x".repeat(100_000);
  audit.decided({ ...DECISION, target: long, outcome: `403 ${long}`, service: undefined });
  const { requestId, ...fields } = DECISION;
  assertEquals(decisions[0], { ...fields, request: requestId, ms: 2 });
  assertEquals([decisions[1]?.["service"], String(decisions[1]?.["target"]).length], ["-", 201]);
  assertEquals(String(decisions[1]?.["outcome"]).length, 201);
  audit.close();
});

Deno.test("decided() counts answers, but not the end of a stream", () => {
  const { audit, recorded } = makeAudit();
  audit.decided({ ...DECISION, result: "ok" });
  audit.decided({ ...DECISION, service: undefined, result: "refused" });
  audit.decided({ ...DECISION, outcome: "ended: listener left" });
  assertEquals(recorded.answered, [
    { route: "/gateway", service: "jeedom", result: "ok", seconds: 0.0016 },
    { route: "/gateway", service: "none", result: "refused", seconds: 0.0016 },
  ]);
  audit.close();
});

Deno.test("failed() is summarized by the addresses with most failures", () => {
  const { audit, summaries } = makeAudit();
  for (let index = 0; index < 20; index++) {
    for (let count = 0; count <= index; count++) audit.failed(`192.0.2.${index}`);
  }
  audit.close();
  assertEquals(summaries.length, 1);
  assertEquals(summaries[0]?.["total"], 210);
  assert(String(summaries[0]?.["addresses"]).startsWith("192.0.2.19 (20), 192.0.2.18 (19), "));
  assertEquals(String(summaries[0]?.["addresses"]).split(",").length, 10);
});

Deno.test("failed() counts any number of addresses in bounded memory, and no summary is logged without failures", () => {
  using _time = new FakeTime();
  const { audit, summaries } = makeAudit();
  for (let index = 0; index < 100_000; index++) audit.failed(`address ${index}`);
  audit.close();
  audit.close();
  assertEquals(summaries.map(({ total }) => total), [100_000]);
});
