import { assert, assertEquals, assertRejects } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { Deadlines } from "../../../src/lib/deadlines.ts";
import { createHomeAssistantCheck } from "../../../src/services/home_assistant/health.ts";
import { startHomeAssistant } from "../../support/home_assistant_server.ts";

function makeCheck(answer: (signal: AbortSignal | null) => Response | Promise<Response>, timeoutMs = 10_000) {
  const clock = { ms: 0 };
  const requests: Request[] = [];
  const check = createHomeAssistantCheck({
    address: { place: "http://home", api: "http://home/api", webSocket: "", token: "secret" },
    timeoutMs,
    deadlines: new Deadlines(SYSTEM_CLOCK, 1),
    monotonic: () => clock.ms,
    fetch(input, init) {
      requests.push(new Request(input, init));
      return Promise.resolve(answer(init?.signal ?? null));
    },
  });
  return { check, clock, requests };
}

Deno.test("the check accepts a Home Assistant that accepts the token", async () => {
  await using server = startHomeAssistant();
  const client = Deno.createHttpClient({});
  const check = (token: string) =>
    createHomeAssistantCheck({
      address: { place: server.url, api: `${server.url}/api`, webSocket: "", token },
      timeoutMs: 10_000,
      deadlines: new Deadlines(SYSTEM_CLOCK, 1),
      monotonic: () => 0,
      fetch: (input, init) => fetch(input, { ...init, client }),
    });
  try {
    await check(server.token)();
    await assertRejects(check("wrong"), Error, "refuses the token");
  } finally {
    client.close();
  }
});

Deno.test("the check tries a refused token again only after 5 minutes, as Home Assistant bans addresses for failed logins", async () => {
  const { check, clock, requests } = makeCheck(() => new Response(null, { status: 401 }));
  for (let count = 0; count < 3; count++) await assertRejects(check, Error, "refuses the token");
  assertEquals(requests.length, 1);
  clock.ms = 300_000;
  await assertRejects(check, Error, "refuses the token");
  assertEquals(requests.length, 2);
});

Deno.test("the check fails on any other answer and on none, without the token", async () => {
  for (const status of [302, 403, 404, 500, 502]) {
    const { check } = makeCheck(() => new Response(null, { status }));
    await assertRejects(check, Error, `http://home answered with status ${status}`);
  }
  const { check } = makeCheck(() =>
    Promise.reject(new TypeError("secret", { cause: new Error("connection refused") }))
  );
  const error = await assertRejects(check, Error, "refuses connections");
  assert(!error.message.includes("secret"));
});

Deno.test("the check fails when Home Assistant does not answer in time", async () => {
  const hanging = (signal: AbortSignal | null) =>
    new Promise<Response>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const { check } = makeCheck(hanging, 10);
  await assertRejects(check, Error, "does not answer");
});
