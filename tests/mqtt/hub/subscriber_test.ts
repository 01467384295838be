import { assertEquals } from "@std/assert";
import { SubscriberState } from "../../../src/mqtt/hub/subscriber.ts";
import { type Subscription, Subscriptions } from "../../../src/mqtt/hub/subscriptions.ts";
import { RecordingSubscriber } from "../../support/hub.ts";

/** State that counts how often its filters are matched. */
class CountingState extends SubscriberState {
  matched = 0;

  override matching(topic: string): readonly Subscription<SubscriberState>[] {
    this.matched += 1;
    return super.matching(topic);
  }
}

function stateOf(filters: readonly string[]) {
  const state = new CountingState(new RecordingSubscriber(filters));
  const subscriptions = new Subscriptions<SubscriberState>().add(state, { owner: "phone", filters });
  state.setSubscriptions(subscriptions);
  return { state, subscriptions };
}

Deno.test("receivesVia() passes the copies of a message for overlapping filters once, with one match for all", () => {
  const { state, subscriptions } = stateOf(["other", "#", "home/+", "home/lamp"]);
  const passed = (topic: string) =>
    subscriptions.filter((one) => state.receivesVia(one, topic)).map((one) => one.filter);
  assertEquals([passed("home/lamp"), state.matched], [["#"], 1]);
  assertEquals([passed("other"), state.matched], [["other"], 2]);
  assertEquals(passed("home/lamp"), ["#"]);
});

Deno.test("receivesVia() passes deliveries of a shared subscription beside other filters, unless one of those gets all", () => {
  const { state, subscriptions } = stateOf(["$share/one/a/+", "b", "$share/other/a/#", "a/all", "$share/one/b"]);
  const passed = (topic: string) =>
    subscriptions.filter((one) => one.matches(topic) && state.receivesVia(one, topic)).map(({ id }) => id);
  assertEquals(passed("a/x"), [1, 3]);
  assertEquals([passed("a/all"), passed("b")], [[4], [2]]);
});
