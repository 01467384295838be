/** States of Jeedom's binary commands. */
import { assertEquals } from "@std/assert";
import { stepStates } from "../../../src/console/screens/jeedom/step_states.ts";

Deno.test("stepStates() names doors and windows as Jeedom shows them, where 1 is closed unless it is inverted", () => {
  const states = ["OPENING", "OPENING_WINDOW", "LIGHT_STATE_BOOL", ""].flatMap((genericType) =>
    [false, true].map((isInverted) => stepStates({ genericType, isInverted }).join(" "))
  );
  const [contact, other] = [["open closed", "closed open"], ["off on", "off on"]];
  assertEquals(states, [contact, contact, other, other].flat());
});
