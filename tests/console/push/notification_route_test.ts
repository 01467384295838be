import { assertEquals } from "@std/assert";
import { actionRoute, alertRoute, askedAction, routeKid } from "../../../src/console/push/notification_route.ts";
import { parseRoute } from "../../../src/console/router.ts";

const KID = "78d1d06c864ded92";

Deno.test("routeKid() returns the key that the addresses of notifications name, and nothing of others", () => {
  for (const hash of [alertRoute(KID), actionRoute(KID, "open")]) assertEquals(routeKid(parseRoute(hash)), KID);
  for (const hash of ["", "#/home", "#/device", "#/home/alerts/1", "#/device/action/1"]) {
    assertEquals(routeKid(parseRoute(hash)), undefined);
  }
});

Deno.test("askedAction() returns the action of an address for its home alone", () => {
  for (const name of ["open-gate", "a/b c"]) {
    const route = parseRoute(actionRoute(KID, name));
    assertEquals([askedAction(route, KID), askedAction(route, "0000000000000000")], [name, undefined]);
  }
  for (const hash of ["#/home", `#/home/action/${KID}`, alertRoute(KID)]) {
    assertEquals(askedAction(parseRoute(hash), KID), undefined);
  }
});
