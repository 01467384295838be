import { assert, assertEquals, assertThrows } from "@std/assert";
import { ScopeError } from "../../../src/keys/rights.ts";
import { JEEDOM_METHODS } from "../../../src/services/jeedom/methods.ts";
import { JEEDOM_RIGHTS, JeedomGrants, parseId } from "../../../src/services/jeedom/rights.ts";
import { type FlatRights, jeedomRights } from "../../support/rights.ts";

const grantsOf = (rights: FlatRights) => new JeedomGrants(jeedomRights(rights));

function allows(ask: () => void): boolean {
  try {
    ask();
    return true;
  } catch (error) {
    assert(error instanceof ScopeError);
    return false;
  }
}

const mayCall = (rights: FlatRights, method: string) => {
  const grants = grantsOf(rights);
  return allows(() => grants.callMethod(method));
};

Deno.test("JeedomGrants grants nothing that its rights do not name", () => {
  const grants = grantsOf({});
  for (
    const ask of [() => grants.callMethod("version"), () => grants.useEndpoint("/x.php"), () => grants.bringApikey()]
  ) assertThrows(ask, ScopeError, "This key may not ");
});

Deno.test("JeedomGrants of all rights grants everything, the dangerous methods too", () => {
  const grants = new JeedomGrants(JEEDOM_RIGHTS.all);
  for (const method of ["version", "jeedom::halt", "config::save", "user::all", "anything"]) grants.callMethod(method);
  grants.useEndpoint("/any.php");
  grants.bringApikey();
});

const DANGEROUS = [
  ...[
    "jeedom::halt",
    "jeedom::reboot",
    "jeedom::backup",
    "config::save",
    "config::byKey",
    "user::save",
    "user::getHash",
  ],
  ...["plugin::install", "plugin::remove", "plugin::deamonStart", "update::update", "update::doUpdate", "update::all"],
  ...["network::stopDns", "scenario::import", "scenario::save", "eqLogic::save", "cmd::save", "cmd::event", "getJson"],
  ...["log::get", "log::getDelta", "log::getLastLine", "log::add", "log::remove", "log::empty", "datastore::save"],
  ...["object::save", "jeeObject::save", "message::removeAll", "interact::tryToReply", "jeeNetwork::halt"],
];

Deno.test("callMethod() grants by a pattern without a class only methods that read and control", () => {
  const patterns = ["*", "**", "*::*", "*e*", "e*", "*::all", "c*", "j*", "l*", "*t", "g*", "Log*", "log*", "*log::*"];
  for (const method of DANGEROUS) assertEquals(mayCall({ methods: patterns }, method), false, method);
  for (const method of ["sync", "mobile::sync", "anything", "backup::restore", "none"]) {
    assertEquals(mayCall({ methods: patterns }, method), false, method);
  }
  for (const method of ["cmd::execCmd", "jeeObject::full", "scenario::changeState", "event::changes", "jeedom::isOk"]) {
    assertEquals(mayCall({ methods: ["*"] }, method), true, method);
    // Jeedom compares exactly: with another spelling it is not Jeedom's own method, but may be a plugin's.
    for (const other of [method.toUpperCase(), `${method}X`, `X${method}`, `${method}:`]) {
      assertEquals(mayCall({ methods: ["*"] }, other), false, other);
    }
  }
  assertEquals(mayCall({ methods: ["*::all"] }, "cmd::all"), true);
  assertEquals(mayCall({ methods: ["*::all"] }, "cmd::byId"), false);
});

Deno.test("callMethod() grants any method by a pattern with its class, or with its whole name", () => {
  assertEquals(mayCall({ methods: ["jeedom::*"] }, "jeedom::halt"), true);
  assertEquals(mayCall({ methods: ["jeedom::halt"] }, "jeedom::halt"), true);
  assertEquals(mayCall({ methods: ["jeedom::is*"] }, "jeedom::isOk"), true);
  assertEquals(mayCall({ methods: ["jeedom::is*", "*"] }, "jeedom::halt"), false);
  assertEquals(mayCall({ methods: ["jeedom::*"] }, "config::save"), false);
  assertEquals(mayCall({ methods: ["plugin::*"] }, "plugin::install"), true);
  assertEquals(mayCall({ methods: ["plug*"] }, "plugin::install"), false);
  assertEquals(mayCall({ methods: ["getJson"] }, "getJson"), true);
  assertEquals(mayCall({ methods: ["getJ*", "*getJson"] }, "getJson"), false);
});

