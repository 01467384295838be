import { assertEquals } from "@std/assert";
import { HomeStore } from "../../../src/console/homes/home_store.ts";
import { latestOf, missedAlerts } from "../../../src/console/push/missed_alerts.ts";
import { pushSupport } from "../../../src/console/push/push_support.ts";
import { MAX_SHOWN_IDS, noteShown, shownIds } from "../../../src/console/push/shown_ids.ts";
import { makeHome } from "../support/push.ts";
import { makeStorage } from "../support/storage.ts";

const alert = (id: string, timestamp: number) => {
  return { id, title: id, body: "", actions: [], urgency: "normal", tag: id, timestamp } as const;
};

Deno.test("missedAlerts() returns what is new and was not shown, the newest first", () => {
  const alerts = [alert("known", 1), alert("missed", 3), alert("shown", 4), alert("last", 5)];
  const missed = missedAlerts(alerts, { seenUntil: 2, shown: new Set(["shown"]) });
  assertEquals(missed.map(({ id }) => id), ["last", "missed"]);
  assertEquals([latestOf(missed, 2), latestOf([], 2)], [5, 2]);
});

Deno.test("noteShown() tells the first time from a later one, and keeps the newest ids until the home is forgotten", async () => {
  const store = new HomeStore(makeStorage().storage);
  const home = await makeHome(1);
  await store.save(home);
  assertEquals([await noteShown(store, home, "0"), await noteShown(store, home, "0")], [true, false]);
  for (let id = 1; id <= MAX_SHOWN_IDS; id += 1) await noteShown(store, home, `${id}`);
  const ids = await shownIds(store, home);
  assertEquals([ids.size, ids.has("0"), ids.has("1"), ids.has(`${MAX_SHOWN_IDS}`)], [MAX_SHOWN_IDS, false, true, true]);
  await store.forget(home);
  assertEquals((await shownIds(store, home)).size, 0);
});

Deno.test("pushSupport() says why a browser shows no push messages", () => {
  const facts = {
    ...{
      hasPush: true,
      permission: "default",
      userAgent: "Chrome, Android",
      maxTouchPoints: 5,
      isInstalled: false,
    } as const,
  };
  const iPad = { ...facts, hasPush: false, userAgent: "Macintosh; Safari" };
  assertEquals(
    [
      pushSupport(facts),
      pushSupport({ ...facts, permission: "denied" }),
      pushSupport({ ...facts, hasPush: false }),
      pushSupport({ ...facts, hasPush: false, userAgent: "iPhone" }),
      pushSupport({ ...facts, hasPush: false, userAgent: "iPhone", isInstalled: true }),
      pushSupport(iPad),
      pushSupport({ ...iPad, maxTouchPoints: 0 }),
    ],
    ["ready", "blocked", "unsupported", "needs_install", "unsupported", "needs_install", "unsupported"],
  );
});
