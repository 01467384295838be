import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { decryptPush, generatePushReceiver } from "../../src/protocol/push/message_encryption.ts";
import { makePushRequest, topicHeader } from "../../src/push/push_request.ts";

const NOW = Date.parse("2027-01-31T12:00:00Z");

const receiver = await generatePushReceiver(randomBytes);
const { auth, publicPoint: p256dh } = receiver;
const keys = { p256dh, auth };
const options = { authorization: "vapid t=a.b.c, k=d", now: NOW, randomBytes };

Deno.test("makePushRequest() makes the headers of RFC 8030, and a body that the device decrypts", async () => {
  const message = { text: "Doorbell", urgency: "high", expires: NOW + 59_001 } as const;
  const { headers, body } = await makePushRequest(message, { keys }, options);
  assertEquals(headers, {
    "Authorization": "vapid t=a.b.c, k=d",
    "Content-Encoding": "aes128gcm",
    "Content-Type": "application/octet-stream",
    "TTL": "60",
    "Urgency": "high",
  });
  assertEquals(await decryptPush(body, receiver), "Doorbell");
  const late = await makePushRequest({ ...message, expires: NOW - 1, topic: "doorbell" }, { keys }, options);
  assertEquals(late.headers["TTL"], "0");
  const early = await makePushRequest({ ...message, expires: NOW + 1e12 }, { keys }, options);
  assertEquals(early.headers["TTL"], "2419200", "what services accept, also after the clock was set back");
  assertEquals(late.headers["Topic"], await topicHeader("doorbell", auth));
});

Deno.test("topicHeader() is the same for one name and subscription alone, and does not show the name", async () => {
  const header = await topicHeader("doorbell", auth);
  assertMatch(header, /^[\w-]{32}$/);
  assertEquals(await topicHeader("doorbell", auth), header);
  assertNotEquals(await topicHeader("doorbells", auth), header);
  assertNotEquals(await topicHeader("doorbell", (await generatePushReceiver(randomBytes)).auth), header);
  await assertRejects(() => topicHeader("doorbell", "a"), TypeError, "keys.auth");
});
