import { assert, assertEquals, assertThrows } from "@std/assert";
import { ALL_RIGHTS, type Rights } from "../../src/keys/schema.ts";
import { Scope, ScopeError } from "../../src/keys/rights.ts";
import { JEEDOM_METHODS } from "../../src/services/jeedom/methods.ts";
import { NO_RIGHTS } from "../support/rights.ts";

function allows(ask: () => void): boolean {
  try {
    ask();
    return true;
  } catch (error) {
    assert(error instanceof ScopeError);
    return false;
  }
}

const mayCall = (rights: Partial<Rights>, method: string) => {
  const scope = new Scope({ ...NO_RIGHTS, ...rights });
  return allows(() => scope.callMethod(method));
};

Deno.test("Scope grants nothing that its rights do not name", () => {
  const scope = new Scope(NO_RIGHTS);
  for (
    const ask of [
      () => scope.useService("mqtt"),
      () => scope.useService("jeedom"),
      () => scope.publish("a"),
      () => scope.subscribe("a"),
      () => scope.callMethod("version"),
      () => scope.useEndpoint("/x.php"),
      () => scope.bringApikey(),
      () => scope.nameBroker("broker", 1883),
    ]
  ) assertThrows(ask, ScopeError, "This key may not ");
  assertEquals(scope.mayReceive("a"), false);
});

