/**
 * Source of an answer, and its code.
 *
 * @module
 */
import { type CheckedAnswer, codeOf, type Fields } from "../answer.ts";
import { BOTH, type Subject } from "../check.ts";
import { expectEqual } from "../mismatch.ts";
import { HARMLESS } from "../probe.ts";

/** Age of a request that every gateway refuses, in seconds. */
const EXPIRED_SECONDS = 86_400;

/** Codes of payloads that are refused whatever rights the key has. */
const REFUSED: readonly (readonly [string, string | Fields])[] = [
  ["payload", "[]"],
  ["expired", { ...HARMLESS, timestamp: 0 }],
  ["unknown_service", HARMLESS],
];

/** Checks of `source` and `code`. */
export const SOURCE: Subject = {
  name: "Source",
  checks: [
    {
      name: "an error carries source and its code",
      rule: '`"source":"gateway"` in the answer, and a `code` beside `error`',
      versions: BOTH,
      async run(probe) {
        for (const [code, payload] of REFUSED) expectSource((await probe.ask("/gateway", payload)).answer, code);
      },
    },
    {
      name: "a publish carries source",
      rule: 'The gateway itself answers: `"source":"gateway"`',
      versions: BOTH,
      needs: "broker",
      async run(probe) {
        const { answer } = await probe.ask("/mqtt/publish", { topic: probe.freshTopic(), message: "m" });
        expectSource(answer, undefined);
      },
    },
    {
      name: "an answer of Jeedom carries no source",
      rule: "Answers of Jeedom never have `source`",
      versions: BOTH,
      needs: "Jeedom",
      async run(probe) {
        const { answer } = await probe.ask("/gateway", { jsonrpc: "ping" });
        expectEqual("source", { seen: answer.source, expected: undefined });
      },
    },
    {
      name: "an error event carries source and its code",
      rule: '`"source":"gateway"` and `code`, beside `type`',
      versions: BOTH,
      async run(probe) {
        await using stream = await probe.subscribe({
          topic: probe.freshTopic(),
          timestamp: probe.seconds - EXPIRED_SECONDS,
        });
        const { type, source, code } = stream.first.event;
        expectEqual("type, source and code", { seen: [type, source, code], expected: ["error", "gateway", "expired"] });
      },
    },
  ],
};

function expectSource(answer: CheckedAnswer, code: string | undefined): void {
  expectEqual("source and code", { seen: [answer.source, codeOf(answer)], expected: ["gateway", code] });
}
