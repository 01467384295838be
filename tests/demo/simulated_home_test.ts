/** The simulated home: its values move plausibly, and its devices follow commands. */
import { assert, assertEquals } from "@std/assert";
import { DEVICES, SimulatedHome, textOf, valuesOf } from "../../src/demo/simulated_home.ts";

const idOf = (topic: string) => DEVICES.find((device) => device.topic === topic)?.id ?? 0;

function makeHome() {
  const clock = { ms: 1_700_000_000_000 };
  const home = new SimulatedHome(() => clock.ms);
  const tick = (count: number) => {
    for (let number = 0; number < count; number++) {
      clock.ms += 2000;
      home.tick();
    }
  };
  return { home, tick };
}

Deno.test("the temperature moves, stays plausible, and follows the heating", () => {
  const { home, tick } = makeHome();
  const id = idOf("home/living-room/temperature");
  tick(100);
  assert(home.changesSince(0).some((change) => change.id === id && change.value !== 20.5));
  for (const degrees of [17, 24]) {
    home.set(idOf("home/living-room/heating"), degrees);
    tick(300);
    assert(Math.abs((home.value(id) ?? 0) - degrees) < 2, `${home.value(id)} with a heating at ${degrees}`);
  }
});

Deno.test("the gate closes by itself, and the doorbell rings for a while, now and then", () => {
  const { home, tick } = makeHome();
  const [gate, doorbell] = [idOf("home/gate"), idOf("home/hall/doorbell")];
  home.set(gate, 1);
  tick(9);
  assertEquals(home.value(gate), 1);
  tick(1);
  assertEquals(home.value(gate), 0);
  let rings = 0;
  home.onChange(({ id, value }) => rings += id === doorbell ? value : 0);
  tick(1000);
  assert(rings > 5 && rings < 80, `${rings}`);
});

Deno.test("valuesOf() returns what a command sets, and nothing for what no device understands", () => {
  const light = idOf("home/living-room/light");
  assertEquals(["ON", "true", "off"].map((text) => valuesOf("home/living-room/light/set", text)), [
    [[light, 1]],
    [[light, 1]],
    [[light, 0]],
  ]);
  assertEquals(valuesOf("home/living-room/heating/set", "21.5"), [[idOf("home/living-room/heating"), 21.5]]);
  assertEquals(valuesOf("home/scene/set", "night").length, 4);
  for (const text of ["", "99", "warm", "constructor"]) {
    assertEquals(valuesOf("home/living-room/heating/set", text), []);
  }
  for (const topic of ["home/gate/set", "home/unknown/set"]) assertEquals(valuesOf(topic, "constructor"), []);
});

Deno.test("textOf() returns the word of a value, or the number", () => {
  assertEquals([textOf({ words: ["closed", "open"] }, 1), textOf({}, 20.5), textOf({ words: ["off"] }, 7)], [
    "open",
    "20.5",
    "7",
  ]);
});
