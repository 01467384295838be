/**
 * MQTT messages.
 *
 * @module
 */
import type { Route } from "../../protocol/v2/envelope.ts";
import { expectRefusal, type Fields } from "../answer.ts";
import { BOTH, type Check, type Subject } from "../check.ts";
import { expectEqual } from "../mismatch.ts";
import type { Probe } from "../probe.ts";

const WRONG_FIELDS: readonly (readonly [string, Fields])[] = [
  ["topic", { message: "m" }],
  ["message", { topic: "t" }],
  ["topic", { topic: 1, message: "m" }],
  ["qos", { topic: "t", message: "m", qos: 3 }],
  ["qos", { topic: "t", message: "m", qos: "1" }],
  ["retain", { topic: "t", message: "m", retain: "yes" }],
];

/** Checks of `POST /mqtt/publish`, and of the service on `POST /gateway`. */
export const PUBLISH: Subject = {
  name: "Publish",
  checks: [
    ...([0, 1, 2] as const).map((qos): Check => ({
      name: `quality of service ${qos}: acknowledged, and received once`,
      rule: "A success only after the broker acknowledged; the body is a string of JSON with the topic",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using stream = await probe.subscribe({ topic, qos });
        for (const message of ["one", "end"]) await publish(probe, { topic, message, qos });
        const messages = await stream.messagesBefore("end");
        const seen = messages.map(({ payload, qos }) => [payload, qos]);
        expectEqual("messages", { seen, expected: [["one", qos]] });
      },
    })),
    {
      name: "as a service of the other route",
      rule: '`POST /gateway` with `"service":"mqtt"` takes the same fields',
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using stream = await probe.subscribe({ topic });
        await publish(probe, { service: "mqtt", topic, message: "end" }, "/gateway");
        expectEqual("messages before it", { seen: await stream.messagesBefore("end"), expected: [] });
      },
    },
    {
      name: "a message that is not a string",
      rule: "Any other value is sent as its JSON text",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await using stream = await probe.subscribe({ topic });
        for (const message of [{ on: true }, 21.5, false, "end"]) await publish(probe, { topic, message });
        const seen = (await stream.messagesBefore("end")).map(({ payload }) => payload);
        expectEqual("payloads", { seen, expected: ['{"on":true}', "21.5", "false"] });
      },
    },
    {
      name: "a message of null clears a retained one",
      rule: "`null` sends an empty payload, which clears a retained message",
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const topic = probe.freshTopic();
        await publish(probe, { topic, message: "kept", qos: 1, retain: true });
        await publish(probe, { topic, message: null, qos: 1, retain: true });
        await using stream = await probe.subscribe({ topic });
        await publish(probe, { topic, message: "end" });
        expectEqual("messages", { seen: await stream.messagesBefore("end"), expected: [] });
      },
    },
    {
      name: "topics with wildcards, or of the broker's own",
      rule: "400 names the topic: no `+`, no `#`, and it does not begin with `$`",
      versions: BOTH,
      async run(probe) {
        for (const topic of ["a/+", "a/#", "$SYS/x", "$share/g/t", ""]) {
          const { answer } = await probe.ask("/mqtt/publish", { topic, message: "m" });
          expectRefusal(answer, { status: 400, error: "topic" });
        }
      },
    },
    {
      name: "a wrong field of a message is named",
      rule: "400: a field of an MQTT request is missing or wrong, and the message names it",
      versions: BOTH,
      async run(probe) {
        for (const [field, fields] of WRONG_FIELDS) {
          expectRefusal((await probe.ask("/mqtt/publish", fields)).answer, { status: 400, error: field });
        }
        const { answer } = await probe.ask("/mqtt/publish", { service: "jeedom", topic: "t", message: "m" });
        expectRefusal(answer, { status: 400, error: "service" });
      },
    },
  ],
};

async function publish(probe: Probe, fields: Fields, route: Route = "/mqtt/publish"): Promise<void> {
  const { answer: { status, body } } = await probe.ask(route, fields);
  const success = { success: true, topic: fields["topic"], message: "Published successfully" };
  expectEqual("answer", { seen: [status, body], expected: [200, JSON.stringify(success)] });
}
