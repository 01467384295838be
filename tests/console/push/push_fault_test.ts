import { assertEquals, assertThrows } from "@std/assert";
import { FailedError } from "../../../src/client/gateway_client.ts";
import { pushFault } from "../../../src/console/push/push_fault.ts";
import { RegistrationError } from "../../../src/console/push/registration.ts";

Deno.test("pushFault() tells faults of the browser, of this page and of the gateway apart, and throws all others", () => {
  const gatewayError = (gatewayCode?: string) => new FailedError("Why", { gatewayCode });
  assertEquals(
    [
      new RegistrationError("other_gateway"),
      new DOMException("", "NotAllowedError"),
      new DOMException("", "AbortError"),
      new DOMException("", "TimeoutError"),
      gatewayError(),
      gatewayError("unknown_service"),
      gatewayError("limit_reached"),
    ].map((error) => pushFault(error).kind),
    ["other_gateway", "denied", "browser", "busy", "unavailable", "too_old", "gateway"],
  );
  assertThrows(() => pushFault(new TypeError("A fault of the page")), TypeError);
});
