/**
 * Answers for whoever proved a key.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import type { SealedText } from "../protocol/aead.ts";
import { type Bytes, free, type RandomBytes } from "../protocol/bytes.ts";
import { type Exchange, sealAnswer } from "../protocol/exchange.ts";
import { KeyedMutex } from "../lib/async.ts";
import type { Reply } from "../services/service.ts";
import type { BudgetHolder, MemoryBudget } from "../limits/memory_budget.ts";

/** Seals replies. */
export type SealReply = (exchange: Exchange, reply: Reply) => Promise<SealedText>;

/**
 * Makes the function that seals replies: status, body, the gateway's clock, and who answers.
 *
 * @param now the wall clock, in milliseconds since 1970
 */
export function createSealReply(now: () => number, random: RandomBytes): SealReply {
  const turns = new KeyedMutex();
  const seal: SealReply = (exchange, { status, bodyJson, bodyGzip, source, service }) => {
    // Whole seconds: some clients read the timestamp as an integer. The body is JSON text already.
    const timestamp = Math.floor(now() / 1000);
    const body = bodyGzip === undefined ? `"body":${bodyJson}` : `"body_gzip":"${bodyGzip}"`;
    const rest = JSON.stringify({ timestamp, source, service }).slice(1);
    return sealAnswer(exchange, `{"status":${status},${body},${rest}`, random);
  };
  // A large one takes several times its length while it is sealed.
  return (exchange, reply) =>
    reply.bodyJson.length <= LARGE_LENGTH
      ? seal(exchange, reply)
      : turns.runExclusive("large", () => seal(exchange, reply));
}

/**
 * Makes responses that carry sealed replies.
 *
 * @param owner name of the key whose request is answered
 */
export type ToResponse = (answer: SealedText, owner: string) => Response;

/**
 * Makes the function that answers with sealed replies. A large one that nobody reads must not stay for ever: who asks
 * for many of them and reads none would fill the memory.
 *
 * @param unread where all that waits is counted
 * @param log told of answers that are broken off
 */
export function createToResponse(unread: MemoryBudget, log: Pick<Log, "warn">): ToResponse {
  const headers = { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" };
  return (answer, owner) => {
    if (answer.length <= PIECE) return new Response(answer, { headers });
    const onBreak = () => log.warn("Answer for {key} was broken off: it was not read", { key: owner });
    const { body } = new StreamedBody(ascii.encode(answer), { budget: unread, owner, onBreak });
    return new Response(body, { headers: { ...headers, "Content-Length": String(answer.length) } });
  };
}

/** A longer body is sealed alone, in characters. */
const LARGE_LENGTH = 2 ** 20;

/** Length of a piece of an answer, in bytes, and in characters as well: base64 is ASCII. */
const PIECE = 64 * 1024;

/** How long somebody may leave the next piece untouched, in milliseconds: nobody is so slow who is still there. */
const STALL_TIMEOUT_MS = 30_000;

const NOTHING = new Uint8Array();

const ascii = new TextEncoder();

/** Where an unread answer is counted, and for whom. */
interface StreamedBodyOptions {
  readonly budget: MemoryBudget;
  readonly owner: string;
  /** Called when the answer is broken off. */
  readonly onBreak: () => void;
}

/** Hands an answer over as it is read, and lets go of it when it is not read. */
class StreamedBody implements BudgetHolder {
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array>;
  /** Name of the key that it belongs to. */
  readonly owner: string;
  readonly #options: StreamedBodyOptions;
  readonly #length: number;
  readonly #answer: Bytes;
  #rest: Uint8Array;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(answer: Bytes, options: StreamedBodyOptions) {
    this.owner = options.owner;
    this.#options = options;
    this.#length = answer.length;
    this.#answer = answer;
    this.#rest = answer;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: (controller) => {
        controller.enqueue(this.#rest.slice(0, PIECE));
        this.#keep(this.#rest.subarray(PIECE));
        if (this.#rest.length === 0) controller.close();
      },
      cancel: () => this.#keep(NOTHING),
    }, { highWaterMark: 0 });
    this.#keep(answer);
  }

  /**
   * Breaks the answer off: the connection ends short of `Content-Length`. Not by an error, which Deno prints with its
   * stack.
   */
  evict(): void {
    this.#keep(NOTHING);
    this.#controller?.close();
    this.#options.onBreak();
  }

  #keep(rest: Uint8Array): void {
    // The end of an array keeps all of it, so it counts as a whole until nothing is left.
    this.#rest = rest.length > 0 ? rest : NOTHING;
    clearTimeout(this.#stallTimer);
    if (rest.length > 0) this.#stallTimer = setTimeout(() => this.evict(), STALL_TIMEOUT_MS);
    this.#options.budget.set(this, rest.length > 0 ? this.#length : 0);
    // What was handed over are copies.
    if (rest.length === 0) free(this.#answer);
  }
}
