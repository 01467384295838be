import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { actionIcon } from "../../../src/console/screens/home/actions/action_icon.ts";
import { parseActionList } from "../../../src/console/screens/home/actions/action_list.ts";
import { controlOf, isOn } from "../../../src/console/screens/home/actions/control.ts";

const parse = (body: unknown) => parseActionList({ status: 200, body });

Deno.test("parseActionList() reads actions with their parameters, and leaves out what is malformed", () => {
  const list = parse({
    actions: [
      { name: "a", label: "A", confirm: "Sure?", coolDown: 5, params: {}, state: null },
      { name: "b", label: "B", params: { n: { type: "number", min: 1, max: 2 } } },
      { name: "c", label: "C", params: { colour: { type: "colour" } } },
      { name: "d" },
      // Must not run without its question.
      { name: "e", label: "E", confirm: { text: "Sure?" } },
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

Deno.test("isOn() knows the usual words, and nothing else", () => {
  assertEquals(["ON", "true", true, 1, "open"].map(isOn), [true, true, true, true, true]);
  assertEquals(["off", false, 0, "Closed"].map(isOn), [false, false, false, false]);
  assertEquals([null, undefined, "60", "half"].map(isOn), [undefined, undefined, undefined, undefined]);
});

Deno.test("actionIcon() finds an icon by the name of an icon, then by that of the action", () => {
  assertEquals(actionIcon({ icon: "mdi:ceiling-light", name: "x" }), "light");
  assertEquals(actionIcon({ icon: "gate", name: "x" }), "gate");
  assertEquals(actionIcon({ name: "open-garage" }), "garage");
  assertEquals(actionIcon({ icon: "mdi:unheard", name: "something" }), "play");
});
