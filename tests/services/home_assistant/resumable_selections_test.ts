import { assert } from "@std/assert";
import { ResumableSelections } from "../../../src/services/home_assistant/resumable_selections.ts";

Deno.test("selections of an owner are limited: the one that was added first is forgotten, unless it has listeners", () => {
  const selections = new ResumableSelections(1000);
  const owner = {};
  selections.add(owner, ["light.used"]);
  for (let index = 0; index < 150; index++) {
    selections.add(owner, [`light.l${index}`]);
    selections.remove(owner, [`light.l${index}`], 0);
  }
  const has = (pattern: string) => selections.has(owner, [pattern], 0);
  assert(has("light.used") && has("light.l149") && has("light.l51") && !has("light.l50") && !has("light.l0"));
});
