/** Whether an answer is one that docs/protocol.md knows. */
import { type Exchange, openAnswer } from "../../src/protocol/exchange.ts";
import { StreamOpener } from "../../src/protocol/v2/stream.ts";
import { openEnvelope, parseEnvelope } from "../../src/protocol/v1/envelope.ts";
import type { Port } from "./fuzz_request.ts";
import type { RawAnswer } from "./raw_connection.ts";

/** What an answer says. */
export interface Verdict {
  /** What came, in few words: the HTTP status, and the sealed one. */
  readonly outcome: string;
  /** What ran, if anything. */
  readonly ran?: "publish" | "call" | undefined;
  /** Whether the gateway itself refused it, to a sender who proved a key. */
  readonly isRefusal?: boolean;
  /** What was sealed. */
  readonly text?: string;
  /** What is wrong with it. */
  readonly fault?: string;
}

/** What the Jeedom of this test answers. */
export const JEEDOM_RESULT = "fuzz ok";

/** Messages in plain text by their status. */
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

/** What the HTTP server says by itself, without a body, to what is no HTTP that it understands. */
const SERVER: readonly number[] = [400, 414, 431, 505];

const SEALED: readonly number[] = [200, 400, 403, 409, 429, 502, 504];

/** With these the gateway refuses by itself; Jeedom of this test answers with 200 alone. */
const REFUSED: readonly number[] = [400, 403];

/** Looks at an answer; `exchange` is what a sealed one opens with. */
export async function judge(
  answer: RawAnswer,
  { port, exchange }: { readonly port: Port; readonly exchange: Exchange | undefined },
): Promise<Verdict> {
  const type = answer.headers.get("content-type") ?? "";
  const outcome = String(answer.status);
  if (type === "application/octet-stream" || type === "text/event-stream") {
    if (answer.status !== 200) return { outcome, fault: `Sealed answer with status ${answer.status}` };
    if (exchange === undefined) return { outcome, fault: "Sealed answer to what no key opens" };
    return type === "text/event-stream" ? await judgeStream(answer, exchange) : await judgeSealed(answer, exchange);
  }
  return { outcome, ...judgePlain(answer, port) };
}

function judgePlain({ status, body }: RawAnswer, port: Port): { readonly fault?: string } {
  // Health and metrics; their own tests know what they say.
  if (status === 200 && !/polluted|at file:/.test(body)) return {};
  if (port === "metrics" && [400, 404, 405, 421, 503].includes(status)) return {};
  if (status === 503 && /^\{"status":"unavailable"/.test(body)) return {};
  if (body === "") {
    return SERVER.includes(status) || status in PLAIN ? {} : { fault: `Status ${status} without a body` };
  }
  const known = PLAIN[status]?.some((message) => body === JSON.stringify({ error: message }));
  return known ? {} : { fault: `Plain ${status} ${JSON.stringify(body.slice(0, 200))}` };
}

async function judgeSealed({ body }: RawAnswer, exchange: Exchange): Promise<Verdict> {
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
  if (text.includes(JEEDOM_RESULT)) return { outcome, text, ran: "call" };
  if (text.includes("Published successfully")) return { outcome, text, ran: "publish" };
  return { outcome, fault: `Success without an effect: ${text.slice(0, 200)}` };
}

async function judgeStream({ body }: RawAnswer, exchange: Exchange): Promise<Verdict> {
  const [first = "", second = ""] = body.split("\n\n").filter((record) => /^data: /m.test(record));
  const data = (record: string) => /^data: (.*)$/m.exec(record)?.[1] ?? "";
  try {
    const event = JSON.parse(
      exchange.version === 1
        ? await openEnvelope(exchange.key.aead, parseEnvelope(data(first)))
        : await (await StreamOpener.begin(exchange, data(first))).open(data(second), "0"),
    );
    const isPaced = event.type === "error" && /^Too many /.test(event.message);
    const outcome = `200 ${event.type}${isPaced ? " 429" : ""}`;
    const isKnown = event.type === "connected" || event.type === "error";
    const isRefusal = event.type === "error" && !event.message.startsWith("MQTT error");
    if (isKnown && event.message !== "Internal error") return { outcome, text: event.message, isRefusal };
    return { outcome, fault: `First event: ${JSON.stringify(event).slice(0, 200)}` };
  } catch (error) {
    return { outcome: "200", fault: `First event does not open: ${error}: ${JSON.stringify(body.slice(0, 200))}` };
  }
}
