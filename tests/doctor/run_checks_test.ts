import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Check } from "../../src/doctor/check.ts";
import { runChecks } from "../../src/doctor/run_checks.ts";
import { ok } from "../../src/doctor/check.ts";
import { within } from "../support/deadline.ts";
import { makeContext, PATIENT } from "../support/doctor_context.ts";

const check = (name: string, look: Check["run"]): Check => ({ name, run: look });

Deno.test("checks run at the same time, and their results keep the order", async () => {
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
  const results = await within("the checks", runChecks(checks, makeContext(), { signal: PATIENT }));
  assertEquals(results.map(({ name, message }) => [name, message]), [["first", "a"], ["second", "b"]]);
});

Deno.test("a check that hangs or breaks does not keep the others from their results, and quotes nothing", async () => {
  const checks = [
    check("hangs", () => new Promise(() => {})),
    check("breaks", () => Promise.reject(new RangeError("secret"))),
    check("denied", () => Promise.reject(new Deno.errors.NotCapable("secret"))),
    check("works", () => Promise.resolve(ok("fine"))),
  ];
  const results = await within("the checks", runChecks(checks, makeContext(), { signal: PATIENT, timeoutMs: 10 }));
  assertEquals(results.map(({ status }) => status), ["failed", "failed", "skipped", "ok"]);
  assertStringIncludes(results[1]?.message ?? "", "RangeError");
  assertEquals(JSON.stringify(results).includes("secret"), false);
});

Deno.test("a check tells in its own words that its deadline is over", async () => {
  const late = check(
    "late",
    (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(ok("I know")))),
  );
  const [result] = await runChecks([late], makeContext(), { signal: PATIENT, timeoutMs: 10 });
  assertEquals(result?.message, "I know");
});
