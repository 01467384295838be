/**
 * Rights that depend on the parameters of a call, and on its answer.
 *
 * @module
 */
import { parseExact, plainNumber } from "../../lib/exact_json.ts";
import { isObject } from "../../lib/json.ts";
import { valuesWeight } from "../../lib/json_weight.ts";
import { FieldError } from "../../protocol/payload.ts";
import { ScopeError } from "../../keys/rights.ts";
import { findMethod } from "./methods.ts";
import { type JeedomGrants, parseId } from "./rights.ts";
import { type Reply, revokedError, ServiceError } from "../service.ts";

/** A method with its parameters, as they are sent to Jeedom. */
export interface JeedomCall {
  /** Name of the method. */
  readonly method: string;
  /** Its parameters. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** Recipient of an answer. */
export interface ReplyOwner {
  /** Rights of the key. */
  readonly grants: JeedomGrants;
  /** Aborts when the key stops working. */
  readonly revoked?: AbortSignal | undefined;
}

/**
 * Requires that a key may make a call.
 *
 * @throws {ScopeError} if the key does not grant the method, the plugin, or a command or scenario that it names
 * @throws {FieldError} if the parameters do not show which of these they name
 */
export function authorizeCall(grants: JeedomGrants, { method, params }: JeedomCall): void {
  grants.callMethod(method, grants.grantsEveryMethod ? undefined : pluginOf(params));
  if (!grants.isLimited) return;
  const limited = findMethod(method)?.limited;
  if (limited === "command") authorizeCommands(grants, { method, params });
  if (limited === "scenario") authorizeScenario(grants, params);
}

/** With `plugin`, Jeedom runs the code of that plugin before it searches its own methods. */
function pluginOf({ plugin }: JeedomCall["params"]): string | undefined {
  if (plugin === undefined || plugin === null || plugin === "" || plugin === "core") return undefined;
  if (typeof plugin === "string" && /^[\w-]{1,64}$/.test(plugin)) return plugin;
  throw new FieldError("Invalid field: params.plugin: must be the name of a plugin");
}

function authorizeCommands(grants: JeedomGrants, { method, params }: JeedomCall): void {
  const { id, options, value } = params;
  // PHP iterates over objects as well as over lists.
  const ids: readonly unknown[] = method === "cmd::execCmd" && Array.isArray(id) ? id : [id];
  if (ids.length === 0) throw new FieldError(ID_FAULT);
  for (const one of ids) {
    const command = parseId(one);
    if (command === undefined) throw new FieldError(ID_FAULT);
    if (!grants.reachesCommand(command)) throw new ScopeError(`use the command ${command}`);
  }
  if (method === "cmd::execCmd") refuseExpressions(options);
  if (method === "cmd::event" && !isPlainText(textOf(value))) {
    throw new FieldError("Invalid field: params.value: must be a number, or text without # and (");
  }
}

function authorizeScenario(grants: JeedomGrants, { id }: JeedomCall["params"]): void {
  const scenario = parseId(id);
  if (scenario === undefined) throw new FieldError(ID_FAULT);
  if (!grants.reachesScenario(scenario)) throw new ScopeError(`use the scenario ${scenario}`);
}

const ID_FAULT = "Invalid field: params.id: must be an id in plain digits, or with cmd::execCmd a list of them";

/** Options of Jeedom's own actions, with a test of their values. */
const OPTIONS: Readonly<Record<string, (value: string) => boolean>> = {
  slider: (value) => /^-?\d{1,15}(\.\d{1,15})?$/.test(value),
  color: (value) => /^#?[0-9A-Fa-f]{6}$/.test(value),
  select: isPlainText,
  title: isPlainText,
  message: isPlainText,
};

/** Jeedom replaces `#ID#` by the value of a command, and evaluates functions such as `variable(name)`. */
function isPlainText(value: string | undefined): boolean {
  return value !== undefined && !/[#(]/.test(value);
}

/** Returns a text, or a number as text; undefined for any other value. */
function textOf(given: unknown): string | undefined {
  const value = plainNumber(given);
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** Refuses options by which a command would read others: `cmd::byId` answers the last value of a slider. */
function refuseExpressions(options: unknown): void {
  if (options === undefined || options === null || options === "") return;
  // An empty map of PHP is an empty list.
  if (Array.isArray(options) && options.length === 0) return;
  const isAllowed = isObject(options) && Object.entries(options).every(([name, value]) => {
    const text = textOf(value);
    return text !== undefined && Object.hasOwn(OPTIONS, name) && OPTIONS[name]?.(text) === true;
  });
  if (isAllowed) return;
  throw new FieldError(
    "Invalid field: params.options: may hold slider (a number), color, select, title and message, without # and (, " +
      "for a key that is limited to some commands",
  );
}

/**
 * Returns the part of an answer that its key may read.
 *
 * @throws {ServiceError} if the key stopped working during a poll, or the answer cannot be understood
 */
export function limitReply(reply: Reply, { method, grants, revoked }: ReplyOwner & Pick<JeedomCall, "method">): Reply {
  if (method !== "event::changes") return reply;
  if (revoked?.aborted) throw revokedError(revoked);
  return grants.isLimited ? { ...reply, bodyJson: ownEvents(reply.bodyJson, grants) } : reply;
}

/** Maximum memory of the parsed values of such an answer, in bytes: numbers that keep their digits take several times as much. */
const MAX_EVENTS_BYTES = 32 * 2 ** 20;

/** Returns the answer to `event::changes` with the events of the key's own commands and scenarios alone. */
function ownEvents(bodyJson: string, grants: JeedomGrants): string {
  if (valuesWeight(bodyJson) > MAX_EVENTS_BYTES) throw notUnderstood();
  const answer = parseBody(bodyJson);
  const { jsonrpc, id } = answer;
  if (isObject(answer["error"])) {
    const { code, message } = answer["error"];
    return JSON.stringify({ jsonrpc, id, error: { code, message } });
  }
  const changes = answer["result"];
  if (!isObject(changes) || !Array.isArray(changes["result"])) throw notUnderstood();
  const events = changes["result"].filter((event) => isOwnEvent(event, grants)).map((event) => {
    const { datetime, name, option } = event;
    return { datetime, name, option };
  });
  return JSON.stringify({ jsonrpc, id, result: { datetime: changes["datetime"], result: events } });
}

function parseBody(bodyJson: string): Record<string, unknown> {
  try {
    const answer = parseExact(bodyJson);
    if (isObject(answer)) return answer;
  } catch {
    // Not JSON, or nested too deeply.
  }
  throw notUnderstood();
}

function isOwnEvent(event: unknown, grants: JeedomGrants): event is Record<string, unknown> {
  if (!isObject(event) || !isObject(event["option"])) return false;
  const command = event["name"] === "cmd::update" ? parseId(event["option"]["cmd_id"]) : undefined;
  const scenario = event["name"] === "scenario::update" ? parseId(event["option"]["scenario_id"]) : undefined;
  return (command !== undefined && grants.reachesCommand(command)) ||
    (scenario !== undefined && grants.reachesScenario(scenario));
}

function notUnderstood(): ServiceError {
  return new ServiceError(502, "Jeedom's answer to event::changes cannot be understood, so it is kept from this key", {
    code: "service_answer",
  });
}
