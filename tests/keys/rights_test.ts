import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { allRights, createReadRights, Scope, ScopeError } from "../../src/keys/rights.ts";
import { SERVICES } from "../../src/services/registry.ts";

Deno.test("useService() returns the rights in a service, and throws for one that is not granted", () => {
  const scope = new Scope({ mqtt: { publish: ["a"] } });
  assertEquals(scope.useService("mqtt"), { publish: ["a"] });
  for (const name of ["jeedom", "constructor", ""]) {
    assertThrows(() => scope.useService(name), ScopeError, `This key may not use the service ${name}`);
  }
});

Deno.test("allRights() grants every service", () => {
  const scope = new Scope(allRights(SERVICES));
  for (const { name, rights } of SERVICES) assertEquals(scope.useService(name), rights.all);
});

Deno.test("createReadRights() interprets the rights of each scope once", () => {
  const given: unknown[] = [];
  const readRights = createReadRights("mqtt", (rights) => ({ number: given.push(rights) }));
  const [first, second] = [new Scope({ mqtt: {} }), new Scope({ mqtt: { publish: [] } })];
  assertStrictEquals(readRights(first), readRights(first));
  assertEquals([readRights(second).number, given], [2, [{}, { publish: [] }]]);
  assertThrows(() => readRights(new Scope({})), ScopeError);
});
