/**
 * Forms in which a payload is shown. All of them are bounded: a payload may be huge, and its JSON very deep.
 *
 * @module
 */
import { tryParseJson } from "../../../../lib/json.ts";
import { visibleLines } from "../../../text/visible.ts";
import type { Message } from "../model/message.ts";
import { MAX_PARSED } from "../model/value_path.ts";
import { pictureType } from "./picture.ts";

/** Form of a payload. */
export type PayloadForm = "json" | "text" | "hex" | "picture";

/** Text of a payload in one form. */
export interface PayloadText {
  /** Text, safe to show. */
  readonly text: string;
  /** Number of characters, or of bytes, that the text stands for. */
  readonly shown: number;
  /** Number of all characters, or bytes. */
  readonly all: number;
}

/** Most characters that are shown. */
const MAX_TEXT = 20_000;

/** Most bytes that are shown. */
const MAX_HEX = 4096;

/** Bytes in one line. */
const LINE_BYTES = 16;

/** Deepest JSON that is indented: deeper, the indentation alone would fill the memory. */
const MAX_DEPTH = 40;

/** Payload of a message. */
type Payload = Pick<Message, "payload" | "base64">;

/** Returns the forms that a payload has, the best first. */
export function formsOf(message: Payload): readonly PayloadForm[] {
  if (message.payload === null) return pictureType(message) === undefined ? ["hex"] : ["picture", "hex"];
  return parseTree(message.payload) === undefined ? ["text", "hex"] : ["json", "text", "hex"];
}

/** Returns a payload as text, JSON with one member in each line, or bytes. */
export function payloadText(message: Payload, form: Exclude<PayloadForm, "picture">): PayloadText {
  if (form === "hex" || message.payload === null) return hexDump(message);
  const tree = form === "json" ? parseTree(message.payload) : undefined;
  const all = tree === undefined ? message.payload : JSON.stringify(tree, null, 2);
  const cut = all.length > MAX_TEXT ? all.slice(0, MAX_TEXT).toWellFormed() : all;
  return { text: visibleLines(cut), shown: cut.length, all: all.length };
}

/** Returns at most so many bytes of a payload. */
export function bytesOfPayload({ payload, base64 }: Payload, most = Infinity): Uint8Array<ArrayBuffer> {
  if (base64 === undefined) return new TextEncoder().encode((payload ?? "").slice(0, most)).subarray(0, most);
  const part = base64.slice(0, Math.ceil(most / 3) * 4);
  try {
    return Uint8Array.from(atob(part), (character) => character.charCodeAt(0)).subarray(0, most);
  } catch {
    return new Uint8Array();
  }
}

/** Parses an object or array that is neither long nor deep; undefined for anything else. */
function parseTree(text: string): object | undefined {
  if (text.length > MAX_PARSED || !/^\s*[[{]/.test(text)) return undefined;
  const value = tryParseJson(text);
  return typeof value === "object" && value !== null && isShallow(value) ? value : undefined;
}

function isShallow(root: object): boolean {
  let level: readonly object[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return false;
    level = level.flatMap((value) => Object.values(value)).filter((value) =>
      typeof value === "object" && value !== null
    );
  }
  return true;
}

/** Returns lines of an offset, bytes, and the characters that they are in ASCII. */
function hexDump(message: Payload): PayloadText {
  const bytes = bytesOfPayload(message, MAX_HEX);
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += LINE_BYTES) {
    const line = [...bytes.subarray(offset, offset + LINE_BYTES)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const ascii = line.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·").join("");
    lines.push(`${offset.toString(16).padStart(4, "0")}  ${hex.padEnd(LINE_BYTES * 3 - 1)}  ${ascii}`);
  }
  const { payload, base64 } = message;
  const all = base64 === undefined ? new TextEncoder().encode(payload ?? "").length : bytesInBase64(base64);
  return { text: lines.join("\n"), shown: bytes.length, all };
}

function bytesInBase64(base64: string): number {
  return Math.floor(base64.replace(/=+$/, "").length * 3 / 4);
}
