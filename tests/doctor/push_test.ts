import { assertEquals } from "@std/assert";
import { PUSH } from "../../src/doctor/checks/push.ts";
import type { PushStatus } from "../../src/push/push_status.ts";
import { makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";

const PHONE = { key: "phone", id: "0123456789abcdef", host: "fcm.googleapis.com" };
const STATUS: PushStatus = { enabled: true, queue: 0, oldestSeconds: 0, devices: [PHONE] };
const NAMED = { PUBLIC_URL: "https://home.example" };

/** Runs the check beside a gateway with a state; push services answer, unless they are down. */
async function check(status: unknown, { env = NAMED, isDown = false }: {
  readonly env?: Readonly<Record<string, string>>;
  readonly isDown?: boolean;
} = {}) {
  const asked: string[] = [];
  const fetch = (input: string | URL | Request) => {
    const url = String(input instanceof Request ? input.url : input);
    asked.push(url);
    if (url.startsWith("http://127.0.0.1:9464/")) return Promise.resolve(Response.json(status));
    return isDown ? Promise.reject(new TypeError("fetch failed")) : Promise.resolve(new Response("", { status: 404 }));
  };
  const finding = await PUSH.run(makeContext({ env, machine: { fetch } }), NEVER_ABORTED);
  return { ...finding, asked };
}

Deno.test("push asks the push services of the subscribed devices, and no others", async () => {
  const { status, message, asked } = await check({
    ...STATUS,
    devices: [PHONE, { ...PHONE, key: "tablet", lastSuccess: "2026-11-30T10:00:00.000Z" }],
  });
  assertEquals([status, asked], ["ok", ["http://127.0.0.1:9464/push", "https://fcm.googleapis.com/"]]);
  assertEquals(message.split("\n"), [
    "0 push messages wait",
    "phone (0123456789abcdef) at fcm.googleapis.com: last success never",
    "tablet (0123456789abcdef) at fcm.googleapis.com: last success 2026-11-30T10:00:00.000Z",
    "A test, with the key of a device: deno task push test ID",
    "fcm.googleapis.com answers",
  ]);
});

Deno.test("push fails for a push service that cannot be reached, and warns of a queue that is stuck", async () => {
  const down = await check(STATUS, { isDown: true });
  assertEquals([down.status, down.message.startsWith("The push service fcm.googleapis.com cannot be reached: ")], [
    "failed",
    true,
  ]);
  const stuck = await check({ ...STATUS, queue: 3, oldestSeconds: 600 });
  assertEquals([stuck.status, stuck.message.includes("The oldest waits for 10 minutes")], ["warning", true]);
  const nameless = await check(STATUS, { env: {} });
  assertEquals([nameless.status, nameless.remedy], ["warning", "Set PUSH_SUBJECT or PUBLIC_URL"]);
});

Deno.test("push connects to no push service without a device, and is skipped where it cannot know", async () => {
  const none = await check({ ...STATUS, devices: [] }, { isDown: true });
  assertEquals([none.status, none.asked.length], ["ok", 1]);
  assertEquals((await check({ ...STATUS, enabled: false })).status, "failed");
  assertEquals((await check(STATUS, { env: { PUSH: "off" } })).asked, []);
  const strange = [null, {}, { ...STATUS, devices: [{ ...PHONE, host: "a\u001b[2J" }] }];
  for (const answer of strange) assertEquals((await check(answer)).status, "skipped");
});
