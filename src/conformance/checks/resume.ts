/**
 * Resuming a subscription.
 *
 * @module
 */
import type { Fields } from "../answer.ts";
import { BOTH, type Subject } from "../check.ts";
import { expectEqual } from "../mismatch.ts";

/** Checks of `since` and `keep`. */
export const RESUME: Subject = {
  name: "Resume",
  checks: [
    {
      name: "since resumes without loss or duplicates",
      rule: "With the same filters the client gets every message once and in order",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        const publish = (message: string) => probe.ask("/mqtt/publish", { topic, message, qos: 1 });
        let since: Fields;
        {
          await using stream = await probe.subscribe({ topic, qos: 1 });
          await publish("0");
          since = positionOf((await stream.next("message")).event);
        }
        for (const message of ["1", "2", "3"]) await publish(message);
        await using stream = await probe.subscribe({ topic, qos: 1, since });
        const { event } = stream.first;
        expectEqual("first event", { seen: event["type"], expected: "connected" });
        expectEqual("its position", { seen: positionOf(event), expected: since });
        for (const message of ["4", "end"]) await publish(message);
        const seen = (await stream.messagesBefore("end")).map(({ payload }) => payload);
        expectEqual("messages", { seen, expected: ["1", "2", "3", "4"] });
      },
    },
    {
      name: "an unknown epoch is a gap",
      rule: "`connected` has no position, and a `gap` with one follows it at once, before any message",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using stream = await probe.subscribe({ topic, since: { epoch: "conformance", offset: 1 } });
        const { event } = stream.first;
        expectEqual("first event", { seen: [event["type"], positionOf(event)], expected: ["connected", {}] });
        const { event: gap } = await stream.next("gap");
        expectEqual("second event", {
          seen: [gap["type"], typeof gap["epoch"], Number.isInteger(gap["offset"])],
          expected: ["gap", "string", true],
        });
        await probe.ask("/mqtt/publish", { topic, message: "end" });
        expectEqual("messages", { seen: await stream.messagesBefore("end"), expected: [] });
      },
    },
  ],
};

function positionOf({ epoch, offset }: Fields): Fields {
  return { epoch, offset };
}
