import { assertEquals } from "@std/assert";
import { combineFindings, failed, ok, skipped, warning } from "../../src/doctor/check.ts";
import {
  exitCodeOf,
  formatChanges,
  formatJson,
  formatReport,
  formatState,
  formatUnchanged,
  type Report,
} from "../../src/doctor/report.ts";

const report = (...results: Report["results"]): Report => ({ version: "1.0.0", at: Date.UTC(2026, 0, 31), results });
const RIGHT = { name: "clock", ...ok("Right") };
const LOW = { name: "keys", ...warning("Two\nlines", "Do this") };
const BAD = { name: "public_url", ...failed("It broke", "Fix it\nor not") };
const LEFT_FINDING = skipped("Not used");
const LEFT = { name: "redis", ...LEFT_FINDING };

Deno.test("exitCodeOf() returns the worst status, with skipped as ok", () => {
  assertEquals([report(RIGHT, LEFT), report(RIGHT, LOW), report(LOW, BAD)].map(exitCodeOf), [0, 1, 2]);
});

Deno.test("formatReport() aligns one line for each check, with remedies on separate lines", () => {
  assertEquals(
    formatReport(report(RIGHT, LOW, BAD, LEFT)),
    [
      "ok       clock       Right",
      "warning  keys        Two",
      "                     lines",
      "                     -> Do this",
      "FAILED   public_url  It broke",
      "                     -> Fix it",
      "                     -> or not",
      "skipped  redis       Not used",
      "",
      "1 failed, 1 warning, 1 ok, 1 skipped",
    ].join("\n"),
  );
});

Deno.test("formatJson() makes one JSON document, by default in one line", () => {
  const text = formatJson(report(RIGHT, LOW));
  assertEquals(text.includes("\n"), false);
  assertEquals(JSON.parse(text), {
    status: "warning",
    version: "1.0.0",
    timestamp: Date.UTC(2026, 0, 31) / 1000,
    checks: [
      { name: "clock", status: "ok", message: "Right" },
      { name: "keys", status: "warning", message: "Two\nlines", remedy: "Do this" },
    ],
  });
});

Deno.test("formatUnchanged() makes one line with the worst status", () => {
  assertEquals(formatUnchanged(report(RIGHT, LOW)), "2026-01-31T00:00:00Z warning unchanged");
});

Deno.test("formatChanges() makes one line for each changed status", () => {
  const before = report(RIGHT, { ...BAD, status: "ok", message: "Well" });
  assertEquals(formatChanges(report({ ...RIGHT, message: "Still right" }, BAD), before), [
    "2026-01-31T00:00:00Z FAILED  public_url (was ok): It broke -> Fix it; or not",
  ]);
});

Deno.test("formatState() includes only names", () => {
  assertEquals(JSON.parse(formatState(report(RIGHT, LOW, BAD, LEFT))), {
    status: "failed",
    failing: ["public_url"],
    warnings: ["keys"],
    version: "1.0.0",
    timestamp: Date.UTC(2026, 0, 31) / 1000,
  });
});

Deno.test("combineFindings() puts the worst first", () => {
  assertEquals(combineFindings([LOW, BAD]), {
    status: "failed",
    message: "It broke\nTwo\nlines",
    remedy: "Fix it\nor not\nDo this",
  });
});

Deno.test("combineFindings() keeps skipped and ok findings", () => {
  assertEquals(combineFindings([LEFT]), LEFT_FINDING);
  assertEquals(combineFindings([ok("One"), { ...ok("Two"), remedy: "Or this" }]), {
    status: "ok",
    message: "One\nTwo",
    remedy: "Or this",
  });
  assertEquals(combineFindings([LEFT, LOW]).status, "warning");
});
