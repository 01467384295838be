import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatTable, summarize } from "../../src/conformance/report.ts";
import { runChecks, type RunOptions, SUBJECTS } from "../../src/conformance/run_checks.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { parseRequest, sealAnswer } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";

const secret = randomBytes(32);

/** Waits that the fake gateways ask for, in milliseconds. */
const WAITS: readonly number[] = [7_000, 60_000];

/** Options of a run in which these waits take no time, and no deadline passes. */
function options(fetch: typeof globalThis.fetch, given: Partial<RunOptions> = {}): RunOptions {
  return {
    url: "http://gateway",
    secret,
    topic: "t",
    fetch,
    clock: {
      now: () => 1_700_000_000_000,
      after(ms, run) {
        if (WAITS.includes(ms)) queueMicrotask(run);
        return () => {};
      },
    },
    random: randomBytes,
    subjects: SUBJECTS,
    versions: [1, 2],
    slow: true,
    ...given,
  };
}

const only = (name: string) =>
  SUBJECTS.map((subject) => ({ ...subject, checks: subject.checks.filter((check) => check.name === name) }));

/** Answers each request of version 1 with the same answer, sealed. */
const always = (answer: unknown): typeof fetch => async (_input, init) => {
  const envelope = parseRequest(String(init?.body));
  const key = await importSecretKey(secret);
  if (envelope.version === 2) return new Response("", { status: 401 });
  return new Response(await sealAnswer({ version: 1, key }, JSON.stringify(answer), randomBytes));
};

Deno.test("runChecks() passes no check at a gateway with meaningless answers", async () => {
  for (const status of [200, 400, 500]) {
    const results = await runChecks(options(() => Promise.resolve(new Response("sense", { status }))));
    assertEquals(results.filter(({ result }) => result !== "failed"), [], String(status));
  }
  const unreachable = await runChecks(options(() => Promise.reject(new TypeError("Connection refused"))));
  assertEquals(unreachable.filter(({ result }) => result !== "failed"), []);
  assertEquals(new Set(unreachable.map(({ seen }) => seen)), new Set(["Connection refused"]));
});

Deno.test("runChecks() skips, and does not pass, what needs a broker, Jeedom or a right that is missing", async () => {
  for (
    const [name, status, error] of [
      ["as a service of the other route", 500, "MQTT error: Connection refused"],
      ["as a service of the other route", 403, "This key may not publish to t"],
      ["as a service of the other route", 403, "Broker not allowed: b:1"],
      ["a call passes, service named", 502, "Jeedom cannot be reached"],
      ["a call passes, service named", 504, "Jeedom did not answer within 30 s"],
      ["a wrong field of a call is named", 403, "This key may not use the service jeedom"],
    ] as const
  ) {
    const fetch = always({ status, body: JSON.stringify({ error }), timestamp: 1 });
    const results = await runChecks(options(fetch, { subjects: only(name), versions: [1] }));
    assertEquals(results.map(({ result }) => result), ["skipped"]);
    assertStringIncludes(results[0]?.seen ?? "", error);
  }
});

Deno.test("runChecks() waits as long as the gateway asks, and fails at one that always asks", async () => {
  let requests = 0;
  const waits: number[] = [];
  const { clock, ...rest } = options((_input, init) => {
    requests += 1;
    if (requests % 3 !== 0) {
      return Promise.resolve(new Response("{}", { status: 429, headers: { "Retry-After": "7" } }));
    }
    return always({ status: 403, body: '{"error":"no"}', timestamp: 1 })("", init);
  }, { subjects: only("version of an answer"), versions: [1] });
  const watched = {
    ...clock,
    after(ms: number, run: () => void) {
      waits.push(ms);
      return clock.after(ms, run);
    },
  };
  assertEquals((await runChecks({ ...rest, clock: watched })).map(({ result }) => result), ["passed"]);
  assertEquals(waits.filter((ms) => ms === 7000).length, requests * 2 / 3);

  const busy: typeof fetch = () =>
    Promise.resolve(new Response("{}", { status: 429, headers: { "Retry-After": "60" } }));
  const [result] = await runChecks(options(busy, { subjects: only("unknown path") }));
  assertEquals([result?.result, result?.seen], ["failed", "HTTP 429 for 120 s, although each Retry-After was kept"]);
});

Deno.test("formatTable() shows the rule and the observation of a failed check, on one line each, and totals", async () => {
  const results = await runChecks(options(() => Promise.resolve(new Response("a\n\u001b[2Jb")), {
    subjects: only("health has status and version, and nothing else"),
  }));
  assertEquals(summarize(results), { passed: 0, failed: 1, skipped: 0 });
  const lines = formatTable(results).split("\n");
  assertEquals(lines[0], "#  V  RESULT  CHECK");
  assertEquals(lines[1], "1  -  FAILED  Transport: health has status and version, and nothing else");
  assertEquals(lines[2]?.trim().startsWith("rule: `GET /health`"), true);
  assertEquals(lines[3], "              seen: Body is not a JSON object: a [2Jb");
  assertEquals(lines.at(-1), "0 passed, 1 failed, 0 skipped");
});

Deno.test("docs/conformance.md lists each check with its rule, and no other", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/conformance.md", import.meta.url));
  const [, listed = ""] = /^## What is checked$(.*?)^## /ms.exec(text) ?? [];
  const rows = listed.split("\n").filter((line) => /^(### |\| (?!Check |---))/.test(line));
  const expected = SUBJECTS.flatMap(({ name: subject, checks }) => [
    `### ${subject}`,
    ...checks.map(({ name, versions, needs, isSlow, rule }) => {
      const cells = [name, versions.join(", ") || "–", [needs, isSlow && "`--slow`"].filter(Boolean).join(" "), rule];
      return `|${cells.map((cell) => cell === "" ? " " : ` ${cell} `).join("|")}|`;
    }),
  ]);
  assertEquals(rows, expected);
});

Deno.test("each check has a unique name", () => {
  const names = SUBJECTS.flatMap(({ checks }) => checks.map(({ name }) => name));
  assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
});
