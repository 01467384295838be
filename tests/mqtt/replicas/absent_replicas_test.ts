import { assertEquals } from "@std/assert";
import { AbsentReplicas } from "../../../src/mqtt/replicas/absent_replicas.ts";

Deno.test("look() finds a replica without renewals, after several looks", () => {
  const replicas = new AbsentReplicas();
  const found = Array.from({ length: 6 }, (_, look) => replicas.look(new Map([["alive", look], ["gone", 7]])));
  assertEquals(found, [[], [], [], [], ["gone"], ["gone"]]);
});

Deno.test("look() counts anew for a replica that was renewed, or registered again", () => {
  const replicas = new AbsentReplicas();
  const renewals = [1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1];
  assertEquals(renewals.map((count) => replicas.look(new Map([["late", count]]))), renewals.map(() => []));
  assertEquals(replicas.look(new Map()), []);
  assertEquals(replicas.look(new Map([["late", 1]])), []);
});
