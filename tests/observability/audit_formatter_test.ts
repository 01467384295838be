import { configureSync, getLogger, resetSync } from "@logtape/logtape";
import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { createAudit, type Decision } from "../../src/observability/audit.ts";
import { createAuditFormatter } from "../../src/observability/audit_formatter.ts";
import type { Log, LogRecord } from "../../src/observability/log.ts";
import { createFormatter, MAX_TEXT_LENGTH } from "../../src/observability/logtape.ts";
import { createMask } from "../../src/observability/mask.ts";
import { DECISION } from "../support/decision.ts";
import { recordTelemetry } from "../support/telemetry.ts";

const SECRETS = [
  "Zz9kqv3WkLmN0pQrStUv",
  'corr"ect\\horse/batt ery&é',
  "redis://ann:redis-p%40ss@127.0.0.1:6379/1",
  'back\\\\slash\\"',
];
const KEY = new Uint8Array(32).map((_, index) => index * 37 + 11);
const FORMATS = ["text", "json"] as const;

/** Returns the records of what is written to the log of decisions. */
function recordsOf(write: (log: Log) => void): LogRecord[] {
  const records: LogRecord[] = [];
  configureSync({
    sinks: { records: (record: LogRecord) => void records.push(record) },
    loggers: [{ category: "audit", sinks: ["records"] }, { category: ["logtape", "meta"], sinks: [] }],
  });
  write(getLogger("audit"));
  resetSync();
  return records;
}

/** Returns the records of decisions. */
function decide(...decisions: Decision[]): LogRecord[] {
  return recordsOf((log) => {
    const audit = createAudit({ decisions: log, log, telemetry: recordTelemetry(), summaryMs: 60_000 });
    for (const decision of decisions) audit.decided(decision);
    audit.close();
  });
}

/** Formats records with both formatters, and counts those with which the general one was asked to help. */
function formatBoth(records: readonly LogRecord[], format: (typeof FORMATS)[number]) {
  const mask = createMask(SECRETS);
  const general = createFormatter(format, mask);
  let helped = 0;
  const formatter = createAuditFormatter({
    format,
    mask,
    general: (record) => (helped++, general(record)),
    maxLength: MAX_TEXT_LENGTH,
  });
  return { lines: records.map(formatter), expected: records.map(general), helped: () => helped };
}

/** Texts that a client, an operator or a library may have chosen. */
const TEXTS = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(
      ..."aB3{}\\\"'/+-=:@.,*# \n\r\t\0\x1b\x7f\x85\u061c\u200f\u2028\u202e\ud83d\ude00é",
      "\\n",
      "-",
    ),
    maxLength: 300,
  }),
  fc.constantFrom(
    "-",
    "",
    "salon/température",
    "x".repeat(65_535),
    '"'.repeat(300),
    ...SECRETS,
    ...SECRETS.map((secret) => JSON.stringify(secret)),
    // A secret once JSON has escaped it.
    'back\\slash"',
    ...[KEY.toHex(), KEY.toBase64()].map((key) => `home/${key}/x ${key}`),
    "mqtt://ann:geheim@host/1",
    "Authorization: Basic am9lOmdlaGVpbQ==",
  ),
);

const NUMBERS = fc.oneof(fc.nat(100_000), fc.double(), fc.constantFrom(-0, -0.3, 0.5, 2 ** 60, Infinity, NaN));

Deno.test("createAuditFormatter() writes the lines of the general formatter, whatever a decision holds", () => {
  const decisions = fc.record({
    requestId: fc.constantFrom(DECISION.requestId, "\u202e"),
    key: TEXTS,
    kid: fc.constantFrom(DECISION.kid, "200"),
    address: TEXTS,
    route: fc.constantFrom<Decision["route"]>("/gateway", "other"),
    service: fc.option(fc.constantFrom("jeedom", "mqtt"), { nil: undefined }),
    target: fc.option(TEXTS, { nil: undefined }),
    outcome: fc.oneof(TEXTS, fc.constantFrom("200", "403 This key may not publish to home/x")),
    ms: NUMBERS,
    bytes: NUMBERS,
  }, { requiredKeys: ["requestId", "key", "kid", "address", "route", "outcome", "ms", "bytes"] });
  fc.assert(
    fc.property(fc.array(decisions, { minLength: 20, maxLength: 20 }), (some) => {
      const records = decide(...some);
      assertEquals(records.length, some.length);
      for (const format of FORMATS) {
        const { lines, expected } = formatBoth(records, format);
        assertEquals(lines, expected);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("createAuditFormatter() writes the lines of the general formatter for any other record", () => {
  const write = (log: Log) => {
    log.info("Nothing to fill in");
    log.info("{{not}} {a property} {} {*} {open", { not: 1 });
    log.info("{deep.value}, {missing}, {ms}", { deep: { value: [1] }, ms: 2n });
    log.info("{error}: {target} ", { error: new TypeError("Broken"), target: "a" });
    log.info("{text} {level} {message}", { text: "of a client", level: "mine", message: "mine", logger: null });
    log.info("Bell \x07, \u202e, and half a character \ud83d of {target}", { target: "a" });
    log.info("Ends with blanks: {target} \u00a0", { target: "-", request: "" });
    log.warn("{target}", { target: "a" });
    log.debug("{target}", { target: "a" });
    log.error("{target}", { target: "a" });
  };
  for (const format of FORMATS) {
    const records = recordsOf(write);
    assertEquals(records.length, 10);
    const { lines, expected } = formatBoth(records, format);
    assertEquals(lines, expected);
  }
});

Deno.test("createAuditFormatter() needs no help with ordinary decisions, and masks them", () => {
  const records = decide(
    DECISION,
    { ...DECISION, service: undefined, target: undefined, outcome: "ended: listener left" },
    {
      ...DECISION,
      key: "wall tablet",
      route: "/mqtt/publish",
      target: "salon/température, a/b",
      outcome: '403 No "x"',
    },
    { ...DECISION, target: `${KEY.toBase64()} of ${SECRETS[0]}` },
  );
  for (const format of FORMATS) {
    const { lines, expected, helped } = formatBoth(records, format);
    assertEquals([lines, helped()], [expected, 0]);
    assertStringIncludes(lines[3] ?? "", "*** of ***");
  }
});
