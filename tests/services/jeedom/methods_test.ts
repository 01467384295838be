/** Table of Jeedom's methods: complete, sorted, and equal to the documented one. */
import { assert, assertEquals } from "@std/assert";
import { findMethod, JEEDOM_METHODS } from "../../../src/services/jeedom/methods.ts";

const LIMITED = { command: "its commands", scenario: "its scenarios", harmless: "yes" } as const;

Deno.test("docs/jeedom-methods.md has every method with its decision and reason, and no other", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/jeedom-methods.md", import.meta.url));
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.*) \| (.*) \| (.*) \|$/gm)].map((row) => row.slice(1));
  assertEquals(
    rows,
    JEEDOM_METHODS.map(({ name, granted, limited, reason }) => [
      name,
      granted ? "yes" : "no",
      limited === undefined ? "no" : LIMITED[limited],
      reason,
    ]),
  );
});

Deno.test("JEEDOM_METHODS has each method once, in order", () => {
  const names = JEEDOM_METHODS.map(({ name }) => name);
  assertEquals(names, [...new Set(names)].toSorted());
  assertEquals(names.length, 87);
  assertEquals(findMethod("toString"), undefined);
});

Deno.test("JEEDOM_METHODS grants by * nothing that reveals keys, reads files, adds code or changes the home", () => {
  const granted = JEEDOM_METHODS.filter((method) => method.granted).map(({ name }) => name);
  const never = /getJson|::(save|import|export|add|remove\w*|empty|event|install|update|doUpdate|halt|reboot|backup)$/;
  assertEquals(granted.filter((name) => never.test(name)), []);
  assertEquals(granted.filter((name) => /^(config|user|log|network|datastore|interact\w*)::/.test(name)), []);
});

Deno.test("JEEDOM_METHODS grants by * what apps use", () => {
  for (
    const name of [
      ...["version", "datetime", "ping", "jeeObject::all", "jeeObject::full", "jeeObject::byId", "jeeObject::fullById"],
      ...["eqLogic::all", "eqLogic::byId", "eqLogic::fullById", "cmd::all", "cmd::byId", "cmd::execCmd"],
      ...["cmd::getHistory", "cmd::getStatistique", "scenario::all", "scenario::byId", "scenario::changeState"],
      ...["summary::global", "summary::byId", "message::all", "event::changes", "jeedom::isOk"],
    ]
  ) assert(findMethod(name)?.granted, name);
});
