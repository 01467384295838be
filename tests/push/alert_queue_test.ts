import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_TAG_LENGTH } from "../../src/protocol/push/notification.ts";
import { notificationTag } from "../../src/push/alert_queue.ts";

Deno.test("notificationTag() is short, and the same for the same rule and subject alone", () => {
  assertEquals(notificationTag("door", "home/door"), "door home/door");
  const rule = fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,63}$/);
  const subject = fc.string({ maxLength: 200 });
  fc.assert(fc.property(rule, subject, rule, subject, (one, about, other, otherAbout) => {
    const tag = notificationTag(one, about);
    assert(tag.length <= MAX_TAG_LENGTH);
    if (one !== other || about !== otherAbout) assertNotEquals(tag, notificationTag(other, otherAbout));
    assertEquals(tag, notificationTag(one, about));
  }));
});
