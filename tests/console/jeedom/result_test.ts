/** Results and errors in Jeedom's answers. */
import { assertEquals, assertThrows } from "@std/assert";
import { FailedError } from "@e2e-gateway/client";
import { ServiceRefusal } from "../../../src/console/commands/service_refusal.ts";
import { demandOf, resultOf } from "../../../src/console/screens/jeedom/result.ts";

Deno.test("resultOf() returns the result, and throws Jeedom's own error with its text", () => {
  assertEquals(resultOf({ status: 200, body: { result: "ok" } }), "ok");
  const error = (given: unknown) =>
    assertThrows(() => resultOf({ status: 200, body: { error: given, result: 1 } }), ServiceRefusal);
  assertEquals([error({ code: "6", message: "Confirm" })].map(({ code, message }) => [code, message]), [[
    6,
    "Confirm",
  ]]);
  const hostile = { toString: 1, valueOf: 1 };
  assertEquals(error({ code: hostile, message: hostile }).code, undefined);
  for (const body of [null, "", "page", { id: 1 }]) {
    assertThrows(() => resultOf({ status: 200, body }), FailedError);
  }
  assertThrows(() => resultOf({ status: 500, body: { result: 1 } }), FailedError);
});

Deno.test("demandOf() knows Jeedom's questions for a confirmation and a code", () => {
  const demands = [6, -32_006, 5, -32_005, 701].map((code) => demandOf(new ServiceRefusal("x", code)));
  assertEquals(demands, ["confirmation", "confirmation", "code", "code", undefined]);
  assertEquals(demandOf(new Error("x")), undefined);
});
