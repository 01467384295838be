/**
 * WebSocket API of a simulated Home Assistant: https://developers.home-assistant.io/docs/api/websocket
 *
 * @module
 */
import { isObject, tryParseJson } from "../lib/json.ts";
import type { HomeEvent } from "./home_assistant_home.ts";
import { configOf, type HomeAssistantServer } from "./home_assistant_server.ts";
import {
  callService,
  describeServices,
  InvalidFields,
  responseOf,
  ServiceNotFound,
} from "./home_assistant_services.ts";
import { formatTime, toCompressedState, toContext, toFullState, toStateDifference } from "./home_assistant_state.ts";

type Message = Readonly<Record<string, unknown>>;

/** Failure of a command, as the client sees it. */
class CommandError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Command: the fields that it takes beside `id` and `type`, and its work. */
interface Command {
  readonly fields: readonly string[];
  /** Sends the result, and registers its subscription. */
  readonly run: (id: number, message: Message) => void;
}

/** Serves a connection until it is closed. */
export function serveWebSocket(socket: WebSocket, server: HomeAssistantServer): void {
  const { home, version } = server;
  const subscriptions = new Map<number, () => void>();
  let isAuthorized = false;
  let lastId = 0;
  let isCoalescing = false;
  let queue: unknown[] = [];

  /** Sends a message; with the others of the same moment in one list, if the client understands lists. */
  function send(message: unknown): void {
    if (!isCoalescing) return sendNow(message);
    queue.push(message);
    if (queue.length === 1) {
      queueMicrotask(() => {
        const messages = queue;
        queue = [];
        sendNow(messages.length === 1 ? messages[0] : messages);
      });
    }
  }

  function sendNow(message: unknown): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  const sendResult = (id: number, result: unknown = null) => send({ id, type: "result", success: true, result });
  const sendError = (id: unknown, code: string, message: string) =>
    send({ id, type: "result", success: false, error: { code, message } });
  const sendEvent = (id: number, event: unknown) => send({ id, type: "event", event });

  const commands: Readonly<Record<string, Command>> = {
    ping: { fields: [], run: (id) => send({ id, type: "pong" }) },
    "supported_features": {
      fields: ["features"],
      run(id, { features }) {
        if (!isObject(features)) throw invalid("expected a dictionary", "features");
        isCoalescing = features["coalesce_messages"] !== undefined;
        sendResult(id);
      },
    },
    "get_states": { fields: [], run: (id) => sendResult(id, home.states().map(toFullState)) },
    "get_config": { fields: [], run: (id) => sendResult(id, configOf(server)) },
    "get_services": { fields: [], run: (id) => sendResult(id, describeServices()) },
    "auth/current_user": {
      fields: [],
      run: (id) => sendResult(id, { "id": server.userId, "name": "Home", "is_owner": true, "is_admin": true }),
    },
    "call_service": {
      fields: ["domain", "service", "service_data", "target", "return_response"],
      run: runService,
    },
    "subscribe_events": {
      fields: ["event_type"],
      run(id, { event_type: wanted = "*" }) {
        if (typeof wanted !== "string") throw invalid("expected str", "event_type");
        subscriptions.set(
          id,
          home.onEvent((event) => {
            if (wanted === "*" || wanted === event.type) sendEvent(id, toEvent(event));
          }),
        );
        sendResult(id);
      },
    },
    "subscribe_entities": { fields: ["entity_ids"], run: subscribeEntities },
    "unsubscribe_events": {
      fields: ["subscription"],
      run(id, { subscription }) {
        if (typeof subscription !== "number") throw invalid("expected int", "subscription");
        const stop = subscriptions.get(subscription);
        if (stop === undefined) throw new CommandError("not_found", "Subscription not found.");
        stop();
        subscriptions.delete(subscription);
        sendResult(id);
      },
    },
  };

  function runService(id: number, message: Message): void {
    const { domain, service, service_data: fields = {}, target = {}, return_response: isWanted = false } = message;
    if (typeof domain !== "string") throw invalid("expected str", "domain");
    if (typeof service !== "string") throw invalid("expected str", "service");
    if (!isObject(fields)) throw invalid("expected a dictionary", "service_data");
    if (!isObject(target)) throw invalid("expected a dictionary", "target");
    const call = { domain, service, data: { ...fields, ...target } };
    const support = responseOf(call);
    if (isWanted === true && support === "none") {
      throw new CommandError(
        "service_validation_error",
        `Validation error: An action which does not return responses can't be called with return_response=True`,
      );
    }
    if (isWanted !== true && support === "only") {
      throw new CommandError(
        "service_validation_error",
        "Validation error: The action requires responses and must be called with return_response=True",
      );
    }
    server.record(call);
    const context = home.createContext(server.userId);
    try {
      const { response } = callService(home, call, context);
      sendResult(id, { context: toContext(context), ...isWanted === true && { response } });
    } catch (error) {
      if (error instanceof ServiceNotFound) throw new CommandError("not_found", error.message);
      if (error instanceof InvalidFields) throw new CommandError("invalid_format", error.message);
      throw error;
    }
  }

  function subscribeEntities(id: number, { entity_ids: entities }: Message): void {
    if (entities !== undefined && !Array.isArray(entities)) throw invalid("expected a list", "entity_ids");
    // An empty list stands for all.
    const wanted = entities === undefined || entities.length === 0 ? undefined : new Set<unknown>(entities);
    subscriptions.set(
      id,
      home.onEvent((event) => {
        if (event.type !== "state_changed" || wanted?.has(event.entity) === false) return;
        const { entity, before, after } = event;
        if (after === undefined) sendEvent(id, { r: [entity] });
        else if (before === undefined) sendEvent(id, { a: { [entity]: toCompressedState(after) } });
        else sendEvent(id, { c: { [entity]: toStateDifference(before, after) } });
      }),
    );
    sendResult(id);
    const states = home.states().filter(({ entity }) => wanted?.has(entity) !== false);
    sendEvent(id, { a: Object.fromEntries(states.map((state) => [state.entity, toCompressedState(state)])) });
  }

  function handle(message: unknown): void {
    const { id, type } = isObject(message) ? message : {};
    if (!isObject(message) || typeof id !== "number" || !Number.isInteger(id) || id <= 0 || typeof type !== "string") {
      return sendError(isObject(message) ? id ?? null : 0, "invalid_format", "Message incorrectly formatted.");
    }
    if (id <= lastId) return sendError(id, "id_reuse", "Identifier values have to increase.");
    const command = Object.hasOwn(commands, type) ? commands[type] : undefined;
    if (command === undefined) return sendError(id, "unknown_command", "Unknown command.");
    try {
      const known = ["id", "type", ...command.fields];
      const extra = Object.keys(message).find((name) => !known.includes(name));
      if (extra !== undefined) throw invalid("extra keys not allowed", extra);
      command.run(id, message);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      sendError(id, error.code, error.message);
    }
    lastId = id;
  }

  function authorize(message: unknown): void {
    const { type, access_token: token } = isObject(message) ? message : {};
    if (type !== "auth" || typeof token !== "string") {
      sendNow({ type: "auth_invalid", message: "Auth message incorrectly formatted: required key not provided" });
      socket.close();
    } else if (server.isToken(token)) {
      isAuthorized = true;
      sendNow({ type: "auth_ok", "ha_version": version });
    } else {
      sendNow({ type: "auth_invalid", message: "Invalid access token or password" });
      socket.close();
    }
  }

  socket.addEventListener("open", () => sendNow({ type: "auth_required", "ha_version": version }));
  socket.addEventListener("message", ({ data }) => {
    const message = typeof data === "string" ? tryParseJson(data) : undefined;
    // What is no JSON ends the connection.
    if (message === undefined) socket.close();
    else if (!isAuthorized) authorize(message);
    else for (const one of Array.isArray(message) ? message : [message]) handle(one);
  });
  socket.addEventListener("close", () => {
    for (const stop of subscriptions.values()) stop();
    subscriptions.clear();
  });
}

function invalid(problem: string, field: string): CommandError {
  return new CommandError("invalid_format", `${problem} @ data['${field}']`);
}

/** Makes the form of an event for `subscribe_events`. */
function toEvent(event: HomeEvent): Message {
  const { type, at, context } = event;
  const data = type === "call_service"
    ? { "domain": event.call.domain, "service": event.call.service, "service_data": event.call.data }
    : {
      "entity_id": event.entity,
      "old_state": event.before === undefined ? null : toFullState(event.before),
      "new_state": event.after === undefined ? null : toFullState(event.after),
    };
  return { "event_type": type, data, origin: "LOCAL", "time_fired": formatTime(at), context: toContext(context) };
}
