/** Rights as values of options: `values` is the inverse of `change`, in every service. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SERVICES } from "../../src/services/registry.ts";
import { optionsOfRights, replaceRights, rightsFromOptions } from "../../src/services/rights_from_options.ts";
import { echo } from "../support/echo_service/echo.ts";

const LIST = [...SERVICES, echo];

const texts = (...values: readonly string[]) =>
  fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 }), { nil: undefined });

/** Values of options that are valid together. */
const options = fc.record({
  method: texts("cmd::*", "version", "*").map((given) => given ?? ["scenario::*"]),
  "refuse-method": texts("cmd::save"),
  command: texts("12", "7"),
  scenario: texts("3"),
  "own-apikey": fc.constantFrom(true, undefined),
  publish: texts("home/#", "garden/+/set"),
  subscribe: texts("home/#"),
  "ha-read": texts("sensor.*", "light.hall"),
  "ha-call": texts("light.*@light.hall"),
  query: texts("temp-*"),
  "write-series": texts("meter"),
  "http-target": texts("cam-*", "cam"),
  "http-method": texts("GET", "POST"),
  action: texts("open-gate", "gate-*").map((given) => given ?? ["bell"]),
  uses: fc.constantFrom("1", "3", undefined),
  word: texts("hi"),
});

Deno.test("the values of any rights, given to keys set, change nothing", () => {
  fc.assert(fc.property(options, (values) => {
    const { rights } = rightsFromOptions(values, LIST);
    const again = replaceRights(rights, optionsOfRights(rights, LIST), LIST);
    assertEquals(again, { rights: withLimits(rights, again.rights), mistakes: [] });
  }));
});

/** A key that is limited to commands alone has no scenarios: an absent list, and an empty one, mean the same. */
function withLimits(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  return { ...before, jeedom: sameLimits(before["jeedom"], after["jeedom"]) };
}

function sameLimits(before: unknown, after: unknown): unknown {
  if (typeof before !== "object" || typeof after !== "object") return before;
  const { commands, scenarios } = { commands: undefined, scenarios: undefined, ...before };
  if (commands === undefined && scenarios === undefined) return before;
  return { ...before, commands: commands ?? [], scenarios: scenarios ?? [] };
}
