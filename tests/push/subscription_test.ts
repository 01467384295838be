import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import fc from "fast-check";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { FieldError } from "../../src/protocol/payload.ts";
import { generatePushReceiver } from "../../src/protocol/push/message_encryption.ts";
import { BROWSER_PUSH_HOSTS } from "../../src/push/endpoint.ts";
import { parseSubscription } from "../../src/push/subscription.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };

const { publicPoint: p256dh, auth } = await generatePushReceiver(randomBytes);
const endpoint = "https://fcm.googleapis.com/fcm/send/abc";
const VALID = { endpoint, keys: { p256dh, auth }, kind: "web" };

const parse = (value: unknown) => parseSubscription(value, { allowed: BROWSER_PUSH_HOSTS });

Deno.test("parseSubscription() reads what a browser writes, with a label", async () => {
  const value = { ...VALID, label: "Anna's phone", expirationTime: null };
  const expected = { endpoint: new URL(endpoint), keys: { p256dh, auth }, kind: "web" as const };
  assertEquals(await parse(value), { ...expected, label: "Anna's phone" });
  assertEquals(await parse({ ...VALID, label: null }), expected);
  assertEquals((await parse({ ...VALID, kind: "unifiedpush" })).kind, "unifiedpush");
});

Deno.test("parseSubscription() names the field that is missing or wrong", async () => {
  const cases: readonly (readonly [value: unknown, message: string])[] = [
    [undefined, "Missing required field: subscribe"],
    ["x", "Invalid field: subscribe: must be an object"],
    [{ ...VALID, endpoint: undefined }, "Missing required field: subscribe.endpoint"],
    [{ ...VALID, endpoint: 1 }, "Invalid field: subscribe.endpoint: must be a text"],
    [{ ...VALID, endpoint: "https://127.0.0.1/" }, "Invalid field: subscribe.endpoint: must be of a push service"],
    [{ ...VALID, keys: undefined }, "Missing required field: subscribe.keys"],
    [{ ...VALID, keys: { auth } }, "Missing required field: subscribe.keys.p256dh"],
    [{ ...VALID, keys: { p256dh: `${p256dh}=`, auth } }, "Invalid field: subscribe.keys.p256dh: must be base64url"],
    [{ ...VALID, keys: { p256dh, auth: `${auth}==` } }, "Invalid field: subscribe.keys.auth: must be base64url"],
    [{ ...VALID, keys: { p256dh, auth: auth.slice(2) } }, "Invalid field: subscribe.keys.auth: must be base64url"],
    [{ ...VALID, keys: { p256dh, auth: "A".repeat(1e6) } }, "Invalid field: subscribe.keys.auth"],
    [{ ...VALID, kind: "fcm" }, "Invalid field: subscribe.kind: must be web or unifiedpush"],
    [{ ...VALID, label: "" }, "Invalid field: subscribe.label: must be text of 1 to 64"],
    [{ ...VALID, label: "a\u202eb" }, "Invalid field: subscribe.label"],
    [{ ...VALID, label: "a".repeat(65) }, "Invalid field: subscribe.label"],
  ];
  for (const [value, message] of cases) await assertRejects(() => parse(value), FieldError, message, message);
});

Deno.test("parseSubscription() refuses every point that is not valid, without quoting it", async () => {
  for (const { name, public: point } of vectors.v2.refused.points) {
    const { message } = await assertRejects(() => parse({ ...VALID, keys: { p256dh: point, auth } }), FieldError);
    assert(message.startsWith("Invalid field: subscribe.keys.p256dh: "), `${name}: ${message}`);
    assertFalse(point.length > 8 && message.includes(point), message);
  }
});

Deno.test("parseSubscription() reads a valid subscription or throws a FieldError, whatever it gets", async () => {
  const any = fc.oneof(fc.anything({ withNullPrototype: true }), fc.string(), fc.constant(undefined));
  const damaged = fc.record({
    endpoint: fc.oneof(fc.constantFrom(endpoint, `${endpoint}#`, "https://10.0.0.1/"), any),
    keys: fc.oneof(
      fc.record({ p256dh: fc.oneof(fc.constant(p256dh), any), auth: fc.oneof(fc.constant(auth), any) }),
      any,
    ),
    kind: fc.oneof(fc.constant("web"), any),
    label: any,
  }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged, any), async (value) => {
      try {
        const { endpoint: url, keys } = await parse(value);
        assertEquals([url.href, keys], [endpoint, { p256dh, auth }]);
      } catch (error) {
        assert(error instanceof FieldError, String(error));
      }
    }),
    { numRuns: 200 },
  );
});
