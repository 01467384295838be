import { assertEquals } from "@std/assert";
import { after, initialFacts, type Occurrence, statusOf } from "../../../src/console/connection/status.ts";

const status = (occurrences: readonly Occurrence[], lastContact?: number) =>
  statusOf(occurrences.reduce(after, initialFacts(lastContact)));

const answered: Occurrence = { type: "answered", at: 5, latencyMs: 24 };

Deno.test("the status is connecting until something is known, then live with the latency", () => {
  assertEquals(status([]), { kind: "connecting" });
  assertEquals(status([answered]), { kind: "live", latencyMs: 24 });
  assertEquals(status([answered, { type: "answered", at: 6 }]), { kind: "live", latencyMs: 24 });
});

Deno.test("the status is offline since the last contact, also that of an earlier visit", () => {
  assertEquals(status([{ type: "unreachable" }]), { kind: "offline", since: undefined });
  assertEquals(status([{ type: "unreachable" }], 3), { kind: "offline", since: 3 });
  assertEquals(status([answered, { type: "heard", at: 9 }, { type: "unreachable" }], 3), { kind: "offline", since: 9 });
});

Deno.test("the status is catching up while a stream opens, and live once all are open", () => {
  const opening: readonly Occurrence[] = [
    answered,
    { type: "opening", stream: "mqtt" },
    { type: "opening", stream: "home_assistant" },
    { type: "opened", stream: "mqtt" },
  ];
  assertEquals(status(opening).kind, "catching_up");
  assertEquals(status([...opening, { type: "closed", stream: "home_assistant" }]).kind, "live");
});

Deno.test("a refused key shows whatever else happens, until the gateway accepts it again", () => {
  assertEquals(status([answered, { type: "refused" }, { type: "unreachable" }]).kind, "revoked");
  assertEquals(status([{ type: "refused" }, answered]).kind, "live");
});
