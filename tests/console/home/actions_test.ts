import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  ExpiredError,
  FailedError,
  RateLimitError,
  RequestTimeoutError,
  ScopeError,
  TamperedError,
  UnavailableError,
  UnreachableError,
  WrongKeyError,
} from "@e2e-gateway/client";
import { actionIcon } from "../../../src/console/screens/home/actions/action_icon.ts";
import { parseActionList } from "../../../src/console/screens/home/actions/action_list.ts";
import { controlOf, decimalsOf, isOn, snap } from "../../../src/console/screens/home/actions/control.ts";
import { outcomeOf } from "../../../src/console/screens/home/actions/outcome.ts";

const parse = (body: unknown) => parseActionList({ status: 200, body });

Deno.test("parseActionList() reads actions with their parameters, and leaves out what is malformed", () => {
  const list = parse({
    actions: [
      { name: "a", label: "A", confirm: "Sure?", coolDown: 5, params: {}, state: null },
      { name: "b", label: "B", params: { n: { type: "number", min: 1, max: 2 } } },
      { name: "c", label: "C", params: { colour: { type: "colour" } } },
      { name: "d" },
    ],
    uses: { left: 2, of: 3 },
  });
  assertEquals(list?.actions.map(({ name }) => name), ["a", "b", "c"]);
  assertEquals([list?.actions[0]?.coolDownMs, list?.actions[0]?.state, list?.uses], [5000, null, { left: 2, of: 3 }]);
  assertEquals(
    list?.actions.map((action) => controlOf(action).kind),
    ["button", "form", "unsupported"].with(1, "slider"),
  );
});

Deno.test("parseActionList() never throws, whatever is sent", () => {
  const params = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.record({ type: fc.string() })));
  const action = fc.oneof(fc.jsonValue(), fc.record({ name: fc.string(), label: fc.string(), params }));
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.record({ actions: fc.array(action) })), (body) => {
    for (const action of parse(body)?.actions ?? []) controlOf(action);
  }));
});

Deno.test("controlOf() chooses a switch, a slider, a row of values or a form", () => {
  const kind = (params: Record<string, unknown>) => {
    const [action] = parse({ actions: [{ name: "a", label: "A", params }] })?.actions ?? [];
    return action && controlOf(action).kind;
  };
  assertEquals(kind({ on: { type: "boolean" } }), "switch");
  assertEquals(kind({ n: { type: "number", min: 0, max: 10 } }), "slider");
  assertEquals(kind({ n: { type: "number", min: 0 } }), "form");
  assertEquals(kind({ m: { type: "enum", values: ["eco", "comfort"] } }), "choice");
  assertEquals(kind({ m: { type: "enum", values: Array.from({ length: 9 }, String) } }), "form");
  assertEquals(kind({ on: { type: "boolean" }, text: { type: "text" } }), "form");
});

Deno.test("snap() stays on the scale for every number", () => {
  const scale = fc.record({ min: fc.integer({ min: -50, max: 50 }), steps: fc.integer({ min: 1, max: 200 }) });
  const step = fc.constantFrom(0.1, 0.5, 1, 5);
  fc.assert(fc.property(scale, step, fc.double({ noNaN: true, min: -1e6, max: 1e6 }), ({ min, steps }, step, value) => {
    const max = min + steps * step;
    const snapped = snap(value, { kind: "slider", param: "n", min, max, step });
    assert(snapped >= min && snapped <= max);
    const count = (snapped - min) / step;
    assert(snapped === max || Math.abs(count - Math.round(count)) < 1e-6, `${snapped} of ${min} by ${step}`);
  }));
  assertEquals([0.5, 1, 0.25, 1e-7].map(decimalsOf), [1, 0, 2, 6]);
});

Deno.test("isOn() knows the usual words, and nothing else", () => {
  assertEquals(["ON", "true", true, 1, "open"].map(isOn), [true, true, true, true, true]);
  assertEquals(["off", false, 0, "Closed"].map(isOn), [false, false, false, false]);
  assertEquals([null, undefined, "60", "half"].map(isOn), [undefined, undefined, undefined, undefined]);
});

Deno.test("outcomeOf() says that it is not known where the action may have run, and never that it failed", () => {
  const outcome = (error: unknown, { isOnline = true, usesLeft }: { isOnline?: boolean; usesLeft?: number } = {}) => {
    const run = outcomeOf(error, { isOnline, usesLeft });
    return run.kind === "failed" ? run.reason : run.kind;
  };
  const mayHaveRun = [
    new UnreachableError("x"),
    new RequestTimeoutError("x"),
    new TamperedError("x"),
    new UnavailableError("x", { status: 502 }),
    new FailedError("x", { gatewayCode: "service_timeout" }),
    new FailedError("x", { gatewayCode: "service_unreachable" }),
    new Error("x"),
  ];
  assertEquals(mayHaveRun.map((error) => outcome(error)), mayHaveRun.map(() => "unknown"));
  assertEquals(outcome(new UnreachableError("x"), { isOnline: false }), "offline");
  assertEquals(outcome(new FailedError("x", { gatewayCode: "service_answer" })), "service");
  assertEquals(outcome(new RateLimitError("x", { gatewayCode: "busy" })), "busy");
  assertEquals(outcome(new RateLimitError("x")), "too_many");
  assertEquals(outcome(new ScopeError("x")), "not_allowed");
  assertEquals(outcome(new ScopeError("x"), { usesLeft: 0 }), "used_up");
  assertEquals(outcome(new WrongKeyError("x")), "key");
  assertEquals(outcome(new ExpiredError("x")), "refused");
});

Deno.test("actionIcon() finds an icon by the name of an icon, then by that of the action", () => {
  assertEquals(actionIcon({ icon: "mdi:ceiling-light", name: "x" }), "light");
  assertEquals(actionIcon({ icon: "gate", name: "x" }), "gate");
  assertEquals(actionIcon({ name: "open-garage" }), "garage");
  assertEquals(actionIcon({ icon: "mdi:unheard", name: "something" }), "play");
});
