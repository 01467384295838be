import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { REFUSALS } from "../../src/doctor/checks/refusals.ts";
import type { Machine } from "../../src/doctor/context.ts";
import type { RefusalCount } from "../../src/observability/recent_refusals.ts";
import { answering, fetchFailure, makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";

const runCheck = (fetch: Machine["fetch"], env = {}) =>
  REFUSALS.run(makeContext({ machine: { fetch }, env }), NEVER_ABORTED);
const runWithAnswer = (refusals: readonly unknown[]) =>
  runCheck(answering(200, JSON.stringify({ minutes: 10, refusals })));
const runWith = (...refusals: RefusalCount[]) => runWithAnswer(refusals);

const UNKNOWN: RefusalCount = {
  cause: "unknown_key",
  requests: 14,
  addresses: [{ address: "203.0.113.7", requests: 9 }, { address: "198.51.100.2", requests: 5 }],
};

Deno.test("refusals is ok when nothing was refused", async () => {
  assertEquals(await runWith(), { status: "ok", message: "No refused request in the last 10 minutes" });
});

Deno.test("refusals calls the metrics port", async () => {
  const asked: string[] = [];
  const fetch: Machine["fetch"] = (input) => {
    asked.push(String(input));
    return Promise.resolve(Response.json({ minutes: 10, refusals: [] }));
  };
  await runCheck(fetch, { METRICS_PORT: "4711" });
  assertEquals(asked, ["http://127.0.0.1:4711/refusals"]);
});

Deno.test("refusals reports each cause on a line, with a remedy for each", async () => {
  const { status, message, remedy = "" } = await runWith(
    UNKNOWN,
    { cause: "old_secret", requests: 6, key: "annas-phone" },
    { cause: "clock", requests: 3, key: "bobs-phone", "clock_offset_seconds": -95 },
  );
  assertEquals(status, "warning");
  assertEquals(message.split("\n"), [
    "14 requests in the last 10 minutes with an unknown key, from 203.0.113.7 (9), 198.51.100.2 (5)",
    "6 with an old secret of annas-phone",
    "3 with a clock 95 s off (behind), of bobs-phone",
  ]);
  const remedies = remedy.split("\n");
  assertEquals(remedies.length, 4);
  for (const text of ["keys show NAME", "keys show annas-phone", "timedatectl", "Anyone can name a key"]) {
    assertEquals(remedies.filter((line) => line.includes(text)).length, 1, text);
  }
});

Deno.test("refusals has a sentence and a command for every cause", async () => {
  const sentences: readonly (readonly [RefusalCount, string, string])[] = [
    [{ cause: "removed", requests: 1, key: "old-tablet" }, "with the removed key old-tablet", "keys add old-tablet"],
    [{ cause: "disabled", requests: 1, key: "guest" }, "with the disabled key guest", "keys enable guest"],
    [{ cause: "expired", requests: 1, key: "guest" }, "with the expired key guest", "keys set guest --expires"],
    [{ cause: "old_version", requests: 1, key: "x" }, "with the key x in version 1", "keys set x --min-protocol 1"],
    [
      { cause: "in_force", requests: 1, key: "x" },
      "naming the key x, but sealed with another one or altered",
      "public_url",
    ],
    [{ cause: "rights", requests: 1, key: "x" }, "of x without the right to them", "keys set NAME"],
    [{ cause: "key_rate", requests: 1, key: "x" }, "of x above its rate limit", "keys set x --rate N --burst N"],
    // The default key is not in the file that these commands edit.
    [{ cause: "removed", requests: 1, key: "default" }, "with the removed key default", "keys add NAME"],
    [{ cause: "key_rate", requests: 1, key: "default" }, "of default above its rate limit", "KEY_RATE"],
    [{ cause: "key_rate", requests: 1, key: "pair:x" }, "of pair:x above its rate limit", "KEY_RATE"],
    [
      { cause: "clock", requests: 1, key: "pair:x", clock_offset_seconds: 95 },
      "with a clock 95 s off (ahead), of pair:x",
      "timedatectl",
    ],
    [
      { cause: "address_rate", requests: 30, addresses: [{ address: "2001:db8::/64", requests: 20 }] },
      "above the rate limit of an address, from 2001:db8::/64 (20) and others",
      "after a minute",
    ],
    [
      { cause: "cross_site", requests: 1, addresses: [{ address: "192.0.2.1", requests: 1 }] },
      "from a web page of another site, from 192.0.2.1 (1)",
      "ALLOWED_ORIGINS",
    ],
  ];
  for (const [refusal, message, remedy] of sentences) {
    const found = await runWith(refusal);
    const noun = refusal.requests === 1 ? "1 request" : `${refusal.requests} requests`;
    assertEquals(found.status, "warning");
    assertStringIncludes(found.message, `${noun} in the last 10 minutes ${message}`);
    assertStringIncludes(found.remedy ?? "", remedy);
  }
});

Deno.test("refusals formats a clock offset in a suitable unit, with its direction", async () => {
  for (
    const [offset, text] of [
      [61, "61 s off (ahead)"],
      [-3600, "60 min off (behind)"],
      [7200, "2 h off (ahead)"],
      [-365 * 86_400, "365 d off (behind)"],
    ] as const
  ) {
    const { message } = await runWith({ cause: "clock", requests: 1, key: "k", "clock_offset_seconds": offset });
    assertStringIncludes(message, `with a clock ${text}`);
  }
});

Deno.test("refusals mentions a replayed request only for a clock that is behind", async () => {
  for (const [offset, isSaid] of [[-95, true], [95, false]] as const) {
    const { remedy = "" } = await runWith({ cause: "clock", requests: 1, key: "k", "clock_offset_seconds": offset });
    assertEquals(remedy.includes("an old request of k is replayed"), isSaid);
  }
});

Deno.test("refusals is skipped without an answer, and never fails", async () => {
  const unreachable = fetchFailure("tcp connect error: Connection refused (os error 111)");
  const cases = [
    [await runCheck(unreachable, { METRICS_PORT: "off" }), "METRICS_PORT is off"],
    [await runCheck(unreachable, { METRICS_PORT: "0" }), "METRICS_PORT is 0"],
    [await runCheck(unreachable), "No gateway answers on port 9464"],
    // A gateway of a version before this check.
    [await runCheck(answering(404, '{"error":"Not found"}')), "No gateway of this version answers on port 9464"],
    [await runCheck(answering(200, "<html>")), "No gateway of this version answers"],
  ] as const;
  for (const [{ status, message }, text] of cases) {
    assertEquals(status, "skipped");
    assertStringIncludes(message, text);
  }
});

Deno.test("refusals shows no text of another program on the port", async () => {
  const secret = "\u001b[2Jsecret";
  const wrong = [
    { ...UNKNOWN, cause: secret },
    { cause: "old_secret", requests: 1, key: secret },
    { cause: "old_secret", requests: -1, key: "k" },
    { cause: "old_secret", requests: 1 },
    { cause: "clock", requests: 1, key: "k", "clock_offset_seconds": secret },
  ];
  for (const refusal of wrong) assertEquals((await runWithAnswer([refusal])).status, "skipped");
  const { message } = await runWithAnswer([{ ...UNKNOWN, addresses: [{ address: secret, requests: 14 }] }]);
  assert(!message.includes("secret"));
  assertStringIncludes(message, "from elsewhere (14)");
});
