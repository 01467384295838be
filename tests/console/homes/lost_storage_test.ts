import { assertEquals } from "@std/assert";
import { createPairedMark, wasPairedBefore } from "../../../src/console/homes/lost_storage.ts";

const NONE = { has: () => false };

Deno.test("wasPairedBefore() recognizes a mark, an installed app and a screen's address, and no new visitor", () => {
  assertEquals(wasPairedBefore({ hash: "", isInstalled: false, mark: NONE }), false);
  assertEquals(wasPairedBefore({ hash: "#pair=x", isInstalled: false, mark: NONE }), false);
  assertEquals(wasPairedBefore({ hash: "#/home", isInstalled: false, mark: NONE }), true);
  assertEquals(wasPairedBefore({ hash: "", isInstalled: true, mark: NONE }), true);
  assertEquals(wasPairedBefore({ hash: "", isInstalled: false, mark: { has: () => true } }), true);
});

Deno.test("createPairedMark() does without a storage that is switched off", () => {
  const mark = createPairedMark(() => {
    throw new DOMException("no", "SecurityError");
  });
  mark.set();
  mark.remove();
  assertEquals(mark.has(), false);
});
