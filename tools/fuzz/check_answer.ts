/** Checks an answer against docs/protocol.md. */
import { type Exchange, openAnswer } from "../../src/protocol/exchange.ts";
import { StreamOpener } from "../../src/protocol/v2/stream.ts";
import { openEnvelope, parseEnvelope } from "../../src/protocol/v1/envelope.ts";
import { recordData } from "../support/sse_records.ts";
import type { Port } from "./fuzz_request.ts";
import type { RawAnswer } from "./raw_connection.ts";

/** Result of the check of an answer. */
export interface AnswerCheck {
  /** HTTP status and sealed status. */
  readonly outcome: string;
  /** Executed service, if any. */
  readonly executed?: "publish" | "call" | undefined;
  /** True if the gateway itself refused an authenticated request. */
  readonly isRefusal?: boolean;
  /** Sealed text. */
  readonly text?: string;
  /** Violation of the protocol. */
  readonly fault?: string;
}

/** Result that the Jeedom of this tool returns. */
export const JEEDOM_RESULT = "fuzz ok";

/** Unsealed error messages by status. */
const PLAIN: Readonly<Record<number, readonly string[]>> = {
  400: ["Bad request", "Request body broke off"],
  401: ["Decryption failed"],
  404: ["Not found"],
  405: ["Method not allowed"],
  408: ["Request body too slow"],
  413: ["Request body too large"],
  429: ["Too many requests"],
  503: ["Too many requests to remember"],
};

/** Statuses of the HTTP server itself, without a body, for malformed HTTP. */
const SERVER_STATUSES: readonly number[] = [400, 414, 431, 505];

const SEALED: readonly number[] = [200, 400, 403, 409, 429, 502, 504];

/** Statuses with which the gateway itself refuses; the Jeedom of this tool always returns 200. */
const REFUSED: readonly number[] = [400, 403];

/** Checks an answer; `exchange` opens a sealed one. */
export async function checkAnswer(
  answer: RawAnswer,
  { port, exchange }: { readonly port: Port; readonly exchange: Exchange | undefined },
): Promise<AnswerCheck> {
  const type = answer.headers.get("content-type") ?? "";
  const outcome = String(answer.status);
  if (type === "application/octet-stream" || type === "text/event-stream") {
    if (answer.status !== 200) return { outcome, fault: `Sealed answer with status ${answer.status}` };
    if (exchange === undefined) return { outcome, fault: "Sealed answer to an unauthenticated request" };
    return type === "text/event-stream" ? await checkStream(answer, exchange) : await checkSealed(answer, exchange);
  }
  return { outcome, ...checkPlain(answer, port) };
}

function checkPlain({ status, body }: RawAnswer, port: Port): { readonly fault?: string } {
  // Health and metrics, whose content has its own tests.
  if (status === 200 && !/polluted|at file:/.test(body)) return {};
  if (port === "metrics" && [400, 404, 405, 421, 503].includes(status)) return {};
  if (status === 503 && /^\{"status":"unavailable"/.test(body)) return {};
  if (body === "") {
    return SERVER_STATUSES.includes(status) || status in PLAIN ? {} : { fault: `Status ${status} without a body` };
  }
  const known = PLAIN[status]?.some((message) => body === JSON.stringify({ error: message }));
  return known ? {} : { fault: `Plain ${status} ${JSON.stringify(body.slice(0, 200))}` };
}

async function checkSealed({ body }: RawAnswer, exchange: Exchange): Promise<AnswerCheck> {
  let reply: { status: number; body: unknown; timestamp: number };
  try {
    reply = JSON.parse(await openAnswer(exchange, body));
  } catch (error) {
    return { outcome: "200", fault: `Answer does not open: ${error}` };
  }
  const outcome = `200 ${reply.status}`;
  const text = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
  const isRefusal = REFUSED.includes(reply.status) && /^\{"error":"/.test(text);
  if (!Number.isInteger(reply.timestamp)) return { outcome, fault: "Answer without a timestamp" };
  if (reply.status === 500 && typeof reply.body === "string" && reply.body.startsWith('{"error":"MQTT error: ')) {
    return { outcome, text };
  }
  if (!SEALED.includes(reply.status)) return { outcome, fault: `Sealed ${reply.status} ${text.slice(0, 200)}` };
  if (reply.status !== 200) return { outcome, text, isRefusal };
  if (text.includes(JEEDOM_RESULT)) return { outcome, text, executed: "call" };
  if (text.includes("Published successfully")) return { outcome, text, executed: "publish" };
  return { outcome, fault: `Success without an effect: ${text.slice(0, 200)}` };
}

async function checkStream({ body }: RawAnswer, exchange: Exchange): Promise<AnswerCheck> {
  const [first = "", second = ""] = recordData(body);
  try {
    const event = JSON.parse(
      exchange.version === 1
        ? await openEnvelope(exchange.key.aead, parseEnvelope(first))
        : await (await StreamOpener.begin(exchange, first)).open(second, "0"),
    );
    const isRateLimited = event.type === "error" && /^Too many /.test(event.message);
    const outcome = `200 ${event.type}${isRateLimited ? " 429" : ""}`;
    const isKnown = event.type === "connected" || event.type === "error";
    const isRefusal = event.type === "error" && !event.message.startsWith("MQTT error");
    if (isKnown && event.message !== "Internal error") return { outcome, text: event.message, isRefusal };
    return { outcome, fault: `First event: ${JSON.stringify(event).slice(0, 200)}` };
  } catch (error) {
    return { outcome: "200", fault: `First event does not open: ${error}: ${JSON.stringify(body.slice(0, 200))}` };
  }
}
