import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { replaceRights, rightsFromOptions } from "../../../src/services/rights_from_options.ts";
import { ACTION_RIGHTS, ActionGrants } from "../../../src/services/action/rights.ts";
import { SERVICES } from "../../../src/services/registry.ts";

Deno.test("mayRun() matches whole names, with * for any characters", () => {
  const grants = new ActionGrants({ actions: ["open-gate", "light-*", "*.on"] });
  for (const name of ["open-gate", "light-", "light-hall", "a.on"]) assert(grants.mayRun(name), name);
  for (const name of ["open-gate2", "xopen-gate", "Open-gate", "light", "aXon", ""]) assert(!grants.mayRun(name), name);
  assert(!new ActionGrants({}).mayRun("open-gate"));
});

Deno.test("mayRun() takes a name without * for itself alone", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);
  fc.assert(fc.property(name, name, (one, other) => {
    assertEquals(new ActionGrants({ actions: [one] }).mayRun(other), one === other);
  }));
});

Deno.test("keys add --action grants these actions and nothing else", () => {
  assertEquals(rightsFromOptions({ action: ["open-gate", "open-gate"], uses: "3" }, SERVICES), {
    rights: { action: { actions: ["open-gate"], uses: 3 } },
    mistakes: [],
  });
  assertEquals(Object.keys(rightsFromOptions({}, SERVICES).rights).includes("action"), false);
});

Deno.test("keys set changes actions and uses alone, and --uses any removes the limit", () => {
  const { rights } = rightsFromOptions({ action: ["a"], uses: "3" }, SERVICES);
  assertEquals(replaceRights(rights, { uses: "5" }, SERVICES).rights, { action: { actions: ["a"], uses: 5 } });
  assertEquals(replaceRights(rights, { action: ["b"] }, SERVICES).rights, { action: { actions: ["b"], uses: 3 } });
  assertEquals(replaceRights(rights, { uses: "any" }, SERVICES).rights, { action: { actions: ["a"] } });
  assertEquals(replaceRights(rights, { action: [""], uses: "any" }, SERVICES).mistakes, []);
});

Deno.test("keys add names what is wrong with its options for actions", () => {
  const uses = (value: string) => rightsFromOptions({ action: ["a"], uses: value }, SERVICES).mistakes;
  for (const value of ["0", "-1", "1.5", "x", "", "1000001", "1e3"]) {
    assertEquals(uses(value), [`--uses "${value}" must be a whole number from 1 to 1000000`]);
  }
  assertEquals(rightsFromOptions({ action: ["a b"] }, SERVICES).mistakes, [
    '--action "a b" must be a name, or a pattern with at most three * such as gate-*',
  ]);
  const alone = ["The key may run no action: add --action NAME, or --action '*' for all"];
  assertEquals(rightsFromOptions({ service: ["action"] }, SERVICES).mistakes, alone);
  assertEquals(rightsFromOptions({ uses: "3" }, SERVICES).mistakes, alone);
});

Deno.test("keys list shows actions and the number of runs", () => {
  const rights = { actions: ["open-gate", "light-*"], uses: 3 };
  assertEquals(ACTION_RIGHTS.describe(rights), [["actions", "open-gate, light-*"], ["runs of actions", "3 in all"]]);
  assertEquals(ACTION_RIGHTS.describe({ actions: ["a"] }), [["actions", "a"], ["runs of actions", "any"]]);
  assertEquals(ACTION_RIGHTS.describe({ actions: [] })[0], ["actions", "none"]);
  assertEquals(ACTION_RIGHTS.summarize({ actions: [], uses: 3 }), "no actions");
  assertEquals(ACTION_RIGHTS.summarize(rights), "actions open-gate light-*, 3 runs");
  assertEquals(ACTION_RIGHTS.summarize({ actions: ["a"], uses: 1 }), "actions a, 1 run");
});

Deno.test("the keys file is strict in rights of actions", () => {
  const faults = (rights: unknown) => ACTION_RIGHTS.schema.safeParse(rights).error?.issues.length ?? 0;
  assertEquals(faults({ actions: ["a"], uses: 1 }), 0);
  for (
    const rights of [{ actions: "a" }, { actions: ["a/b"] }, { uses: 0 }, { uses: 1.5 }, { use: 1 }, {
      actions: ["*a*b*c*"],
    }]
  ) {
    assertEquals(faults(rights), 1, JSON.stringify(rights));
  }
});
