/**
 * Options of `actions add` for the request that an action sends.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import type { Options } from "../args.ts";

/** The options, each with the arguments that follow it. */
export const REQUEST_OPTIONS = {
  publish: { type: "string", value: "TOPIC MESSAGE", description: "Publish an MQTT message" },
  qos: { type: "string", value: "0|1|2", description: "Its quality of service; 0 without it" },
  retain: { type: "boolean", default: false, description: "Retain it at the broker" },
  call: { type: "string", value: "METHOD [JSON]", description: "Call a method of Jeedom" },
  http: { type: "string", value: "TARGET METHOD PATH [BODY]", description: "Send a request to a named target" },
  "home-assistant": { type: "string", value: "CALL [ENTITY…] [JSON]", description: "Call a service of Home Assistant" },
} as const satisfies Options;

/** Values of the options. */
export interface RequestValues {
  /** Topic to publish to. */
  readonly publish?: string | undefined;
  /** Its quality of service. */
  readonly qos?: string | undefined;
  /** True to retain the message. */
  readonly retain?: boolean | undefined;
  /** Method of Jeedom. */
  readonly call?: string | undefined;
  /** Named target. */
  readonly http?: string | undefined;
  /** Call of Home Assistant. */
  readonly "home-assistant"?: string | undefined;
}

/** Members of an action in the services file, and everything that is wrong. */
export interface ActionMembers {
  /** The members, as in the file. */
  readonly members: Readonly<Record<string, unknown>>;
  /** Lines about what is wrong. */
  readonly mistakes: readonly string[];
}

/** Options that name a request, of which an action has one. */
const KINDS = ["publish", "call", "http", "home-assistant"] as const;

/**
 * Returns the member of the action that has its request.
 *
 * @param rest the arguments after the name of the action that belong to no option
 */
export function requestFromOptions(values: RequestValues, rest: readonly string[]): ActionMembers {
  const [kind, second] = KINDS.filter((name) => values[name] !== undefined);
  if (kind === undefined || second !== undefined) {
    return wrong(`An action has one of ${KINDS.map((name) => `--${name}`).join(", ")}`);
  }
  const first = values[kind] ?? "";
  const isPublish = kind === "publish";
  const own = isPublish ? [] : [values.qos === undefined ? "" : "--qos", values.retain ? "--retain" : ""];
  const { members, mistakes } = PARSERS[kind](first, rest, values);
  return {
    members,
    mistakes: [...mistakes, ...own.filter((name) => name !== "").map((name) => `${name} is for --publish alone`)],
  };
}

type ParseRequest = (first: string, rest: readonly string[], values: RequestValues) => ActionMembers;

const PARSERS: Readonly<Record<typeof KINDS[number], ParseRequest>> = {
  publish(topic, [message, ...others], { qos, retain }) {
    if (message === undefined || others.length > 0) {
      return wrong("--publish needs a TOPIC and a MESSAGE; put quotes around a message with spaces");
    }
    // The rules of the file report any other text.
    const level = qos !== undefined && /^\d$/.test(qos) ? Number(qos) : qos;
    return right({ publish: { topic, message, ...level !== undefined && { qos: level }, ...retain && { retain } } });
  },
  call(method, [text, ...others]) {
    if (others.length > 0) return wrong("--call needs a METHOD, and at most one JSON object of params between quotes");
    if (text === undefined) return right({ call: { method } });
    const params = parseJson(text);
    return isObject(params) ? right({ call: { method, params } }) : wrong(`--call ${method}: ${JSON_RULE}`);
  },
  http(target, [method, path, text, ...others]) {
    if (method === undefined || path === undefined || others.length > 0) {
      return wrong("--http needs a TARGET, a METHOD such as GET and a PATH, and at most one BODY between quotes");
    }
    if (text === undefined) return right({ http: { target, method, path } });
    const json = parseJson(text);
    return right({ http: { target, method, path, body: typeof json === "object" && json !== null ? json : text } });
  },
  "home-assistant"(call, words) {
    const last = words.at(-1);
    const data = last?.startsWith("{") ? parseJson(last) : undefined;
    if (last?.startsWith("{") && !isObject(data)) return wrong(`--home-assistant ${call}: ${JSON_RULE}`);
    const entities = data === undefined ? words : words.slice(0, -1);
    const [entity, ...others] = entities;
    const target = entity === undefined ? {} : { target: { "entity_id": others.length === 0 ? entity : entities } };
    return right({ homeAssistant: { call, ...target, ...isObject(data) && { data } } });
  },
};

const JSON_RULE = `must be followed by one JSON object between quotes, such as '{"id":42}'`;

function right(members: ActionMembers["members"]): ActionMembers {
  return { members, mistakes: [] };
}

function wrong(mistake: string): ActionMembers {
  return { members: {}, mistakes: [mistake] };
}

/** Parses JSON; undefined for any other text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
