import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parsePairingRequest } from "../../src/gateway/pairing_service.ts";
import { isKeyLabel } from "../../src/keys/schema.ts";
import { FieldError } from "../../src/protocol/payload.ts";

Deno.test("parsePairingRequest() returns the fields of a valid request, or names the wrong one, for every payload", () => {
  const value = fc.oneof(
    fc.string({ maxLength: 80, unit: "binary" }),
    fc.jsonValue(),
    fc.constantFrom(undefined, null, "", " ", "Phone", "a\u2028b", "\ud800", "x".repeat(64), "x".repeat(65)),
  );
  fc.assert(
    fc.property(fc.record({ public: value, label: value, timestamp: value }, { requiredKeys: [] }), (payload) => {
      const { public: point, label } = payload;
      const isPoint = typeof point === "string" && point !== "";
      const isLabel = label === undefined || label === null || (typeof label === "string" && isKeyLabel(label));
      if (isPoint && isLabel) {
        const request = parsePairingRequest(payload);
        assertEquals([request.public, request.label], [point, label ?? undefined]);
        return;
      }
      const wrong = isPoint ? "label" : isLabel ? "public" : "(public|label)";
      const { message } = assertThrows(() => parsePairingRequest(payload), FieldError);
      assertEquals(new RegExp(`^(Missing required|Invalid) field: ${wrong}\\b`).test(message), true, message);
    }),
    { numRuns: 1000 },
  );
});
