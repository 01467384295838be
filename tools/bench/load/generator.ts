/**
 * A load generator in a process of its own. To leave the cores to what is measured, requests are sealed shortly before
 * the clock starts, each with its own fresh nonce and time, and the answers are opened and checked after it stopped:
 * every one of them.
 */
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../../src/protocol/secret_key.ts";
import { answerCommands } from "../answer_commands.ts";
import { quantile } from "../../support/statistics.ts";
import { type HttpAnswer, HttpConnection, requestBytes } from "./http_connection.ts";
import { checkAnswer, pathOf, requestText, type Work } from "./work.ts";

/** What to send where. */
export interface LoadOrder {
  readonly port: number;
  /** The gateway's key, 64 hexadecimal characters. */
  readonly key: string;
  readonly work: Work;
  readonly connections: number;
  /** How many requests to have ready; more are made on the way where these are not enough. */
  readonly ready: number;
}

/** What came of it. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  /** Milliseconds. */
  readonly p99: number;
  /** Requests that had to be made while the clock ran. */
  readonly late: number;
}

interface Exchange {
  readonly number: number;
  readonly answer: HttpAnswer;
}

/** How many requests are sealed at a time: enough to keep the threads of WebCrypto busy. */
const BATCH = 256;

function createGenerator() {
  let order: LoadOrder | undefined;
  let key: CryptoKey | undefined;
  let connections: HttpConnection[] = [];
  let ready: Uint8Array[] = [];
  const numbers = { first: 0, next: 0 };
  let exchanges: Exchange[] = [];

  function current(): { order: LoadOrder; key: CryptoKey } {
    if (order === undefined || key === undefined) throw new Error("Nothing is prepared");
    return { order, key };
  }

  async function make(number: number): Promise<Uint8Array> {
    const { order: { work }, key } = current();
    const text = requestText(work, number);
    return requestBytes(pathOf(work), work.kind === "proxy" ? text : await sealEnvelope(key, text, randomBytes));
  }

  async function prepare(wanted: LoadOrder): Promise<void> {
    order = wanted;
    const secret = parseKey(wanted.key);
    if (secret === undefined) throw new Error("Key must be 64 hexadecimal characters");
    key = await importKey(secret);
    connections = await Promise.all(Array.from({ length: wanted.connections }, () => HttpConnection.open(wanted.port)));
    ready = [];
    exchanges = [];
    numbers.first = numbers.next;
    while (ready.length < wanted.ready) {
      const from = numbers.first + ready.length;
      ready.push(...await Promise.all(Array.from({ length: BATCH }, (_, at) => make(from + at))));
    }
  }

  async function run({ seconds }: { readonly seconds: number }): Promise<LoadResult> {
    const waits: number[] = [];
    const began = performance.now();
    const end = began + seconds * 1000;
    async function drive(connection: HttpConnection): Promise<void> {
      while (performance.now() < end) {
        const number = numbers.next++;
        const request = ready[number - numbers.first] ?? await make(number);
        const before = performance.now();
        const answer = await connection.exchange(request);
        waits.push(performance.now() - before);
        exchanges.push({ number, answer });
      }
    }
    await Promise.all(connections.map(drive));
    const took = (performance.now() - began) / 1000;
    for (const connection of connections) connection.close();
    return {
      requests: waits.length,
      seconds: took,
      p50: quantile(waits, 0.5),
      p99: quantile(waits, 0.99),
      late: Math.max(0, numbers.next - numbers.first - ready.length),
    };
  }

  /** Opens and checks all answers; fails with the first wrong one. */
  async function verify(): Promise<number> {
    const { order: { work }, key } = current();
    for (let from = 0; from < exchanges.length; from += BATCH) {
      await Promise.all(
        exchanges.slice(from, from + BATCH).map(async ({ number, answer }) => {
          if (answer.status !== 200) throw new Error(`Request ${number} got HTTP ${answer.status}: ${answer.text}`);
          const text = work.kind === "proxy" ? answer.text : await openEnvelope(key, parseEnvelope(answer.text));
          checkAnswer(work, number, text);
        }),
      );
    }
    return exchanges.length;
  }

  return { prepare, run, verify };
}

await answerCommands(createGenerator());
