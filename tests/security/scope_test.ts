import { assert, assertEquals, assertThrows } from "@std/assert";
import { ALL_RIGHTS, type Rights } from "../../src/security/key_record.ts";
import { Scope, ScopeError } from "../../src/security/scope.ts";
import { NO_RIGHTS } from "../rights.ts";

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

Deno.test("callMethod() refuses dangerous methods to the pattern of all methods, however they are written", () => {
  const dangerous = ["jeedom::halt", "Jeedom::reboot", "JEEDOM::backup", "config::save", "user::save"];
  const further = [
    "plugin::install",
    "Plugin::Remove",
    "update::update",
    "network::stopDns",
    "jeeNetwork::halt",
    "scenario::import",
    "EqLogic::save",
  ];
  for (const method of [...dangerous, ...further]) {
    assertEquals(mayCall({ methods: ["*"] }, method), false, method);
    assertEquals(mayCall({ methods: ["*::*", "*a*", "j*"] }, method), false, method);
  }
  for (const method of ["jeedomX::halt", "plugin::listPlugin", "update::nbNeedUpdate"]) {
    assertEquals(mayCall({ methods: ["*"] }, method), true, method);
  }
});

Deno.test("callMethod() grants a dangerous method to a pattern that names its class", () => {
  assertEquals(mayCall({ methods: ["jeedom::*"] }, "jeedom::halt"), true);
  assertEquals(mayCall({ methods: ["jeedom::halt"] }, "jeedom::halt"), true);
  assertEquals(mayCall({ methods: ["jeedom::is*"] }, "jeedom::isOk"), true);
  assertEquals(mayCall({ methods: ["jeedom::is*", "*"] }, "jeedom::halt"), false);
  assertEquals(mayCall({ methods: ["jeedom::*"] }, "config::save"), false);
  assertEquals(mayCall({ methods: ["plugin::*"] }, "plugin::install"), true);
  assertEquals(mayCall({ methods: ["plug*"] }, "plugin::install"), false);
});

Deno.test("callMethod() lets a refusal win over a grant, in any case of letters", () => {
  const rights = { methods: ["cmd::*"], refusedMethods: ["cmd::exec*"] };
  assertEquals(mayCall(rights, "cmd::byId"), true);
  assertEquals(mayCall(rights, "cmd::execCmd"), false);
  assertEquals(mayCall(rights, "cmd::ExecCmd"), false);
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
