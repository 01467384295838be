/**
 * Sources of the current state of an action, in the services file.
 *
 * @module
 */
import { z } from "zod";
import type { Payload } from "../../protocol/payload.ts";
import { boundedText, jeedomMethod, jsonMembers, topic } from "./rules.ts";

/** Source of a state. */
export interface StateSource {
  /** Name of the service that is asked. */
  readonly service: "mqtt" | "jeedom" | "home_assistant" | "influxdb";
  /** Request to the service. */
  readonly payload: Payload;
  /** Names of the members that lead to the state within a value that is JSON. */
  readonly field: readonly string[];
}

const FIELDS = ["topic", "homeAssistant", "call", "query"] as const;

const ENTITY_RULE = "must be an entity such as cover.gate";

const FIELD_RULE = "must be names of members with dots between them";

/** Schema of a source. */
export const stateSchema = z.strictObject({
  topic: topic.optional(),
  homeAssistant: z.string(ENTITY_RULE).regex(/^[a-z0-9_]+\.[a-z0-9_]+$/, ENTITY_RULE).optional(),
  call: z.strictObject({ method: jeedomMethod, params: jsonMembers.default({}) }).optional(),
  query: boundedText(100).optional(),
  params: jsonMembers.optional(),
  field: z.string(FIELD_RULE).regex(/^[^.]+(\.[^.]+)*$/, FIELD_RULE).max(200).optional(),
}).transform(({ topic, homeAssistant, call, query, params, field = "" }, context): StateSource => {
  const path = field === "" ? [] : field.split(".");
  const sources: readonly (StateSource | undefined)[] = [
    topic === undefined ? undefined : { service: "mqtt", payload: { retained: topic }, field: path },
    homeAssistant === undefined
      ? undefined
      : { service: "home_assistant", payload: { state: homeAssistant }, field: path },
    call && { service: "jeedom", payload: { jsonrpc: call.method, params: call.params }, field: path },
    query === undefined ? undefined : { service: "influxdb", payload: { query, params: params ?? {} }, field: path },
  ];
  const [source, second] = sources.filter((one) => one !== undefined);
  const isOne = second === undefined && (params === undefined || query !== undefined);
  if (source !== undefined && isOne) return source;
  context.addIssue({ code: "custom", message: `must have one of ${FIELDS.join(", ")}; params only with query` });
  return z.NEVER;
});
