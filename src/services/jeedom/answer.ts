/**
 * The answers of Jeedom: JSON, texts, and what PHP leaves of them when something is wrong.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { valuesWeight } from "../../lib/json_weight.ts";
import { isObject } from "../../lib/json.ts";
import { type Reply, ServiceError, textReply } from "../service.ts";

/** An HTTP answer of Jeedom. */
export interface JeedomAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The body. */
  readonly bytes: Bytes;
}

/** What is special about the request. */
export interface ReadAnswerOptions {
  /** Whether it went to the JSON-RPC API, and not to an endpoint of a plugin, which may answer with a page. */
  readonly isApi: boolean;
  /** Called when the JSON stands between other text, as PHP's warnings do. */
  readonly onStrayText: () => void;
}

/** Beginning of an answer of the JSON-RPC API, whichever member comes first. */
const ANSWER_START = /\{\s*"(?:jsonrpc|id|result|error)"\s*:/g;

/** Most that the values of an answer may take while it is looked through, in bytes. */
const MAX_VALUES_BYTES = 96 * 2 ** 20;

/** Most places at which JSON may begin within a text: a warning may quote one. */
const MAX_BEGINNINGS = 4;

const strict = new TextDecoder("utf-8", { fatal: true });
const lenient = new TextDecoder();

/**
 * Reads an answer. JSON passes as it is; what is no JSON passes as text.
 *
 * @throws {ServiceError} if nothing came, a page instead of the API's answer, or JSON that is not UTF-8
 */
export function readAnswer(
  { status, bytes }: JeedomAnswer,
  { isApi, onStrayText }: ReadAnswerOptions,
): Reply {
  const { text, isUtf8 } = decode(bytes);
  if (text.trim() === "") return emptyReply(status);
  if (valuesWeight(text) > MAX_VALUES_BYTES) throw strange("Jeedom's answer holds too many lists and objects");
  const isWhole = parse(text) !== undefined;
  const json = isWhole ? text : jsonWithin(text);
  if (json === undefined) {
    if (isApi && status < 300 && /^\s*<(?:!doctype html|html|head|body)\b/i.test(text)) {
      throw strange(
        "Jeedom's address answered with a page for people: set JEEDOM_URL to Jeedom itself, without a login",
      );
    }
    return textReply(status, text);
  }
  if (!isUtf8) throw strange("Jeedom's answer is not UTF-8: it would arrive with other characters");
  if (!isWhole) onStrayText();
  return { status, bodyJson: json };
}

function emptyReply(status: number): Reply {
  if (status < 300) {
    throw strange("Jeedom answered nothing: one command's value is probably not UTF-8. Look for it in Jeedom");
  }
  if (status >= 500) {
    throw new ServiceError(
      status,
      `Jeedom answered HTTP ${status} and nothing else: database down or PHP error. Look into its log http.error`,
      { code: "service_answer" },
    );
  }
  return textReply(status, "");
}

/** Result or error in an answer of the JSON-RPC API. */
export type RpcOutcome =
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

/** Reads an answer of the JSON-RPC API; undefined where it is none. */
export function readRpcOutcome(status: number, text: string): RpcOutcome | undefined {
  const answer = status >= 200 && status < 300 ? parseRpcAnswer(text) : undefined;
  if (answer === undefined) return undefined;
  const { error, result } = answer;
  if (isObject(error)) return { kind: "error", code: Number(error["code"]), message: String(error["message"]) };
  return result === undefined ? undefined : { kind: "result", result };
}

/** Parses an answer of the JSON-RPC API, also where PHP wrote something else around it; undefined if there is none. */
function parseRpcAnswer(text: string): Readonly<Record<string, unknown>> | undefined {
  const answer = parse(text) ?? parse(jsonWithin(text) ?? "");
  return isObject(answer) && answer["jsonrpc"] === "2.0" ? answer : undefined;
}

/** Finds the JSON of an answer around which PHP wrote something else. */
function jsonWithin(text: string): string | undefined {
  const end = text.lastIndexOf("}") + 1;
  for (const { index } of text.matchAll(ANSWER_START).take(MAX_BEGINNINGS)) {
    const json = text.slice(index, end);
    if (isRpcAnswer(parse(json))) return json;
  }
  return undefined;
}

/** Parses JSON; returns undefined, which no JSON is, for any other text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Tells an answer from a request, which a warning may quote. */
function isRpcAnswer(value: unknown): boolean {
  return isObject(value) && value["jsonrpc"] === "2.0" && ("result" in value || "error" in value);
}

/** Decodes UTF-8, without the byte order mark that some files of PHP begin with. */
function decode(bytes: Bytes): { readonly text: string; readonly isUtf8: boolean } {
  try {
    return { text: strict.decode(bytes), isUtf8: true };
  } catch {
    return { text: lenient.decode(bytes), isUtf8: false };
  }
}

const strange = (message: string): ServiceError => new ServiceError(502, message, { code: "service_answer" });
