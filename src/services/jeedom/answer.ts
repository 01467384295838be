/**
 * Answers of Jeedom: JSON, texts, and JSON with warnings of PHP around it.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { valuesWeight } from "../../lib/json_weight.ts";
import { isObject, tryParseJson } from "../../lib/json.ts";
import { type Reply, ServiceError, textReply } from "../service.ts";

/** An HTTP answer of Jeedom. */
export interface JeedomAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The body. */
  readonly bytes: Bytes;
}

/** Options of an answer. */
export interface ReadAnswerOptions {
  /** True for the JSON-RPC API; an endpoint of a plugin may answer with a page. */
  readonly isApi: boolean;
  /** Called when there is other text around the JSON, such as warnings of PHP. */
  readonly onStrayText: () => void;
}

/** Beginning of an answer of the JSON-RPC API, whichever member comes first. */
const ANSWER_START = /\{\s*"(?:jsonrpc|id|result|error)"\s*:/g;

/** Maximum memory of an answer's parsed values, in bytes. */
const MAX_VALUES_BYTES = 96 * 2 ** 20;

/** Maximum number of positions at which JSON may begin within a text: a warning may quote one. */
const MAX_BEGINNINGS = 4;

const strict = new TextDecoder("utf-8", { fatal: true });
const lenient = new TextDecoder();

/**
 * Parses an answer. JSON passes unchanged; other answers pass as text.
 *
 * @throws {ServiceError} if the answer is empty, a page instead of the API's answer, or JSON that is not UTF-8
 */
export function readAnswer(
  { status, bytes }: JeedomAnswer,
  { isApi, onStrayText }: ReadAnswerOptions,
): Reply {
  const { text, isUtf8 } = decode(bytes);
  if (text.trim() === "") return emptyReply(status);
  if (valuesWeight(text) > MAX_VALUES_BYTES) throw malformed("Jeedom's answer holds too many lists and objects");
  const isWhole = tryParseJson(text) !== undefined;
  const json = isWhole ? text : jsonWithin(text);
  if (json === undefined) {
    if (isApi && status < 300 && /^\s*<(?:!doctype html|html|head|body)\b/i.test(text)) {
      throw malformed(
        "Jeedom's address answered with a page for people: set JEEDOM_URL to Jeedom itself, without a login",
      );
    }
    return textReply(status, text);
  }
  if (!isUtf8) throw malformed("Jeedom's answer is not UTF-8: it would arrive with other characters");
  if (!isWhole) onStrayText();
  return { status, bodyJson: json };
}

function emptyReply(status: number): Reply {
  if (status < 300) {
    throw malformed("Jeedom answered nothing: one command's value is probably not UTF-8. Look for it in Jeedom");
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

/** Parses an answer of the JSON-RPC API; undefined if it is none. */
export function readRpcOutcome(status: number, text: string): RpcOutcome | undefined {
  const answer = status >= 200 && status < 300 ? parseRpcAnswer(text) : undefined;
  if (answer === undefined) return undefined;
  const { error, result } = answer;
  if (isObject(error)) return { kind: "error", code: Number(error["code"]), message: String(error["message"]) };
  return result === undefined ? undefined : { kind: "result", result };
}

/** Parses an answer of the JSON-RPC API, also with other text of PHP around it; undefined if there is none. */
function parseRpcAnswer(text: string): Readonly<Record<string, unknown>> | undefined {
  const answer = tryParseJson(text) ?? tryParseJson(jsonWithin(text) ?? "");
  return isObject(answer) && answer["jsonrpc"] === "2.0" ? answer : undefined;
}

/** Finds the JSON of an answer with other text around it. */
function jsonWithin(text: string): string | undefined {
  const end = text.lastIndexOf("}") + 1;
  for (const { index } of text.matchAll(ANSWER_START).take(MAX_BEGINNINGS)) {
    const json = text.slice(index, end);
    if (isRpcAnswer(tryParseJson(json))) return json;
  }
  return undefined;
}

/** Returns whether a value is an answer, and not a request, which a warning may quote. */
function isRpcAnswer(value: unknown): boolean {
  return isObject(value) && value["jsonrpc"] === "2.0" && ("result" in value || "error" in value);
}

/** Decodes UTF-8, without a byte order mark, which some files of PHP begin with. */
function decode(bytes: Bytes): { readonly text: string; readonly isUtf8: boolean } {
  try {
    return { text: strict.decode(bytes), isUtf8: true };
  } catch {
    return { text: lenient.decode(bytes), isUtf8: false };
  }
}

const malformed = (message: string): ServiceError => new ServiceError(502, message, { code: "service_answer" });
