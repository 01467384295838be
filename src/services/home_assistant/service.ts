/**
 * Requests to Home Assistant: calls of services, states, history and pictures.
 *
 * @module
 */
import { isDeeperThan, parseExact } from "../../lib/exact_json.ts";
import { isObject, tryParseJson } from "../../lib/json.ts";
import { exactValuesWeight } from "../../lib/json_weight.ts";
import { free, toBase64 } from "../../protocol/bytes.ts";
import type { Payload } from "../../protocol/payload.ts";
import { createReadRights } from "../../keys/rights.ts";
import { type Reply, revokedError, type Service, ServiceError, textReply } from "../service.ts";
import type { ApiAnswer, ApiRequest, AskHomeAssistant } from "./api.ts";
import { authorizeCall, entitiesInData } from "./call_data.ts";
import { matcherOfAny } from "./entities.ts";
import {
  type HistoryRequest,
  type HomeAssistantRequest,
  parseHomeAssistantRequest,
  type ServiceCallRequest,
} from "./request.ts";
import { HOME_ASSISTANT, HomeAssistantGrants } from "./rights.ts";
import { NOT_CONFIGURED } from "./settings.ts";
import { limitState, limitStates, limitValue, type MayRead } from "./states.ts";

/** Collaborators of the service. */
export interface HomeAssistantServiceOptions {
  /** Sends requests to Home Assistant; undefined where it is not configured. */
  readonly ask: AskHomeAssistant | undefined;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Maximum memory of an answer's parsed values, in bytes. */
const MAX_VALUES_BYTES = 48 * 2 ** 20;

/** Most levels of lists and objects in an answer. */
const MAX_DEPTH = 100;

/** Longest error text that is passed on, in bytes. */
const MAX_ERROR_BYTES = 1000;

const utf8 = new TextDecoder();

/** Makes the service. */
export function createHomeAssistantService({ ask, now }: HomeAssistantServiceOptions): Service {
  const readRights = createReadRights(HOME_ASSISTANT, (rights) => new HomeAssistantGrants(rights));
  return {
    name: HOME_ASSISTANT,
    fieldErrorStatus: 400,
    target: targetOf,
    async handle(payload, context) {
      const request = parseHomeAssistantRequest(payload, now());
      const grants = readRights(context.scope);
      authorize(grants, request);
      if (ask === undefined) {
        throw new ServiceError(503, NOT_CONFIGURED, { code: "service_unreachable", isUnsent: true });
      }
      // A call runs to its end even when its client has disconnected, so that a repeat finds the answer.
      const answer = await ask(apiRequestOf(request), context);
      if (context.revoked?.aborted === true) return revokedReply(answer, request, context.revoked);
      return replyOf(answer, request, (entity) => grants.mayRead(entity));
    },
  };
}

/** Returns what a request is about: a service, and entities or patterns of them. */
function targetOf({ call, target, states, state, history, camera, entities }: Payload): string | undefined {
  const ofCall = isObject(target) ? target["entity_id"] : undefined;
  const ofHistory = isObject(history) ? history["entities"] : undefined;
  const named = [call, ofCall, states, state, ofHistory, camera, entities].flat();
  return named.filter((value) => typeof value === "string").join(" ") || undefined;
}

/** Requires the rights for everything that a request names. States are filtered in the answer. */
function authorize(grants: HomeAssistantGrants, request: HomeAssistantRequest): void {
  switch (request.kind) {
    case "call":
      return authorizeCall(grants, request);
    case "state":
    case "camera":
      return grants.read(request.entity);
    case "history":
      return request.entities.forEach((entity) => grants.read(entity));
  }
}

function apiRequestOf(request: HomeAssistantRequest): ApiRequest {
  switch (request.kind) {
    case "call":
      return callRequestOf(request);
    case "states":
      return { path: "/states" };
    case "state":
      return { path: `/states/${request.entity}` };
    case "camera":
      return { path: `/camera_proxy/${request.entity}` };
    case "history":
      return { path: historyPath(request) };
  }
}

function callRequestOf({ service, entities, data, wantsResponse }: ServiceCallRequest): ApiRequest {
  const fields = entities.length === 0 ? data : { ...data, "entity_id": entities };
  return {
    path: `/services/${service.replace(".", "/")}${wantsResponse ? "?return_response" : ""}`,
    body: JSON.stringify(fields),
  };
}

function historyPath({ entities, start, end, withAttributes }: HistoryRequest): string {
  const [from, to] = [start, end].map((ms) => encodeURIComponent(new Date(ms).toISOString()));
  const short = withAttributes ? "" : "&minimal_response&no_attributes";
  return `/history/period/${from}?filter_entity_id=${entities.join(",")}&end_time=${to}${short}`;
}

/**
 * Returns the answer for a key that was revoked, or whose rights have changed, while Home Assistant answered: a call has
 * run, which the client must know so as not to repeat it; nothing else is shown.
 *
 * @throws {ServiceError} if it was no call
 */
function revokedReply({ status }: ApiAnswer, request: HomeAssistantRequest, revoked: AbortSignal): Reply {
  if (request.kind === "call") {
    const body = request.wantsResponse ? { "changed_states": [], "service_response": null } : [];
    return { status, bodyJson: JSON.stringify(body) };
  }
  throw revokedError(revoked);
}

/** Returns the part of an answer that its key may read. */
function replyOf(answer: ApiAnswer, request: HomeAssistantRequest, mayRead: MayRead): Reply {
  if (answer.status < 200 || answer.status >= 300) return errorReplyOf(answer, request);
  if (request.kind === "camera") return pictureReply(answer);
  const body = bodyOf(readJson(answer), request, mayRead);
  if (body === undefined) throw notUnderstood();
  return { status: answer.status, bodyJson: JSON.stringify(body) };
}

/** Returns the body for the client; undefined if the answer is not one of Home Assistant. */
function bodyOf(value: unknown, request: HomeAssistantRequest, mayRead: MayRead): unknown {
  switch (request.kind) {
    case "states": {
      const matches = matcherOfAny(request.patterns);
      return limitStates(value, mayRead)?.filter(({ entity_id: entity }) => matches(entity));
    }
    case "state": {
      const state = limitState(value, mayRead);
      return state?.entity_id === request.entity ? state : undefined;
    }
    case "history":
      return Array.isArray(value) ? value.flatMap((past) => limitPast(past, request.entities, mayRead)) : undefined;
    case "call":
      return request.wantsResponse ? responseOf(value, request, mayRead) : limitStates(value, mayRead);
  }
}

/** Returns the changed states that may be read, and the service's own answer, which is about the entities of the call. */
function responseOf(value: unknown, { entities, data }: ServiceCallRequest, mayRead: MayRead): unknown {
  const { changed_states: changed, service_response: response = null } = isObject(value) ? value : {};
  const states = limitStates(changed, mayRead);
  const named = new Set([...entities, ...entitiesInData(data)]);
  return states && {
    "changed_states": states,
    "service_response": limitValue(response, (entity) => named.has(entity) || mayRead(entity)),
  };
}

/** Returns the past of an entity, in a list; an empty list if it was not asked for, or may not be read. */
function limitPast(past: unknown, entities: readonly string[], mayRead: MayRead): unknown[][] {
  const [first, ...others]: unknown[] = Array.isArray(past) ? past : [];
  const entity = limitState(first, mayRead)?.entity_id;
  if (entity === undefined || !entities.includes(entity)) return [];
  return [[first, ...others].flatMap((state) => limitPastState(state, entity, mayRead) ?? [])];
}

/** Returns a past state of an entity. In a short answer, only the first and the last one have the entity's id. */
function limitPastState(state: unknown, entity: string, mayRead: MayRead): unknown {
  if (!isObject(state)) return undefined;
  if (Object.hasOwn(state, "entity_id")) {
    const limited = limitState(state, mayRead);
    return limited?.entity_id === entity ? limited : undefined;
  }
  return { state: state["state"], "last_changed": state["last_changed"] };
}

/** Parses an answer in JSON. */
function readJson({ bytes }: ApiAnswer): unknown {
  const text = utf8.decode(bytes);
  free(bytes);
  if (exactValuesWeight(text) > MAX_VALUES_BYTES) {
    throw new ServiceError(502, "Home Assistant's answer holds too many lists and objects", { code: "service_answer" });
  }
  try {
    const value = parseExact(text);
    if (!isDeeperThan(MAX_DEPTH, value)) return value;
  } catch {
    // No JSON, or nested too deep to be parsed.
  }
  throw notUnderstood();
}

function pictureReply({ status, contentType, bytes }: ApiAnswer): Reply {
  if (!/^image\/[\w.+-]{1,64}\b/i.test(contentType)) {
    throw new ServiceError(502, "Home Assistant's answer is no picture", { code: "service_answer" });
  }
  const members = { "body_b64": toBase64(bytes), "content_type": contentType };
  free(bytes);
  return { status, bodyJson: "null", members };
}

/** Text with which Home Assistant refuses a call, without its reason. */
const BAD_REQUEST = "400: Bad Request";

/** Passes an error of Home Assistant on: its message, or the beginning of its page. */
function errorReplyOf({ status, bytes }: ApiAnswer, request: HomeAssistantRequest): Reply {
  const text = utf8.decode(bytes.subarray(0, MAX_ERROR_BYTES));
  const answer = tryParseJson(text);
  const isUnexplained = request.kind === "call" && text === BAD_REQUEST;
  const message = isUnexplained
    ? `Home Assistant has no service ${request.service}, or the service does not accept the fields of data`
    : isObject(answer)
    ? answer["message"]
    : undefined;
  return typeof message === "string" ? { status, bodyJson: JSON.stringify({ message }) } : textReply(status, text);
}

function notUnderstood(): ServiceError {
  return new ServiceError(502, "Home Assistant's answer cannot be understood: is HOME_ASSISTANT_URL its address?", {
    code: "service_answer",
  });
}
