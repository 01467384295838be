/**
 * Device, actions, HTTP and InfluxDB: rules that hold whatever the operator has set up.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { isObject } from "../../lib/json.ts";
import { type CheckedAnswer, codeOf, errorOf, type Fields, skipUnlessGranted } from "../answer.ts";
import { BOTH, type Check, type Subject } from "../check.ts";
import { expect, expectEqual, Skip } from "../mismatch.ts";
import type { Probe } from "../probe.ts";

/** Beginning of a refusal for a service that the key may not use at all. */
const NO_SERVICE = "This key may not use the service ";

/** Address that no server has (RFC 6761, section 6.4). */
const NOWHERE = "http://conformance.invalid/";

/** Requests for a name that the operator cannot have given, as it is random. */
const UNKNOWN: readonly (readonly [what: string, service: string, field: string, others?: Fields])[] = [
  ["action", "action", "name"],
  ["query", "influxdb", "query"],
  ["write", "influxdb", "write", { measurement: "none", fields: { none: 1 } }],
];

/** Checks of the services beside Jeedom and MQTT. */
export const SERVICES: Subject = {
  name: "Services",
  checks: [
    {
      name: "the key is described",
      rule:
        "`device` needs no right: `name`, `kid`, `rights`, `summary` and `services` of the key, `version` and `time`",
      versions: BOTH,
      async run(probe) {
        const answer = await ask(probe, { service: "device" });
        const { status, body, source } = answer;
        expectEqual("status and source", { seen: [status, source], expected: [200, "gateway"] });
        expect(isDevice(body), `Body lacks a field, or one has a wrong type: ${JSON.stringify(body)}`);
      },
    },
    {
      name: "actions are listed",
      rule:
        "`actions` has those that the key may run, each with `name`, `label` and `params`; `uses` the runs `left` where they are limited",
      versions: BOTH,
      async run(probe) {
        const answer = await ask(probe, { service: "action" });
        skipUnlessGranted(errorOf(answer));
        const { status, body, source } = answer;
        expectEqual("status and source", { seen: [status, source], expected: [200, "gateway"] });
        const { actions, uses } = isObject(body) ? body : {};
        expect(Array.isArray(actions), `Body has no list of actions: ${JSON.stringify(body)}`);
        for (const action of actions) {
          expect(isAction(action), `Action lacks a name, a label or parameters: ${JSON.stringify(action)}`);
        }
        expect(uses === undefined || isUses(uses), `Runs are no whole numbers: ${JSON.stringify(uses)}`);
      },
    },
    ...UNKNOWN.map(([what, service, field, others = {}]): Check => ({
      name: `an unknown ${what} is refused like one that is not granted`,
      rule: "403 `This key may not …` with the code `scope`, so that names cannot be found by trying",
      versions: BOTH,
      async run(probe) {
        const names = [randomName(probe), randomName(probe)];
        const errors: unknown[] = [];
        for (const name of names) {
          const answer = await ask(probe, { ...others, service, [field]: name });
          if (errorOf(answer)?.startsWith(NO_SERVICE)) throw new Skip(errorOf(answer) ?? "");
          expectScope(answer);
          errors.push(errorOf(answer)?.replaceAll(name, "NAME"));
        }
        expectEqual("texts", { seen: errors[0], expected: errors[1] });
      },
    })),
    ...([["named", { service: "http" }], ["absent", {}]] as const).map(([which, fields]): Check => ({
      name: `a URL that is not allowed is refused, service ${which}`,
      rule:
        "403 `This key may not …` with the code `scope`, and nothing is sent; a request with `url` needs no `service`",
      versions: BOTH,
      async run(probe) {
        const answer = await ask(probe, { ...fields, url: NOWHERE, method: "GET" });
        const message = errorOf(answer);
        const isSent = [502, 504].includes(answer.status) && message !== undefined;
        if (isSent) throw new Skip(`The gateway allows any URL to this key: ${message}`);
        expectScope(answer);
      },
    })),
  ],
};

/**
 * Sends a request.
 *
 * @throws {Skip} if the gateway has no such service
 */
export async function ask(probe: Probe, fields: Fields): Promise<CheckedAnswer> {
  const { answer } = await probe.ask("/gateway", fields);
  if (codeOf(answer) === "unknown_service") throw new Skip(errorOf(answer) ?? "Unknown service");
  return answer;
}

function expectScope(answer: CheckedAnswer): void {
  expectEqual("status, source and code", {
    seen: [answer.status, answer.source, codeOf(answer)],
    expected: [403, "gateway", "scope"],
  });
}

function randomName(probe: Probe): string {
  return `conformance-${toHex(probe.random(8))}`;
}

function isDevice(value: unknown): boolean {
  if (!isObject(value)) return false;
  const isTexts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === "string");
  return ["name", "kid", "version"].every((field) => typeof value[field] === "string") &&
    isObject(value["rights"]) && isTexts(value["summary"]) && isTexts(value["services"]) &&
    typeof value["time"] === "number";
}

function isAction(value: unknown): boolean {
  return isObject(value) && typeof value["name"] === "string" && typeof value["label"] === "string" &&
    isObject(value["params"]);
}

function isUses(value: unknown): boolean {
  return isObject(value) && [value["left"], value["of"]].every((number) => Number.isInteger(number));
}
