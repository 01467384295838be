/**
 * Faulty gateway: a proxy with the key before a correct one, which opens messages, changes them, and seals them again. A
 * repeated request is a new one to the gateway behind it.
 */
import { type RandomBytes, randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import {
  type Exchange,
  openAnswer,
  openRequest,
  parseRequest,
  sealAnswer,
  sealRequest,
  type Version,
} from "../../src/protocol/exchange.ts";
import type { SecretKey } from "../../src/protocol/secret_key.ts";
import { StreamOpener, StreamSealer } from "../../src/protocol/v2/stream.ts";
import { readChunks } from "../../src/lib/read_bytes.ts";
import { readServerSentEvents, type ServerSentEvent } from "../../src/lib/sse.ts";

export type Fields = Record<string, unknown>;

/** Request that a stream answers. */
export interface Answered {
  readonly request: Fields;
  readonly version: Version;
}

/** Changes of a proxy. */
export interface Changes {
  /** Changes the fields of a request. Several are sent one after the other; the answer to the last one counts. */
  readonly request?: (fields: Fields, route: Route) => readonly Fields[];
  /** Changes an answer. */
  readonly answer?: (answer: Fields, request: Fields) => Fields;
  /** Changes an event, drops it, or repeats it. */
  readonly event?: (event: Fields, about: Answered) => readonly Fields[];
  /** Drops comments. */
  readonly dropsComments?: boolean;
  /** Source of its nonces and salts. */
  readonly random?: RandomBytes;
}

/** Returns a `fetch` through a proxy that makes these changes. */
export function tamperingFetch(key: SecretKey, changes: Changes): typeof fetch {
  const { random = randomBytes, request: changeRequest = (fields) => [fields] } = changes;
  const { answer: changeAnswer = (answer) => answer } = changes;

  return async (input, init) => {
    const route = new URL(String(input)).pathname as Route;
    const opened = typeof init?.body === "string" ? await readRequest(key, { text: init.body, route }) : undefined;
    if (opened === undefined) return await fetch(input, init);
    const { fields, exchange } = opened;
    let answer = new Response();
    for (const changed of changeRequest(fields, route)) {
      await answer.body?.cancel();
      const { version } = exchange;
      const sealed = await sealRequest(key, JSON.stringify(changed), { version, route, random: randomBytes });
      const response = await fetch(input, { ...init, body: sealed.text });
      if (response.headers.get("Content-Type") === "text/event-stream" && response.body !== null) {
        const events = pass(response.body, { ...changes, random, inner: sealed.exchange, exchange, fields });
        answer = new Response(events, response);
      } else if (response.status !== 200) {
        answer = response;
      } else {
        const text = await response.text();
        const plain: Fields = JSON.parse(await openAnswer(sealed.exchange, text));
        answer = new Response(
          await sealAnswer(exchange, JSON.stringify(changeAnswer(plain, fields)), random),
          response,
        );
      }
    }
    return answer;
  };
}

async function readRequest(key: SecretKey, { text, route }: { readonly text: string; readonly route: Route }) {
  try {
    const opened = await openRequest(key, parseRequest(text), { route });
    const fields: Fields = JSON.parse(opened?.text ?? "");
    return opened === undefined ? undefined : { fields, exchange: opened.exchange };
  } catch {
    return undefined;
  }
}

interface PassOptions extends Changes {
  readonly random: RandomBytes;
  /** Opens events of the gateway. */
  readonly inner: Exchange;
  /** Seals events for the client. */
  readonly exchange: Exchange;
  /** Fields of the client's request. */
  readonly fields: Fields;
}

function pass(body: ReadableStream<Uint8Array>, options: PassOptions): ReadableStream<Uint8Array> {
  const closed = new AbortController();
  const records = readServerSentEvents(readChunks(body, closed.signal));
  const about = { request: options.fields, version: options.exchange.version };
  const { inner, exchange, random, event: changeEvent = (event) => [event], dropsComments = false } = options;
  let opener: StreamOpener | undefined;
  let sealer: StreamSealer | undefined;

  async function open({ data = "", id = "" }: ServerSentEvent): Promise<Fields> {
    return JSON.parse(
      opener === undefined ? await openAnswer(inner, data) : await opener.open(data, id),
    );
  }

  async function seal(event: Fields): Promise<string> {
    const text = JSON.stringify(event);
    if (sealer === undefined) return `data: ${await sealAnswer(exchange, text, random)}\n\n`;
    const { n, text: sealed } = sealer.seal(text);
    return `id: ${n}\ndata: ${await sealed}\n\n`;
  }

  async function passOn(record: ServerSentEvent): Promise<string> {
    if (record.data === undefined) return dropsComments ? "" : `: ${record.comment}\n\n`;
    if (record.event === "open") {
      if (inner.version === 1 || exchange.version === 1) throw new Error("Version 1 has no opening");
      opener = await StreamOpener.begin(inner, record.data);
      sealer = await StreamSealer.begin(exchange, random);
      return `event: open\ndata: ${sealer.opening}\n\n`;
    }
    let text = "";
    for (const event of changeEvent(await open(record), about)) text += await seal(event);
    return text;
  }

  return new ReadableStream({
    async pull(controller) {
      for (;;) {
        const { value: record, done } = await records.next();
        if (done || record === undefined) return controller.close();
        const text = await passOn(record);
        if (text !== "") return controller.enqueue(new TextEncoder().encode(text));
      }
    },
    async cancel() {
      closed.abort();
      await records.return();
    },
  });
}
