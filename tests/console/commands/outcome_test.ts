/** Outcome of a command. */
import { assertEquals } from "@std/assert";
import {
  ExpiredError,
  FailedError,
  RateLimitError,
  RefusedError,
  RequestTimeoutError,
  ScopeError,
  TamperedError,
  UnavailableError,
  UnreachableError,
  WrongKeyError,
} from "@e2e-gateway/client";
import { outcomeOf } from "../../../src/console/commands/outcome.ts";

Deno.test("outcomeOf() says that it is not known where the action may have run, and never that it failed", () => {
  const outcome = (error: unknown, { isOnline = true, usesLeft }: { isOnline?: boolean; usesLeft?: number } = {}) => {
    const run = outcomeOf(error, { isOnline, usesLeft });
    return run.kind === "failed" ? run.reason : run.kind;
  };
  const mayHaveRun = [
    new UnreachableError("x"),
    new RequestTimeoutError("x"),
    new TamperedError("x"),
    new UnavailableError("x", { status: 502 }),
    new RefusedError("x", { status: 404 }),
    new FailedError("x", { gatewayCode: "service_timeout" }),
    new FailedError("x", { gatewayCode: "service_unreachable" }),
    new Error("x"),
  ];
  assertEquals(mayHaveRun.map((error) => outcome(error)), mayHaveRun.map(() => "unknown"));
  assertEquals(outcome(new UnreachableError("x"), { isOnline: false }), "offline");
  assertEquals(outcome(new FailedError("x", { gatewayCode: "service_answer" })), "service");
  assertEquals(outcome(new RateLimitError("x", { gatewayCode: "busy" })), "busy");
  assertEquals(outcome(new RateLimitError("x")), "too_many");
  assertEquals(outcome(new ScopeError("x")), "not_allowed");
  assertEquals(outcome(new ScopeError("x"), { usesLeft: 0 }), "used_up");
  assertEquals(outcome(new WrongKeyError("x")), "key");
  assertEquals(outcome(new ExpiredError("x")), "refused");
  assertEquals(outcome(new RefusedError("x", { isSealed: true })), "refused");
});
