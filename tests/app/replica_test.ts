import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { logIdOf, loginLogIdOf, sessionIdOf } from "../../src/app/replica.ts";

Deno.test("sessionIdOf() returns the same short identifier for one log, and others for another broker or epoch", () => {
  const broker = { host: "broker", port: 1883 };
  const session = sessionIdOf(broker, "log", "epoch");
  assertEquals(sessionIdOf({ ...broker }, "log", "epoch"), session);
  assertNotEquals(sessionIdOf(broker, "log", "another installation"), session);
  assertNotEquals(sessionIdOf(broker, "another broker", "epoch"), session);
  assert(session.startsWith("e2e-gateway-") && session.length <= 23, "MQTT 3.1.1 allows 23 characters everywhere");
  assert(sessionIdOf({ ...broker, clientIdPrefix: "home" }, "log", "epoch").startsWith("home-"));
});

Deno.test("loginLogIdOf() differs by broker and user name, shows no password, and leaves no room to find another name", () => {
  const address = { host: "broker", port: 1883, username: "phone", password: "secret" };
  const id = loginLogIdOf(address, "e2eg:");
  assertEquals(loginLogIdOf({ ...address, password: "another" }, "e2eg:"), id);
  const others = [
    loginLogIdOf({ ...address, host: "other" }, "e2eg:"),
    loginLogIdOf({ ...address, port: 1884 }, "e2eg:"),
    loginLogIdOf({ ...address, username: "tablet" }, "e2eg:"),
    loginLogIdOf({ ...address, username: undefined }, "e2eg:"),
  ];
  assertEquals(new Set([id, ...others]).size, 5);
  assert(/^[0-9a-f]{32}$/.test(id), "128 bits, as key holders choose the names that it is of");
});

Deno.test("logIdOf() returns the same id for one broker, login and MQTT_CLIENT_ID, and others for another one of them", () => {
  const broker = { host: "broker", port: 1883, username: "gateway" };
  const others = [{ host: "other" }, { port: 8883 }, { username: "other" }, { clientIdPrefix: "other" }];
  const ids = [logIdOf(broker, "e2eg:"), ...others.map((other) => logIdOf({ ...broker, ...other }, "e2eg:"))];
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(logIdOf({ ...broker }, "e2eg:"), ids[0]);
  assertNotEquals(logIdOf(broker, "{e2eg}:"), ids[0]);
});
