import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Check } from "../../src/doctor/check.ts";
import { runChecks } from "../../src/doctor/run_checks.ts";
import { ok } from "../../src/doctor/check.ts";
import { within } from "../support/deadline.ts";
import { makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";

const check = (name: string, run: Check["run"]): Check => ({ name, run });

Deno.test("runChecks() runs checks at the same time, and keeps their order", async () => {
  const gate = Promise.withResolvers<void>();
  const checks = [
    check("first", async () => {
      await gate.promise;
      return ok("a");
    }),
    check("second", () => {
      gate.resolve();
      return Promise.resolve(ok("b"));
    }),
  ];
  const results = await within("the checks", runChecks(checks, makeContext(), { signal: NEVER_ABORTED }));
  assertEquals(results.map(({ name, message }) => [name, message]), [["first", "a"], ["second", "b"]]);
});

Deno.test("runChecks() isolates checks that hang or throw, and quotes nothing", async () => {
  const checks = [
    check("hangs", () => new Promise(() => {})),
    check("breaks", () => Promise.reject(new RangeError("secret"))),
    check("denied", () => Promise.reject(new Deno.errors.NotCapable("secret"))),
    check("works", () => Promise.resolve(ok("fine"))),
  ];
  const results = await within(
    "the checks",
    runChecks(checks, makeContext(), { signal: NEVER_ABORTED, timeoutMs: 10 }),
  );
  assertEquals(results.map(({ status }) => status), ["failed", "failed", "skipped", "ok"]);
  assertStringIncludes(results[1]?.message ?? "", "RangeError");
  assertEquals(JSON.stringify(results).includes("secret"), false);
});

Deno.test("runChecks() lets a check report its own timeout", async () => {
  const late = check(
    "late",
    (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(ok("Own message")))),
  );
  const [result] = await runChecks([late], makeContext(), { signal: NEVER_ABORTED, timeoutMs: 10 });
  assertEquals(result?.message, "Own message");
});
