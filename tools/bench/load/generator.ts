/**
 * Helper process that generates load. To leave the cores to the measured process, requests are sealed shortly before
 * the measurement, each with its own nonce and time, and every answer is opened and checked after it.
 */
import type { Aead } from "../../../src/protocol/aead.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../../src/protocol/secret_key.ts";
import { answerCommands } from "../../support/helper_process.ts";
import { quantile } from "../../support/statistics.ts";
import { postBytes } from "../../../tests/support/raw_request.ts";
import { type HttpAnswer, HttpConnection } from "./http_connection.ts";
import { checkAnswer, pathOf, requestText, type Work } from "./work.ts";

/** Load to generate. */
export interface LoadOptions {
  readonly port: number;
  /** The gateway's key, 64 hexadecimal characters. */
  readonly key: string;
  readonly work: Work;
  readonly connections: number;
  /** Requests to seal beforehand; further ones are sealed during the measurement. */
  readonly ready: number;
}

/** Result of a measurement. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  /** Milliseconds. */
  readonly p99: number;
  /** Requests that were sealed during the measurement. */
  readonly late: number;
}

interface Exchange {
  readonly number: number;
  readonly answer: HttpAnswer;
}

/** Requests that are sealed at a time: enough to keep the threads of WebCrypto busy. */
const BATCH = 256;

const OCTETS = { "Content-Type": "application/octet-stream" };

function createGenerator() {
  let options: LoadOptions | undefined;
  let key: Aead | undefined;
  let connections: HttpConnection[] = [];
  let ready: Uint8Array[] = [];
  const numbers = { first: 0, next: 0 };
  let exchanges: Exchange[] = [];

  function current(): { work: Work; key: Aead } {
    if (options === undefined || key === undefined) throw new Error("Call prepare first");
    return { work: options.work, key };
  }

  async function makeRequest(number: number): Promise<Uint8Array> {
    const { work, key } = current();
    const text = requestText(work, number);
    const body = work.kind === "proxy" ? text : await sealEnvelope(key, text, randomBytes);
    return postBytes(pathOf(work), body, OCTETS);
  }

  async function prepare(wanted: LoadOptions): Promise<void> {
    options = wanted;
    const secret = parseKey(wanted.key);
    if (secret === undefined) throw new Error("Key must be 64 hexadecimal characters");
    key = await importKey(secret);
    connections = await Promise.all(Array.from({ length: wanted.connections }, () => HttpConnection.open(wanted.port)));
    ready = [];
    exchanges = [];
    numbers.first = numbers.next;
    while (ready.length < wanted.ready) {
      const from = numbers.first + ready.length;
      ready.push(...await Promise.all(Array.from({ length: BATCH }, (_, index) => makeRequest(from + index))));
    }
  }

  async function run({ seconds }: { readonly seconds: number }): Promise<LoadResult> {
    const latencies: number[] = [];
    const began = performance.now();
    const end = began + seconds * 1000;
    async function drive(connection: HttpConnection): Promise<void> {
      while (performance.now() < end) {
        const number = numbers.next++;
        const request = ready[number - numbers.first] ?? await makeRequest(number);
        const before = performance.now();
        const answer = await connection.exchange(request);
        latencies.push(performance.now() - before);
        exchanges.push({ number, answer });
      }
    }
    await Promise.all(connections.map(drive));
    const took = (performance.now() - began) / 1000;
    for (const connection of connections) connection.close();
    return {
      requests: latencies.length,
      seconds: took,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      late: Math.max(0, numbers.next - numbers.first - ready.length),
    };
  }

  /** Opens and checks all answers; returns their number. */
  async function verify(): Promise<number> {
    const { work, key } = current();
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