Deno.test("Scope of all rights grants everything, the dangerous methods too", () => {
  const scope = new Scope(ALL_RIGHTS);
  scope.useService("mqtt");
  scope.useService("jeedom");
  scope.publish("a/b");
  scope.subscribe("#");
  for (const method of ["version", "jeedom::halt", "config::save", "user::all", "anything"]) scope.callMethod(method);
  scope.useEndpoint("/any.php");
  scope.bringApikey();
  scope.nameBroker("anywhere", 1);
  assertEquals(scope.mayReceive("a"), true);
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

Deno.test("callMethod() grants a pattern without a class only what reads and controls, whatever it matches", () => {
  const patterns = ["*", "**", "*::*", "*e*", "e*", "*::all", "c*", "j*", "l*", "*t", "g*", "Log*", "log*", "*log::*"];
  for (const method of DANGEROUS) assertEquals(mayCall({ methods: patterns }, method), false, method);
  for (const method of ["sync", "mobile::sync", "anything", "backup::restore", "none"]) {
    assertEquals(mayCall({ methods: patterns }, method), false, method);
  }
  for (const method of ["cmd::execCmd", "jeeObject::full", "scenario::changeState", "event::changes", "jeedom::isOk"]) {
    assertEquals(mayCall({ methods: ["*"] }, method), true, method);
    // Jeedom compares to the letter: what is written otherwise is no method of its own, but may be one of a plugin.
    for (const other of [method.toUpperCase(), `${method}X`, `X${method}`, `${method}:`]) {
      assertEquals(mayCall({ methods: ["*"] }, other), false, other);
    }
  }
  assertEquals(mayCall({ methods: ["*::all"] }, "cmd::all"), true);
  assertEquals(mayCall({ methods: ["*::all"] }, "cmd::byId"), false);
});

Deno.test("callMethod() grants any method to a pattern that names its class, or the whole of it", () => {
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

Deno.test("callMethod() grants a plugin only what names the plugin, and Jeedom's own method of that name as well", () => {
  const mayAsk = (methods: string[], method: string, refusedMethods: string[] = []) =>
    allows(() => new Scope({ ...NO_RIGHTS, methods, refusedMethods }).callMethod(method, "mobile"));
  assertEquals(mayAsk(["*"], "version"), false);
  assertEquals(mayAsk(["*", "version", "sync"], "sync"), false);
  assertEquals(mayAsk(["mobile::*"], "sync"), true);
  assertEquals(mayAsk(["mobile::sync"], "mobile::sync"), true);
  assertEquals(mayAsk(["mobile::*"], "log::get"), false);
  assertEquals(mayAsk(["mobile::*", "*"], "version"), true);
  assertEquals(mayAsk(["mobile::*"], "sync", ["SYNC"]), false);
  assertEquals(mayAsk(["mobile::*"], "sync", ["mobile::s*"]), false);
  // Jeedom's code looks for the method, too, after the plugin's: `*` must not help a plugin that is called like a class.
  assertEquals(allows(() => new Scope({ ...NO_RIGHTS, methods: ["*"] }).callMethod("all", "cmd")), false);
});

Deno.test("Scope with commands or scenarios grants those alone, and only methods whose ids can be checked", () => {
  const scope = new Scope({ ...NO_RIGHTS, methods: ["*", "log::*", "cmd::*"], endpoints: ["*"], commands: [12] });
  assertEquals([scope.reachesCommand(12), scope.reachesCommand(13), scope.reachesScenario(12)], [true, false, false]);
  const all = JEEDOM_METHODS.map(({ name }) => name).filter((method) => allows(() => scope.callMethod(method)));
  assertEquals(all, [
    ...["cmd::byId", "cmd::event", "cmd::execCmd", "cmd::getHistory", "cmd::getStatistique", "cmd::getTendance"],
    ...["datetime", "event::changes", "jeedom::isOk", "ping", "scenario::byId", "scenario::changeState", "version"],
  ]);
  assertEquals(allows(() => scope.useEndpoint("/x.php")), false);
  assertEquals(allows(() => scope.callMethod("cmd::byId", "cmd")), false);
  assertEquals(new Scope({ ...NO_RIGHTS, scenarios: [] }).reachesCommand(12), false);
  const free = new Scope({ ...NO_RIGHTS });
  assertEquals([free.isLimited, free.reachesCommand(12), free.reachesScenario(12)], [false, true, true]);
});

Deno.test("callMethod() lets a refusal win over a grant, in any case of letters", () => {
  const rights = { methods: ["cmd::*"], refusedMethods: ["cmd::exec*"] };
  assertEquals(mayCall(rights, "cmd::byId"), true);
  assertEquals(mayCall(rights, "cmd::execCmd"), false);
  assertEquals(mayCall(rights, "cmd::ExecCmd"), false);
});

Deno.test("callMethod() lets a refusal count for the other name of a method as well", () => {
  for (const [refused, method] of [["jeeObject::*", "object::full"], ["object::full", "jeeObject::full"]] as const) {
    assertEquals(mayCall({ methods: ["*"], refusedMethods: [refused] }, method), false, method);
  }
  assertEquals(mayCall({ methods: ["*"], refusedMethods: ["object::all"] }, "jeeObject::full"), true);
});

Deno.test("callMethod() takes patterns as a whole, with every other sign as itself", () => {
  assertEquals(mayCall({ methods: ["cmd::byId"] }, "cmd::byIdX"), false);
  assertEquals(mayCall({ methods: ["cmd::byId"] }, "xcmd::byId"), false);
  assertEquals(mayCall({ methods: ["a.b"] }, "aXb"), false);
});

Deno.test("publish() and subscribe() are granted apart, and what arrives is checked by what may be read", () => {
  const scope = new Scope({ ...NO_RIGHTS, publish: ["home/+/set"], subscribe: ["home/+/temp"] });
  assertEquals(allows(() => scope.publish("home/light/set")), true);
  assertEquals(allows(() => scope.publish("home/light/temp")), false);
  assertEquals(allows(() => scope.subscribe("home/#")), false);
  assertEquals(allows(() => scope.subscribe("home/kitchen/temp")), true);
  assertEquals([scope.mayReceive("home/kitchen/temp"), scope.mayReceive("home/light/set")], [true, false]);
});

Deno.test("nameBroker() grants the brokers of its list, by name, network and port", () => {
  const scope = new Scope({ ...NO_RIGHTS, brokers: ["broker.lan:1883", "10.0.0.0/8"] });
  assertEquals(allows(() => scope.nameBroker("broker.lan", 1883)), true);
  assertEquals(allows(() => scope.nameBroker("broker.lan", 1884)), false);
  assertEquals(allows(() => scope.nameBroker("10.1.2.3", 9)), true);
  assertEquals(allows(() => scope.nameBroker("11.1.2.3", 9)), false);
});