Deno.test("callMethod() grants a method of a plugin only by a pattern that names the plugin", () => {
  const mayAsk = (methods: string[], method: string, refusedMethods: string[] = []) =>
    allows(() => grantsOf({ methods, refusedMethods }).callMethod(method, "mobile"));
  assertEquals(mayAsk(["*"], "version"), false);
  assertEquals(mayAsk(["*", "version", "sync"], "sync"), false);
  assertEquals(mayAsk(["mobile::*"], "sync"), true);
  assertEquals(mayAsk(["mobile::sync"], "mobile::sync"), true);
  assertEquals(mayAsk(["mobile::*"], "log::get"), false);
  assertEquals(mayAsk(["mobile::*", "*"], "version"), true);
  assertEquals(mayAsk(["mobile::*"], "sync", ["SYNC"]), false);
  assertEquals(mayAsk(["mobile::*"], "sync", ["mobile::s*"]), false);
  // Jeedom's code calls its own method, too, after the plugin's: `*` must not help a plugin that is called like a class.
  assertEquals(allows(() => grantsOf({ methods: ["*"] }).callMethod("all", "cmd")), false);
});

Deno.test("JeedomGrants with commands or scenarios grants those alone, and only methods whose ids can be checked", () => {
  const grants = grantsOf({ methods: ["*", "log::*", "cmd::*"], endpoints: ["*"], commands: [12] });
  assertEquals([grants.reachesCommand(12), grants.reachesCommand(13), grants.reachesScenario(12)], [
    true,
    false,
    false,
  ]);
  const all = JEEDOM_METHODS.map(({ name }) => name).filter((method) => allows(() => grants.callMethod(method)));
  assertEquals(all, [
    ...["cmd::byId", "cmd::event", "cmd::execCmd", "cmd::getHistory", "cmd::getStatistique", "cmd::getTendance"],
    ...["datetime", "event::changes", "jeedom::isOk", "ping", "scenario::byId", "scenario::changeState", "version"],
  ]);
  assertEquals(allows(() => grants.useEndpoint("/x.php")), false);
  assertEquals(allows(() => grants.callMethod("cmd::byId", "cmd")), false);
  assertEquals(grantsOf({ scenarios: [] }).reachesCommand(12), false);
  const free = grantsOf({});
  assertEquals([free.isLimited, free.reachesCommand(12), free.reachesScenario(12)], [false, true, true]);
});

Deno.test("callMethod() prefers a refusal to a grant, ignoring case", () => {
  const rights = { methods: ["cmd::*"], refusedMethods: ["cmd::exec*"] };
  assertEquals(mayCall(rights, "cmd::byId"), true);
  assertEquals(mayCall(rights, "cmd::execCmd"), false);
  assertEquals(mayCall(rights, "cmd::ExecCmd"), false);
});

Deno.test("callMethod() applies a refusal to the other name of a method as well", () => {
  for (const [refused, method] of [["jeeObject::*", "object::full"], ["object::full", "jeeObject::full"]] as const) {
    assertEquals(mayCall({ methods: ["*"], refusedMethods: [refused] }, method), false, method);
  }
  assertEquals(mayCall({ methods: ["*"], refusedMethods: ["object::all"] }, "jeeObject::full"), true);
});

Deno.test("callMethod() matches whole patterns, and every character but * literally", () => {
  assertEquals(mayCall({ methods: ["cmd::byId"] }, "cmd::byIdX"), false);
  assertEquals(mayCall({ methods: ["cmd::byId"] }, "xcmd::byId"), false);
  assertEquals(mayCall({ methods: ["a.b"] }, "aXb"), false);
});

Deno.test("parseId() reads plain ids, and nothing that PHP would read as one", () => {
  assertEquals([1, 12, "12", "9007199254740991"].map(parseId), [1, 12, 12, 9007199254740991]);
  const strange = [
    "0",
    "012",
    "+12",
    "-1",
    " 12",
    "12 ",
    "12\n",
    "12a",
    "1e1",
    "12.0",
    "0x0c",
    "",
    "９",
    "9007199254740993",
  ];
  for (const value of [...strange, 0, -1, 1.5, NaN, Infinity, 2 ** 53, true, null, undefined, [12], { id: 12 }]) {
    assertEquals(parseId(value), undefined, String(value));
  }
});
