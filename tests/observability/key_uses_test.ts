import { assertEquals } from "@std/assert";
import { createUseAudit, KeyUses } from "../../src/observability/key_uses.ts";
import type { Decision } from "../../src/observability/audit.ts";

const DECISION: Decision = {
  requestId: "00",
  key: "phone",
  kid: "0123456789abcdef",
  address: "192.0.2.1",
  route: "/gateway",
  service: "echo",
  target: "word",
  outcome: "200",
  result: "ok",
  ms: 1,
  bytes: 1,
};

Deno.test("KeyUses remembers the last use of each key since its start", () => {
  let now = 1000;
  const uses = new KeyUses(() => now);
  assertEquals([uses.since, uses.last(DECISION.kid)], [1000, undefined]);
  now = 2000;
  uses.record(DECISION);
  now = 3000;
  uses.record({ ...DECISION, target: "x".repeat(1000), result: "refused" });
  assertEquals(uses.last(DECISION.kid), { at: 3000, service: "echo", target: "x".repeat(200), result: "refused" });
});

Deno.test("KeyUses ignores the end of a stream, and a request for no service, such as the doctor's", () => {
  const uses = new KeyUses(() => 1);
  uses.record({ ...DECISION, result: undefined });
  uses.record({ ...DECISION, service: undefined, result: "failed" });
  assertEquals(uses.last(DECISION.kid), undefined);
});

Deno.test("createUseAudit() passes every call on, and records decisions", () => {
  const calls: string[] = [];
  const audit = createUseAudit({
    decided: ({ key }) => void calls.push(`decided ${key}`),
    failed: (address) => void calls.push(`failed ${address}`),
    close: () => void calls.push("close"),
  }, { record: ({ kid }) => void calls.push(`record ${kid}`) });
  audit.decided(DECISION);
  audit.failed("192.0.2.1");
  audit.close();
  assertEquals(calls, ["decided phone", "record 0123456789abcdef", "failed 192.0.2.1", "close"]);
});
