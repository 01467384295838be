import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { sessionIdOf } from "../../src/app/replica.ts";

Deno.test("sessionIdOf() returns the same short identifier for one log, and others for another broker or epoch", () => {
  const broker = { host: "broker", port: 1883 };
  const session = sessionIdOf(broker, "log", "epoch");
  assertEquals(sessionIdOf({ ...broker }, "log", "epoch"), session);
  assertNotEquals(sessionIdOf(broker, "log", "another installation"), session);
  assertNotEquals(sessionIdOf(broker, "another broker", "epoch"), session);
  assert(session.startsWith("e2e-gateway-") && session.length <= 23, "MQTT 3.1.1 allows 23 characters everywhere");
  assert(sessionIdOf({ ...broker, clientIdPrefix: "home" }, "log", "epoch").startsWith("home-"));
});
