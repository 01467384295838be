/** The simulated Home Assistant behaves as the documents of its APIs say. */
import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { type HomeAssistantPort, startHomeAssistant } from "../support/home_assistant_server.ts";

const START = Date.UTC(2026, 0, 31, 12);

/** Sends a request; returns the status, and the body if it is JSON, else its text. */
async function ask({ url, token }: HomeAssistantPort, path: string, init: RequestInit = {}) {
  const response = await fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${token}` }, ...init });
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json") === true;
  return [response.status, isJson ? await response.json() : await response.text()];
}

function post(port: HomeAssistantPort, path: string, data: unknown) {
  return ask(port, path, {
    method: "POST",
    body: JSON.stringify(data),
    headers: { Authorization: `Bearer ${port.token}` },
  });
}

/** Opens the WebSocket API, without signing in. */
function open({ url }: HomeAssistantPort) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/websocket`);
  const received: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    const next = waiting.shift();
    if (next === undefined) received.push(message);
    else next(message);
  });
  const next = (): Promise<unknown> =>
    within(
      "the next message",
      received.length > 0 ? Promise.resolve(received.shift()) : new Promise((resolve) => waiting.push(resolve)),
    );
  const send = (message: unknown) => socket.send(JSON.stringify(message));
  return {
    next,
    send,
    closed,
    async exchange(message: unknown) {
      send(message);
      return await next();
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await closed;
    },
  };
}

/** Opens the WebSocket API and signs in. */
async function signIn(port: HomeAssistantPort) {
  const socket = open(port);
  assertEquals(await socket.next(), { type: "auth_required", "ha_version": "2025.12.3" });
  const answer = await socket.exchange({ type: "auth", "access_token": port.token });
  assertEquals(answer, { type: "auth_ok", "ha_version": "2025.12.3" });
  return socket;
}

function failure(id: unknown, code: string, message: string) {
  return { id, type: "result", success: false, error: { code, message } };
}

Deno.test("REST API answers as documented", async () => {
  await using port = startHomeAssistant(() => START);
  assertEquals(await ask(port, "/api/"), [200, { message: "API running." }]);
  assertEquals(await ask(port, "/api/", { headers: {} }), [401, "401: Unauthorized"]);
  assertEquals(await ask(port, "/api/nothing"), [404, "404: Not Found"]);
  assertEquals(await ask(port, "/api/states/light.none"), [404, { message: "Entity not found." }]);
  const [, power] = await ask(port, "/api/states/sensor.power");
  assertEquals([power.state, power.last_changed], ["412", "2026-01-31T12:00:00+00:00"]);
  const [status] = await ask(port, "/api/camera_proxy/camera.front_door");
  assertEquals(status, 200);
  assertEquals(await ask(port, "/api/camera_proxy/camera.front_door", { headers: {} }), [403, "403: Forbidden"]);
});

Deno.test("REST API calls services", async () => {
  await using port = startHomeAssistant(() => START);
  const [status, changed] = await post(port, "/api/services/light/turn_on", { "area_id": "kitchen" });
  assertEquals([status, changed.length, changed[0].entity_id], [200, 1, "light.kitchen"]);
  assertEquals(await post(port, "/api/services/light/turn_on", { "entity_id": "light.none" }), [200, []]);
  assertEquals(await post(port, "/api/services/light/turn_on", {}), [400, "400: Bad Request"]);
  assertEquals(await post(port, "/api/services/light/explode", {}), [400, "400: Bad Request"]);
  assertEquals(await post(port, "/api/services/light/turn_on", []), [400, { message: "Data should be a JSON object" }]);
  const forecast = { "entity_id": "weather.home", type: "daily" };
  assertEquals((await post(port, "/api/services/weather/get_forecasts", forecast))[0], 400);
  const [, answer] = await post(port, "/api/services/weather/get_forecasts?return_response", forecast);
  assertEquals([answer.changed_states, Object.keys(answer.service_response)], [[], ["weather.home"]]);
});

Deno.test("history has the state at the start and each change until the end", async () => {
  const clock = { ms: START };
  await using port = startHomeAssistant(() => clock.ms);
  for (const state of ["1", "2", "3"]) {
    clock.ms += 1000;
    port.home.set("sensor.power", { state });
  }
  const period = (start: number, query: string) =>
    ask(port, `/api/history/period/${new Date(start).toISOString()}?${query}`);
  const [, [past]] = await period(
    START + 1500,
    `filter_entity_id=sensor.power&end_time=${new Date(clock.ms).toJSON()}`,
  );
  assertEquals(past.map(({ state }: { readonly state: string }) => state), ["1", "2"]);
  assertEquals(past[0].last_changed, "2026-01-31T12:00:01.500000+00:00");
  assertEquals(await period(START, ""), [400, { message: "filter_entity_id is missing" }]);
  assertEquals(await period(clock.ms + 1, "filter_entity_id=sensor.power"), [200, []]);
});

