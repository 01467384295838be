import { assertEquals, assertThrows } from "@std/assert";
import { ServiceError } from "../../../src/services/service.ts";
import { CoolDowns } from "../../../src/services/action/cool_down.ts";

/** Returns cool-downs with a clock that the test sets. */
function makeCoolDowns() {
  const clock = { ms: 1000 };
  return { clock, coolDowns: new CoolDowns(() => clock.ms) };
}

Deno.test("begin() refuses an action until its cool-down ends, with the seconds to wait", () => {
  const { clock, coolDowns } = makeCoolDowns();
  coolDowns.begin("a", 5000);
  coolDowns.begin("b", 5000);
  clock.ms = 3500;
  const error = assertThrows(() => coolDowns.begin("a", 5000), ServiceError);
  assertEquals([error.status, error.code, error.retryAfterSeconds], [429, "busy", 3]);
  assertEquals(error.message, "The action ran just now");
  clock.ms = 6000;
  coolDowns.begin("a", 5000);
  coolDowns.begin("long", 3_600_000);
  const long = assertThrows(() => coolDowns.begin("long", 1000), ServiceError, "can run again in 3600 s");
  assertEquals(long.retryAfterSeconds, 60);
});

Deno.test("begin() does nothing for an action without a cool-down", () => {
  const { coolDowns } = makeCoolDowns();
  coolDowns.begin("a", undefined);
  coolDowns.begin("a", undefined);
});

Deno.test("begin() returns a function that takes its own cool-down back, and no later one", () => {
  const { clock, coolDowns } = makeCoolDowns();
  const takeBack = coolDowns.begin("a", 5000);
  takeBack();
  coolDowns.begin("a", 5000);
  clock.ms = 7000;
  coolDowns.begin("a", 5000);
  takeBack();
  assertThrows(() => coolDowns.begin("a", 5000), ServiceError);
});
