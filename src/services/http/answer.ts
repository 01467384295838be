/**
 * Answers of servers: bytes in base64, JSON, or text.
 *
 * @module
 */
import { tryParseJson } from "../../lib/json.ts";
import { isNestedDeeper, valuesWeight } from "../../lib/json_weight.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { type Reply, ServiceError, textReply } from "../service.ts";

/** An HTTP answer. */
export interface HttpAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Headers for the client. */
  readonly headers: Readonly<Record<string, string>>;
  /** Body. */
  readonly bytes: Bytes;
}

/** Encodings that leave a body as it is: others are those that the gateway does not decode. */
const PLAIN = /^(?:identity)?$/i;

/** Maximum memory of an answer's parsed values, in bytes. */
const MAX_VALUES_BYTES = 96 * 2 ** 20;

/** Most levels of lists and objects in JSON that passes as such: PHP reads as many. */
const MAX_LEVELS = 512;

/**
 * Makes the reply of an answer: JSON passes unchanged, other texts as text, and so does JSON with too many levels.
 *
 * @param isRaw true for the bytes in base64 in place of the body
 * @throws {ServiceError} if it is compressed in a way that the gateway does not decode, or the values of its JSON would
 * take too much memory
 */
export function readHttpAnswer({ status, headers, bytes }: HttpAnswer, isRaw: boolean): Reply {
  const type = headers["content-type"] ?? "";
  if (isRaw) {
    return { status, bodyJson: "null", members: { headers, body_b64: bytes.toBase64(), content_type: type } };
  }
  if (bytes.length > 0 && !PLAIN.test(headers["content-encoding"] ?? "")) {
    throw new ServiceError(502, "The answer is compressed in a way that the gateway does not decode: set raw to true", {
      code: "service_answer",
    });
  }
  const text = decode(bytes, type);
  if (/^\s*[[{"\-\dtfn]/.test(text) && !isNestedDeeper(MAX_LEVELS, text)) {
    if (valuesWeight(text) > MAX_VALUES_BYTES) {
      throw new ServiceError(502, "The answer holds too many lists and objects: set raw to true", {
        code: "service_answer",
      });
    }
    if (tryParseJson(text) !== undefined) return { status, bodyJson: text, members: { headers } };
  }
  return { ...textReply(status, text), members: { headers } };
}

/** Decodes a text: as UTF-8, or if it is none in the character set of its type. */
function decode(bytes: Bytes, type: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return decoderOf(type).decode(bytes);
  }
}

function decoderOf(type: string): TextDecoder {
  try {
    return new TextDecoder(/;\s*charset="?([\w\-]{1,32})/i.exec(type)?.[1]);
  } catch {
    return new TextDecoder();
  }
}
