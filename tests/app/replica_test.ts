import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { logIdOf, sessionIdOf } from "../../src/app/replica.ts";

Deno.test("sessionIdOf() returns the same short identifier for one log, and others for another broker or epoch", () => {
  const broker = { host: "broker", port: 1883 };
  const session = sessionIdOf(broker, "log", "epoch");
  assertEquals(sessionIdOf({ ...broker }, "log", "epoch"), session);
  assertNotEquals(sessionIdOf(broker, "log", "another installation"), session);
  assertNotEquals(sessionIdOf(broker, "another broker", "epoch"), session);
  assert(session.startsWith("e2e-gateway-") && session.length <= 23, "MQTT 3.1.1 allows 23 characters everywhere");
  assert(sessionIdOf({ ...broker, clientIdPrefix: "home" }, "log", "epoch").startsWith("home-"));
});

Deno.test("logIdOf() returns the same id for one broker, login and MQTT_CLIENT_ID, and others for another one of them", () => {
  const broker = { host: "broker", port: 1883, username: "gateway" };
  const others = [{ host: "other" }, { port: 8883 }, { username: "other" }, { clientIdPrefix: "other" }];
  const ids = [logIdOf(broker, "e2eg:"), ...others.map((other) => logIdOf({ ...broker, ...other }, "e2eg:"))];
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(logIdOf({ ...broker }, "e2eg:"), ids[0]);
  assertNotEquals(logIdOf(broker, "{e2eg}:"), ids[0]);
});
