/**
 * Push messages: rules that hold whatever the operator has set up.
 *
 * @module
 */
import { generatePushReceiver } from "../../protocol/push/message_encryption.ts";
import { isObject } from "../../lib/json.ts";
import { codeOf, errorOf } from "../answer.ts";
import { BOTH, type Subject } from "../check.ts";
import { expect, expectEqual, Skip } from "../mismatch.ts";
import { ask } from "./services.ts";

/** Address of the metadata of machines in clouds, which no operator allows (RFC 3927, section 2.8). */
const LINK_LOCAL = "https://169.254.169.254/latest/conformance";

/** Checks of push messages. */
export const PUSH: Subject = {
  name: "Push messages",
  checks: [
    {
      name: "push messages are described",
      rule: "`push` needs no right: `enabled`, `max`, `maxRules`, `subscriptions`, `rules` and `sources` of the key. " +
        "`subscriptions` have no endpoints and no keys",
      versions: BOTH,
      async run(probe) {
        const { status, body, source } = await ask(probe, { service: "push" });
        expectEqual("status and source", { seen: [status, source], expected: [200, "gateway"] });
        expect(isState(body), "Body lacks a field, or one has a wrong type");
        const secrets = body.subscriptions.flatMap((one) => Object.keys(isObject(one) ? one : {})).filter(isSecret);
        expectEqual("secrets of subscriptions", { seen: secrets, expected: [] });
      },
    },
    {
      name: "a subscription at a private address is refused",
      rule: "400 with the code `field`; the text does not quote the endpoint, which is a secret",
      versions: BOTH,
      async run(probe) {
        const { publicPoint: p256dh, auth } = await generatePushReceiver((length) => probe.random(length));
        const subscribe = { endpoint: LINK_LOCAL, keys: { p256dh, auth }, kind: "unifiedpush", label: "Conformance" };
        const answer = await ask(probe, { service: "push", subscribe });
        const { status, body, source } = answer;
        if (status === 503) throw new Skip(errorOf(answer) ?? "Push messages are off");
        if (isObject(body) && typeof body["id"] === "string") await ask(probe, { service: "push", remove: body["id"] });
        expectEqual("status, source and code", {
          seen: [status, source, codeOf(answer)],
          expected: [400, "gateway", "field"],
        });
        expect(!errorOf(answer)?.includes("/latest/"), "Text quotes the endpoint");
      },
    },
  ],
};

function isSecret(field: string): boolean {
  return ["endpoint", "keys", "p256dh", "auth"].includes(field);
}

function isState(value: unknown): value is { readonly subscriptions: readonly unknown[] } {
  return isObject(value) && typeof value["enabled"] === "boolean" &&
    ["max", "maxRules"].every((field) => Number.isInteger(value[field])) &&
    ["subscriptions", "rules", "sources"].every((field) => Array.isArray(value[field]));
}
