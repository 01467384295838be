/** Access to Jeedom as the page reads it, beside the decision of the gateway. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { jeedomAccess, type JeedomMethod } from "../../../src/console/screens/jeedom/access.ts";
import { ScopeError } from "../../../src/keys/rights.ts";
import { JeedomGrants } from "../../../src/services/jeedom/rights.ts";

const METHODS: readonly JeedomMethod[] = [
  "jeeObject::full",
  "cmd::all",
  "cmd::byId",
  "cmd::execCmd",
  "cmd::getHistory",
  "event::changes",
  "scenario::all",
  "scenario::byId",
  "scenario::changeState",
];

/** Returns whether the gateway grants a method. */
function isGranted(rights: Record<string, unknown>, method: string): boolean {
  try {
    new JeedomGrants(rights).callMethod(method);
    return true;
  } catch (error) {
    assert(error instanceof ScopeError);
    return false;
  }
}

Deno.test("jeedomAccess() allows what the gateway grants, and nothing else", () => {
  const pattern = fc.constantFrom(
    ...[
      "*",
      "cmd::*",
      "cmd::execCmd",
      "jeeObject::*",
      "object::*",
      "OBJECT::full",
      "event::*",
      "c*",
      "version",
      "cmd::get*",
      "scenario::*",
    ],
  );
  fc.assert(fc.property(
    fc.record({
      methods: fc.array(pattern, { maxLength: 3 }),
      refusedMethods: fc.array(pattern, { maxLength: 2 }),
      commands: fc.option(fc.array(fc.integer({ min: 1, max: 9 })), { nil: undefined }),
      scenarios: fc.option(fc.array(fc.integer({ min: 1, max: 9 })), { nil: undefined }),
    }),
    fc.constantFrom(...METHODS),
    ({ commands, scenarios, ...rest }, method) => {
      const rights = {
        ...rest,
        ...commands === undefined ? {} : { commands },
        ...scenarios === undefined ? {} : { scenarios },
      };
      assertEquals(jeedomAccess({ rights: { jeedom: rights } }).may(method), isGranted(rights, method));
    },
  ));
});

Deno.test("jeedomAccess() is closed for malformed rights", () => {
  for (const jeedom of [undefined, null, 1, [], { methods: "*" }, { methods: [1] }]) {
    const { may, commands } = jeedomAccess({ rights: { jeedom } });
    assertEquals([METHODS.some(may), commands], [false, undefined]);
  }
  const { commands, scenarios } = jeedomAccess({
    rights: { jeedom: { methods: ["*"], commands: [1, "2", -1, 3, Infinity] } },
  });
  assertEquals([commands, scenarios], [[1, 3], []]);
  assert(jeedomAccess({ rights: { jeedom: { methods: [], everyMethod: true } } }).may("cmd::all"));
});
