/** Drafts of the Admin page's forms: what is sent of them. */
import { assertEquals } from "@std/assert";
import { changesOf, draftsOf, everydayOf, linesOf, withLine } from "../../../src/console/admin/drafts.ts";
import { SERVICES } from "../../../src/services/registry.ts";

const OPTIONS = SERVICES.map(({ name, rights: { options, everyday } }) => ({
  service: name,
  title: name,
  isEveryday: everyday !== undefined,
  options,
  choices: {},
}));

const PHONE = draftsOf({
  publish: ["home/#", "garden/ "],
  subscribe: [],
  command: ["any"],
  "own-apikey": true,
  action: ["gate", "gone"],
  uses: "3",
});

Deno.test("a form that is not changed sends nothing", () => {
  assertEquals(changesOf(PHONE, PHONE, OPTIONS), {});
  assertEquals(changesOf({}, {}, OPTIONS), {});
  assertEquals(changesOf({ publish: " \n", uses: "" }, {}, OPTIONS), {});
});

Deno.test("a form sends only the options that differ, and values of the key as they are", () => {
  const drafts = { ...PHONE, publish: `${PHONE["publish"]}\n garden/# \n` };
  assertEquals(changesOf(drafts, PHONE, OPTIONS), { publish: ["home/#", "garden/ ", "garden/#"] });
  assertEquals(changesOf({ ...PHONE, uses: "5" }, PHONE, OPTIONS), { uses: "5" });
});

Deno.test("an emptied list takes all of it away, and a switch that is turned off is taken back", () => {
  const drafts = { ...PHONE, publish: "", "own-apikey": false };
  assertEquals(changesOf(drafts, PHONE, OPTIONS), { publish: [""], "no-own-apikey": true });
});

Deno.test("everyday rights are sent for the services that are switched on", () => {
  assertEquals(changesOf({ [everydayOf("mqtt")]: true, "own-apikey": true }, {}, OPTIONS), {
    service: ["mqtt"],
    "own-apikey": true,
  });
});

Deno.test("withLine() adds and removes one line, and keeps the others", () => {
  assertEquals(linesOf(withLine(PHONE["action"], "light", true)), ["gate", "gone", "light"]);
  assertEquals(linesOf(withLine(PHONE["action"], "gate", false)), ["gone"]);
  assertEquals(linesOf(withLine("gate", "gate", true)), ["gate"]);
  assertEquals(linesOf(withLine(undefined, "gate", false)), []);
});