Deno.test("WebSocket API refuses a wrong token and closes the connection", async () => {
  await using port = startHomeAssistant();
  await using socket = open(port);
  await socket.next();
  const answer = await socket.exchange({ type: "auth", "access_token": "wrong" });
  assertEquals(answer, { type: "auth_invalid", message: "Invalid access token or password" });
  await within("the connection is closed", socket.closed);
});

Deno.test("WebSocket API refuses ids that do not increase, unknown commands and malformed messages", async () => {
  await using port = startHomeAssistant();
  await using socket = await signIn(port);
  assertEquals(await socket.exchange({ id: 5, type: "ping" }), { id: 5, type: "pong" });
  const reuse = "Identifier values have to increase.";
  assertEquals(await socket.exchange({ id: 5, type: "ping" }), failure(5, "id_reuse", reuse));
  assertEquals(await socket.exchange({ id: 9, type: "no" }), failure(9, "unknown_command", "Unknown command."));
  const malformed = "Message incorrectly formatted.";
  assertEquals(await socket.exchange({ type: "ping" }), failure(null, "invalid_format", malformed));
  // Only an accepted message raises the last id.
  assertEquals(await socket.exchange({ id: 6, type: "ping" }), { id: 6, type: "pong" });
  const unknown = await socket.exchange({ id: 7, type: "unsubscribe_events", subscription: 1 });
  assertEquals(unknown, failure(7, "not_found", "Subscription not found."));
});

Deno.test("subscribe_entities sends the states, then differences", async () => {
  const clock = { ms: START };
  await using port = startHomeAssistant(() => clock.ms);
  const { home } = port;
  const context = { id: "C", userId: null };
  home.set("sensor.a", { state: "1", attributes: { unit: "W", old: 1 }, context });
  await using socket = await signIn(port);
  const result = await socket.exchange({ id: 1, type: "subscribe_entities", "entity_ids": ["sensor.a", "sensor.b"] });
  assertEquals(result, { id: 1, type: "result", success: true, result: null });
  const nextEvent = async () => {
    const message = await socket.next();
    return typeof message === "object" && message !== null && "event" in message ? message.event : undefined;
  };
  const seconds = START / 1000;
  assertEquals(await nextEvent(), {
    a: { "sensor.a": { s: "1", a: { unit: "W", old: 1 }, c: "C", lc: seconds } },
  });
  clock.ms += 1000;
  home.set("sensor.power", { state: "not subscribed" });
  home.set("sensor.a", { state: "2", context });
  assertEquals(await nextEvent(), { c: { "sensor.a": { "+": { s: "2", lc: seconds + 1 } } } });
  clock.ms += 1000;
  home.set("sensor.a", { state: "2", attributes: { unit: "kW" }, context: { id: "D", userId: "U" } });
  assertEquals(await nextEvent(), {
    c: {
      "sensor.a": {
        "+": { lu: seconds + 2, c: { "user_id": "U", id: "D" }, a: { unit: "kW" } },
        "-": { a: ["old"] },
      },
    },
  });
  home.set("sensor.b", { state: "1", context });
  assertEquals(await nextEvent(), { a: { "sensor.b": { s: "1", a: {}, c: "C", lc: seconds + 2 } } });
  home.remove("sensor.a");
  assertEquals(await nextEvent(), { r: ["sensor.a"] });
  assertEquals(await socket.exchange({ id: 2, type: "unsubscribe_events", subscription: 1 }), {
    id: 2,
    type: "result",
    success: true,
    result: null,
  });
});

Deno.test("a script runs, says when, and answers if asked", async () => {
  await using port = startHomeAssistant(() => START);
  const [, answer] = await post(port, "/api/services/script/good_night?return_response", {});
  assertEquals(answer.service_response, { lights: "off" });
  assertEquals(port.home.state("light.living_room")?.state, "off");
  assertEquals(port.home.state("script.good_night")?.attributes["last_triggered"], "2026-01-31T12:00:00+00:00");
  assertEquals(port.simulated.calls, [{ domain: "script", service: "good_night", data: {} }]);
  assertEquals(port.simulated.requests, ["POST /api/services/script/good_night?return_response"]);
});
