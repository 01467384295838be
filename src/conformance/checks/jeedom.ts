/**
 * Calls of Jeedom, and the field `service`.
 *
 * @module
 */
import { expectRefusal, type Fields } from "../answer.ts";
import { BOTH, type Check, type Subject } from "../check.ts";
import { expectEqual, Mismatch } from "../mismatch.ts";
import { HARMLESS, HARMLESS_ANSWER } from "../probe.ts";

const WRONG_FIELDS: readonly (readonly [string, Fields])[] = [
  ["jsonrpc", {}],
  ["jsonrpc", { jsonrpc: 1 }],
  ["jsonrpc", { jsonrpc: "no such/method" }],
  ["params", { jsonrpc: "ping", params: "text" }],
  ["endpoint", { jsonrpc: "ping", endpoint: "/core/../secret.php?x" }],
  ["apikey", { jsonrpc: "ping", apikey: 1 }],
];

/** Checks of `POST /gateway`. */
export const JEEDOM: Subject = {
  name: "Jeedom",
  checks: [
    {
      name: "unknown service",
      rule: "403 `Unknown service: must be …`, with the names of the services",
      versions: BOTH,
      async run(probe) {
        expectRefusal((await probe.ask("/gateway", HARMLESS)).answer, HARMLESS_ANSWER);
      },
    },
    {
      name: "a wrong field of a call is named",
      rule: "403: a field of a Jeedom request is missing or wrong, and the message names it",
      versions: BOTH,
      async run(probe) {
        for (const [field, fields] of WRONG_FIELDS) {
          expectRefusal((await probe.ask("/gateway", fields)).answer, { status: 403, error: field });
        }
      },
    },
    ...([["absent", {}], ["named", { service: "jeedom" }]] as const).map(([which, fields]): Check => ({
      name: `a call passes, service ${which}`,
      rule: "`status` is Jeedom's HTTP status and `body` is its JSON",
      versions: BOTH,
      needs: "Jeedom",
      async run(probe) {
        const { answer: { status, body } } = await probe.ask("/gateway", { ...fields, jsonrpc: "ping" });
        expectEqual("status", { seen: status, expected: 200 });
        if (typeof body !== "object" || body === null) {
          throw new Mismatch(`Body is not JSON-RPC: ${JSON.stringify(body)}`);
        }
        const { jsonrpc, result } = Object.fromEntries(Object.entries(body));
        expectEqual("jsonrpc and result", { seen: [jsonrpc, result], expected: ["2.0", "pong"] });
      },
    })),
  ],
};
