import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Attempt, nextStep, parseRetryAfter, type PushAnswer } from "../../src/push/delivery.ts";

const NOW = Date.parse("2027-01-31T12:00:00Z");
const HOUR_MS = 3_600_000;

function step(answer: PushAnswer | number | undefined, attempt: Partial<Attempt> = {}, random = 0) {
  const full = typeof answer === "number" ? { status: answer, retryAfter: null } : answer;
  const context = { now: NOW, random: () => random };
  return nextStep({ count: 1, expires: NOW + 24 * HOUR_MS, isShortened: false, ...attempt, answer: full }, context);
}

const later = (retryAfter: string, status = 429) => step({ status, retryAfter });

Deno.test("nextStep() ends with answers that say what became of the message", () => {
  for (const status of [200, 201, 202, 204]) assertEquals(step(status), { type: "sent" });
  for (const status of [404, 410]) assertEquals(step(status), { type: "gone" });
  for (const status of [401, 403]) assertEquals(step(status), { type: "dropped", reason: "unauthorized" });
  for (const status of [301, 302, 307, 308, 400, 405, 415, 451]) {
    assertEquals(step(status), { type: "dropped", reason: "refused" }, String(status));
  }
});

Deno.test("nextStep() shortens a message that is too large, once", () => {
  assertEquals(step(413), { type: "shorten" });
  assertEquals(step(413, { isShortened: true }), { type: "dropped", reason: "too_large" });
});

Deno.test("nextStep() waits twice as long after each attempt, for at most 15 minutes", () => {
  for (const answer of [undefined, 408, 429, 500, 502, 503, 504]) {
    const waits = [1, 2, 3, 8, 9, 50, 5000].map((count) => {
      const next = step(answer, { count });
      return next.type === "retry" ? next.at - NOW : NaN;
    });
    assertEquals(waits, [2500, 5000, 10_000, 320_000, 450_000, 450_000, 450_000]);
  }
  assertEquals(step(503, {}, 0.5), { type: "retry", at: NOW + 3750 });
});

Deno.test("nextStep() waits as long as the service asks for, in seconds or until a date, for at most an hour", () => {
  assertEquals(later("120"), { type: "retry", at: NOW + 120_250 });
  assertEquals(later("Sun, 31 Jan 2027 12:10:00 GMT", 503), { type: "retry", at: NOW + 600_250 });
  assertEquals(later("9999999999"), { type: "retry", at: NOW + HOUR_MS + 250 });
  for (const past of ["0", "Sun, 31 Jan 2027 11:00:00 GMT", "soon"]) {
    assertEquals(later(past), { type: "retry", at: NOW + 2500 }, past);
  }
});

Deno.test("nextStep() gives up a message whose lifetime would end before the next attempt", () => {
  const expired = { type: "dropped", reason: "expired" } as const;
  assertEquals(step(503, { expires: NOW + 2500 }), expired);
  assertEquals(step(503, { expires: NOW + 2501 }), { type: "retry", at: NOW + 2500 });
  assertEquals(step(undefined, { expires: NOW }), expired);
  assertEquals(step({ status: 429, retryAfter: "60" }, { expires: NOW + 60_000 }), expired);
});

Deno.test("parseRetryAfter() reads seconds and dates of HTTP, and nothing else", () => {
  assertEquals([" 5 ", "0", "3600", "3601"].map((text) => parseRetryAfter(text, NOW)), [5000, 0, HOUR_MS, HOUR_MS]);
  for (const wrong of [null, "", "-1", "1.5", "1e3", "12:00", "2027-01-31", "Sun, 99 Foo 2027 12:10:00 GMT"]) {
    assertEquals(parseRetryAfter(wrong, NOW), undefined, String(wrong));
  }
});

Deno.test("nextStep() retries in the future, before the end, and within 66 minutes, whatever the answer is", () => {
  const answers = fc.option(
    fc.record({
      status: fc.integer({ min: 100, max: 599 }),
      retryAfter: fc.option(fc.oneof(fc.string(), fc.nat().map(String))),
    }),
    { nil: undefined },
  );
  const attempts = fc.record({
    count: fc.integer({ min: 1, max: 10_000 }),
    expires: fc.integer({ min: NOW - HOUR_MS, max: NOW + 30 * HOUR_MS }),
    isShortened: fc.boolean(),
  });
  fc.assert(
    fc.property(answers, attempts, fc.double({ min: 0, max: 0.999, noNaN: true }), (answer, attempt, random) => {
      const next = step(answer, attempt, random);
      if (next.type !== "retry") return;
      assert(next.at > NOW && next.at < attempt.expires && next.at - NOW <= 66 * 60_000, JSON.stringify(next));
    }),
  );
});
