import { assert, assertEquals } from "@std/assert";
import { BrokerError, BrokerLoginError } from "../../src/mqtt/broker.ts";
import { connectionError, errorCode, timeoutError } from "../../src/mqtt/errors.ts";

function withCode(code: unknown, message = "details"): Error {
  return Object.assign(new Error(message), { code });
}

Deno.test("connectionError() explains codes of MQTT 3.1.1 and 5", () => {
  const explained = (code: unknown) => connectionError(withCode(code), "broker:1883").message;
  assertEquals(explained(1), "Broker broker:1883 speaks neither MQTT 5 nor 3.1.1 (code 1)");
  assertEquals(explained(132), "Broker broker:1883 speaks neither MQTT 5 nor 3.1.1 (code 132)");
  for (const code of [4, 5, 134, 135]) {
    assertEquals(explained(code), `Broker broker:1883 refused the user name or password (code ${code})`);
  }
  for (const code of [4, 5, 134, 135, 138]) {
    assert(connectionError(withCode(code), "broker:1883") instanceof BrokerLoginError);
  }
  assert(!(connectionError(withCode(136), "broker:1883") instanceof BrokerLoginError));
  for (const code of [3, 136]) assertEquals(explained(code), `Broker broker:1883 is not available (code ${code})`);
  assertEquals(explained("ECONNRESET"), "Broker broker:1883 broke the connection (code ECONNRESET)");
  assertEquals(explained("ENOTFOUND"), "Broker broker:1883 not found: no such host name (code ENOTFOUND)");
});

Deno.test("connectionError() includes unknown errors, but not those of the sandbox", () => {
  const error = connectionError(withCode(131, "Connection refused: odd"), "broker:1883");
  assertEquals([error instanceof BrokerError, error.message], [
    true,
    "Broker broker:1883 failed: Connection refused: odd",
  ]);
  assertEquals(connectionError("odd", "broker:1883").message, "Broker broker:1883 failed: odd");
  const denied = Object.assign(new Error('Requires net access to "broker:1883"'), { name: "NotCapable" });
  assertEquals(
    connectionError(denied, "broker:1883").message,
    "Broker broker:1883 is outside of what the sandbox allows",
  );
});

Deno.test("timeoutError() names the missing response, and the time in seconds", () => {
  const address = { host: "broker", port: 1883, username: "joe", password: "secret" };
  const error = timeoutError(address, "answer", 1500);
  assertEquals([error instanceof BrokerError, error.message], [
    true,
    "Broker broker:1883 did not answer within 1.5 s",
  ]);
});

Deno.test("errorCode() returns the code of an error, and of nothing else", () => {
  assertEquals([withCode(132), withCode("ENOTFOUND")].map(errorCode), [132, "ENOTFOUND"]);
  assertEquals([new Error("none"), withCode({}), { code: 1 }, undefined].map(errorCode), Array(4).fill(undefined));
});

Deno.test("connectionError() has a remedy for names of multicast DNS, and for no others", () => {
  const notFound = (host: string) =>
    connectionError(Object.assign(new Error("x"), { code: "ENOTFOUND" }), `${host}:1883`);
  assertEquals(
    notFound("jeedom.local").message,
    "Broker jeedom.local:1883 not found: no such host name. jeedom.local needs mDNS, which containers and this " +
      "resolver lack: use the IP address (code ENOTFOUND)",
  );
  for (const host of ["jeedom.lan", "local", "local.example", "x.locals"]) {
    assertEquals(notFound(host).message.includes("mDNS"), false, host);
  }
  const refused = connectionError(Object.assign(new Error("x"), { code: "ECONNREFUSED" }), "jeedom.local:1883");
  assertEquals(refused.message.includes("mDNS"), false);
});
