/**
 * REST API of a simulated Home Assistant: https://developers.home-assistant.io/docs/api/rest
 *
 * @module
 */
import { STATUS_TEXT } from "@std/http/status";
import { isObject, tryParseJson } from "../lib/json.ts";
import { CAMERA_TOKEN } from "./home_assistant_home.ts";
import { configOf, type HomeAssistantServer } from "./home_assistant_server.ts";
import {
  callService,
  describeServices,
  InvalidFields,
  responseOf,
  ServiceNotFound,
} from "./home_assistant_services.ts";
import { type EntityState, toFullState } from "./home_assistant_state.ts";
import { PICTURE } from "./simulated_camera.ts";

const DAY_MS = 86_400_000;

/** Answers a request of the REST API. */
export async function answerRest(request: Request, server: HomeAssistantServer): Promise<Response> {
  const url = new URL(request.url);
  const [api, kind, ...rest] = url.pathname.slice(1).split("/").map(tryDecode);
  if (api !== "api") return text(404);
  const isAuthorized = server.isToken(/^Bearer (.+)$/.exec(request.headers.get("Authorization") ?? "")?.[1]);
  if (kind === "camera_proxy") {
    return isAuthorized || url.searchParams.get("token") === CAMERA_TOKEN
      ? answerCamera(rest[0] ?? "", server)
      : text(request.headers.has("Authorization") ? 401 : 403);
  }
  const method = kind === "services" && rest.length > 0 ? "POST" : "GET";
  const isKnown = ["", "config", "states", "services", "history"].some((known) => known === kind);
  if (!isKnown) return text(404);
  if (request.method !== method) return text(405);
  if (!isAuthorized) return text(401);

  const { home } = server;
  if (kind === "") return Response.json({ message: "API running." });
  if (kind === "config") return Response.json(configOf(server));
  if (kind === "history") {
    return rest[0] === "period" ? answerHistory(rest[1], url.searchParams, server) : text(404);
  }
  if (kind === "states") {
    if (rest.length === 0) return Response.json(home.states().map(toFullState));
    const state = home.state((rest[0] ?? "").toLowerCase());
    return state === undefined ? message(404, "Entity not found.") : Response.json(toFullState(state));
  }
  if (rest.length === 0) {
    return Response.json(Object.entries(describeServices()).map(([domain, services]) => ({ domain, services })));
  }
  const [domain = "", service = ""] = rest;
  return answerCall({ domain, service, body: await request.text() }, url.searchParams.has("return_response"), server);
}

function answerCall(
  { domain, service, body }: { readonly domain: string; readonly service: string; readonly body: string },
  isResponseWanted: boolean,
  server: HomeAssistantServer,
): Response {
  const data = body === "" ? {} : tryParseJson(body);
  if (data === undefined) return message(400, "Data should be valid JSON.");
  if (!isObject(data)) return message(400, "Data should be a JSON object");
  const call = { domain, service, data };
  const support = responseOf(call);
  if (isResponseWanted && support === "none") {
    return message(400, "Service does not support responses. Remove return_response from request.");
  }
  if (!isResponseWanted && support === "only") {
    return message(
      400,
      "Service call requires responses but caller did not ask for responses. " +
        "Add ?return_response to query parameters.",
    );
  }
  server.record(call);
  try {
    const { changed, response } = callService(server.home, call, server.home.createContext(server.userId));
    const states = changed.map(toFullState);
    return Response.json(isResponseWanted ? { "changed_states": states, "service_response": response } : states);
  } catch (error) {
    if (error instanceof ServiceNotFound || error instanceof InvalidFields) return text(400);
    throw error;
  }
}

function answerHistory(time: string | undefined, query: URLSearchParams, { home, now }: HomeAssistantServer): Response {
  const start = time === undefined ? now() - DAY_MS : Date.parse(time);
  if (Number.isNaN(start)) return message(400, "Invalid datetime");
  const entities = query.get("filter_entity_id")?.toLowerCase().split(",") ?? [];
  if (entities.length === 0) return message(400, "filter_entity_id is missing");
  if (!entities.every((entity) => /^[a-z0-9_]+\.[a-z0-9_]+$/.test(entity))) {
    return message(400, "Invalid filter_entity_id");
  }
  if (start > now()) return Response.json([]);
  const endTime = query.get("end_time");
  const end = endTime === null ? start + DAY_MS : Date.parse(endTime);
  if (Number.isNaN(end)) return message(400, "Invalid end_time");
  const pasts = entities.map((entity) => statesWithin(home.past(entity), start, end)).filter(({ length }) =>
    length > 0
  );
  const isMinimal = query.has("minimal_response");
  return Response.json(pasts.map((past) =>
    past.map((state, index) => {
      const full = toFullState(query.has("no_attributes") ? { ...state, attributes: {} } : state);
      // The first and the last state are always in full.
      if (!isMinimal || index === 0 || index === past.length - 1) return full;
      return { "state": full["state"], "last_changed": full["last_changed"] };
    })
  ));
}

/** Lists the state at the start, with the start as its time, and the changes until the end. */
function statesWithin(past: readonly EntityState[], start: number, end: number): EntityState[] {
  const first = past.findLast(({ updatedAt }) => updatedAt <= start);
  return [
    ...first === undefined ? [] : [{ ...first, changedAt: start, updatedAt: start }],
    ...past.filter(({ updatedAt }) => updatedAt > start && updatedAt < end),
  ];
}

function answerCamera(entity: string, { home }: HomeAssistantServer): Response {
  const isCamera = entity.startsWith("camera.") && home.state(entity) !== undefined;
  return isCamera ? new Response(PICTURE, { headers: { "Content-Type": "image/png" } }) : text(404);
}

/** Decodes a part of a path; leaves it as it is if it is malformed, as aiohttp does. */
function tryDecode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function message(status: number, message: string): Response {
  return Response.json({ message }, { status });
}

/** Makes an error page of aiohttp, the web server of Home Assistant. */
function text(status: 400 | 401 | 403 | 404 | 405): Response {
  return new Response(`${status}: ${STATUS_TEXT[status]}`, { status });
}
