/**
 * Answers for whoever proved a key.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { type Exchange, sealAnswer } from "../protocol/exchange.ts";
import type { Reply } from "../services/service.ts";
import type { Backlog, BacklogHolder } from "./backlog.ts";

/** Seals replies. */
export type SealReply = (exchange: Exchange, reply: Reply) => Promise<SealedText>;

/**
 * Makes the function that seals replies: status, body, the gateway's clock, and who answers.
 *
 * @param now the wall clock, in milliseconds since 1970
 */
export function createSealReply(now: () => number, random: RandomBytes): SealReply {
  return (exchange, { status, bodyJson, bodyGzip, source, service }) => {
    // Whole seconds: some clients read the timestamp as an integer. The body is JSON text already.
    const timestamp = Math.floor(now() / 1000);
    const body = bodyGzip === undefined ? `"body":${bodyJson}` : `"body_gzip":"${bodyGzip}"`;
    const rest = JSON.stringify({ timestamp, source, service }).slice(1);
    return sealAnswer(exchange, `{"status":${status},${body},${rest}`, random);
  };
}

/** Makes responses that carry sealed replies. */
export type CarryReply = (answer: SealedText) => Response;

/**
 * Makes the function that answers with sealed replies. A large one that nobody reads must not stay for ever: who asks
 * for many of them and reads none would fill the memory.
 *
 * @param unread where all that waits is counted
 */
export function createCarryReply(unread: Backlog): CarryReply {
  const headers = { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" };
  return (answer) => {
    if (answer.length <= PIECE) return new Response(answer, { headers });
    const { body } = new UnreadAnswer(ascii.encode(answer), unread);
    return new Response(body, { headers: { ...headers, "Content-Length": String(answer.length) } });
  };
}

/** Length of a piece of an answer, in bytes, and in characters as well: base64 is ASCII. */
const PIECE = 64 * 1024;

/** How long somebody may leave the next piece untouched, in milliseconds: nobody is so slow who is still there. */
const PATIENCE_MS = 30_000;

const NOTHING = new Uint8Array();

const ascii = new TextEncoder();

/** Hands an answer over as it is read, and lets go of it when it is not read. */
class UnreadAnswer implements BacklogHolder {
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array>;
  readonly #unread: Backlog;
  readonly #length: number;
  #rest: Uint8Array;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(answer: Uint8Array, unread: Backlog) {
    this.#unread = unread;
    this.#length = answer.length;
    this.#rest = answer;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        this.#keep(this.#rest);
      },
      pull: (controller) => {
        controller.enqueue(this.#rest.slice(0, PIECE));
        this.#keep(this.#rest.subarray(PIECE));
        if (this.#rest.length === 0) controller.close();
      },
      cancel: () => this.#keep(NOTHING),
    }, { highWaterMark: 0 });
  }

  /** Breaks the answer off. */
  giveUp(): void {
    this.#keep(NOTHING);
    this.#controller?.error(new Error("Answer is not read"));
  }

  #keep(rest: Uint8Array): void {
    // The end of an array keeps all of it, so it counts as a whole until nothing is left.
    this.#rest = rest.length > 0 ? rest : NOTHING;
    clearTimeout(this.#patience);
    if (rest.length > 0) this.#patience = setTimeout(() => this.giveUp(), PATIENCE_MS);
    this.#unread.set(this, rest.length > 0 ? this.#length : 0);
  }
}
